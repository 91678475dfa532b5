"""One writer per key: a lease whose token grows with each owner, so that an orphan can never write after a takeover.

    acquire --> free, released, owner dead, driver dead ... token + 1 --> Lease
            --> owner alive under a live driver ........... wait (same driver) or LeaseHeldError

    Lease.guard():  lock lease.lock -> is the token still mine? -> append or commit -> unlock       else FencedError

A driver is the process that a person started; an owner is the process (often an actor) that trains. An owner that
outlives its driver is an orphan. The heartbeat is the modification time of lease.json: all times come from one clock,
that of the file system. Where the folder is one machine's cache of a store, `Claims` decide between machines.
"""

import json
import os
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from rcflab.errors import FencedError, LabError, StorageError
from rcflab.ledger.files import LockBusyError, file_lock, key_folder, replace_json, storage_errors
from rcflab.ledger.process import ProcessId, is_alive, this_process
from rcflab.storage.claims import Claims, SoleClaims

__all__ = ["HEARTBEAT_TTL_S", "Lease", "LeaseHeldError", "LeaseInfo", "ProcessId", "acquire", "holder", "is_alive",
           "this_process"]  # fmt: skip

HEARTBEAT_TTL_S = 60.0
"""An owner on another host that gave no sign for so long counts as dead."""
_BEAT_EVERY_S = 5.0
_LOCK_TIMEOUT_S = 30.0


class LeaseHeldError(LabError):
    """A live process trains this key already."""

    exit_code = 75


@dataclass(frozen=True, slots=True)
class LeaseInfo:
    """What lease.json says."""

    token: int
    owner: ProcessId
    driver: ProcessId
    released: bool
    beat_s: float
    """Last sign of life, seconds since 1970 on the file system's clock."""


def acquire(
    storage: Path, key: str, driver: ProcessId, *, wait_s: float = 0, gone: int = 0, claims: Claims | None = None
) -> "Lease":
    """Become the owner of `key` for this process, working for `driver`.

    Waits up to `wait_s` seconds for another owner under the same driver (an attempt that is still dying), and for one
    on another host to show that it lives or to be silent for too long. Raises LeaseHeldError when the key is held by a
    live owner of a live driver, StorageError where the folder cannot be written. A lease that this very process holds
    is taken over: who asks again has given the former attempt up. So is one with a token up to `gone`: whoever had it
    is known to be lost, and need not fall silent first.
    """
    folder = key_folder(storage, key)
    with storage_errors(folder, "create"):
        folder.mkdir(parents=True, exist_ok=True)
    claims = claims or SoleClaims()
    deadline = time.monotonic() + wait_s
    first: LeaseInfo | None = None
    while True:
        claims.refresh()
        got = _try_to_take(folder, key, driver, gone, claims)
        if isinstance(got, Lease):
            return got
        first = first or got
        is_over = time.monotonic() >= deadline
        if got is not None and first is not None and (is_over or not (got.driver == driver or _is_silent(first, got))):
            raise LeaseHeldError(_held_message(key, got))
        time.sleep(claims.poll_s)


def _is_silent(first: LeaseInfo, now: LeaseInfo) -> bool:
    """Whether the owner may be dead: on another host, and without a sign of life since `first`."""
    return now.owner.host != this_process().host and (now.token, now.beat_s) == (first.token, first.beat_s)


def _try_to_take(folder: Path, key: str, driver: ProcessId, gone: int, claims: Claims) -> "Lease | LeaseInfo | None":
    """The lease, or who holds it; None where another machine has just taken it."""
    try:
        with file_lock(folder / "lease.lock", _LOCK_TIMEOUT_S) as lock:
            held = _read(folder)
            lost = held is not None and held.driver == driver and held.token <= gone
            if held is None or lost or held.owner == this_process() or not _is_live(held, _clock_of(lock)):
                return _take(folder, key, held, driver, claims)
            return held
    except LockBusyError as error:
        raise LeaseHeldError(f"{key}: {error}; end that process and run the same command again") from error


def holder(storage: Path, key: str) -> LeaseInfo | None:
    """The live holder of `key`, None when anyone may take it. Writes nothing."""
    info = _read(key_folder(storage, key))
    return info if info is not None and _is_live(info, time.time()) else None


class Lease:
    """The right to write under one key. Safe to use from several threads of the owner."""

    def __init__(self, folder: Path, key: str, token: int, owner: ProcessId, driver: ProcessId, claims: Claims) -> None:
        self.folder, self.key, self.token, self.owner, self.driver = folder, key, token, owner, driver
        self._claims = claims
        self._threads = threading.RLock()
        self._depth = 0
        self._beaten_s = time.monotonic()

    @contextmanager
    def guard(self) -> Generator[None]:
        """Hold the key's lock for the block; guards may be nested. Keep the block short: a new owner waits for it.

        Raises FencedError, before the block runs, when the lease was released or taken over.
        """
        with self._threads:
            if self._depth:
                yield
                return
            with self._locked():
                self._verify()
                self._depth = 1
                try:
                    yield
                finally:
                    self._depth = 0

    def heartbeat(self) -> None:
        """Show that the owner lives; each guard does it too. Raises FencedError like `guard`."""
        with self.guard():
            self._beat()

    def release(self) -> None:
        """Give the key back; quiet when it was taken over. The next owner need not wait for the heartbeat to age."""
        with self._threads, self._locked():
            held = _read(self.folder)
            if held is not None and held.token == self.token and held.owner == self.owner:
                self._claims.release(self.token)
                _write(self.folder, self.token, self.owner, self.driver, released=True)

    @contextmanager
    def _locked(self) -> Generator[None]:
        try:
            with file_lock(self.folder / "lease.lock", _LOCK_TIMEOUT_S):
                yield
        except LockBusyError as error:
            raise StorageError(f"{error}; end that process and run the same command again") from error

    def _verify(self) -> None:
        held = _read(self.folder)
        if held is None or held.token != self.token or held.owner != self.owner or held.released:
            now = "nobody" if held is None else f"process {held.owner.pid} on {held.owner.host}, token {held.token}"
            raise FencedError(f"{self.key}: the lease with token {self.token} is over (now: {now}); this writer stops")
        if not self._claims.is_newest(self.token):
            raise FencedError(f"{self.key}: the lease with token {self.token} is over (another machine has the key)")
        if time.monotonic() - self._beaten_s > _BEAT_EVERY_S:
            self._beat()

    def _beat(self) -> None:
        with storage_errors(self.folder / "lease.json", "touch"):
            os.utime(self.folder / "lease.json")
        self._claims.beat(self.token)
        self._beaten_s = time.monotonic()


def _take(folder: Path, key: str, held: LeaseInfo | None, driver: ProcessId, claims: Claims) -> Lease | None:
    # Segment names count too: a lost lease.json must not let a token, and with it a file name, come twice.
    named = [int(path.name.split("-")[0]) for path in folder.glob("*-*.jsonl")]
    token = 1 + max([*named, held.token if held else 0])
    owner = this_process()
    if not claims.claim(token, owner, driver):
        return None
    _write(folder, token, owner, driver, released=False)
    return Lease(folder, key, token, owner, driver, claims)


def _is_live(info: LeaseInfo, now_s: float) -> bool:
    if info.released or not is_alive(info.owner) or not is_alive(info.driver):
        return False
    return info.owner.host == this_process().host or now_s - info.beat_s <= HEARTBEAT_TTL_S


def _clock_of(lock: int) -> float:
    """The file system's present time, in seconds."""
    os.utime(lock)
    return os.fstat(lock).st_mtime


def _read(folder: Path) -> LeaseInfo | None:
    path = folder / "lease.json"
    try:
        with path.open(encoding="utf-8") as stream:
            beat_s = os.fstat(stream.fileno()).st_mtime
            value = json.load(stream)
        owner, driver = ProcessId(**value["owner"]), ProcessId(**value["driver"])
        return LeaseInfo(int(value["token"]), owner, driver, bool(value["released"]), beat_s)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"{path}: could not read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError) as error:
        hint = "If no process trains this cell, delete the file and run the same command again"
        raise StorageError(f"{path}: got {error!r}, expected a lease. {hint}") from error


def _write(folder: Path, token: int, owner: ProcessId, driver: ProcessId, *, released: bool) -> None:
    value = {"token": token, "owner": asdict(owner), "driver": asdict(driver), "released": released}
    replace_json(folder / "lease.json", value)


def _held_message(key: str, held: LeaseInfo) -> str:
    owner = f"process {held.owner.pid} on {held.owner.host}"
    driver = f"driver {held.driver.pid} on {held.driver.host}"
    hint = "Wait for it or end it, then run the same command again"
    return f"{key} is being trained by {owner} ({driver}). {hint}"
