"""One writer per key over all machines, in a store that knows no locks: claims are numbered, and each is made once.

    ledger/<key>/claims/00000003.json       owner, driver, and the segments that count from before it
                        00000003.beat       rewritten while the owner lives
                        00000003.released   the owner has given the key back
    ledger/<key>/00000003-0000.jsonl        a segment of that owner, whole from the start

Whoever takes a key lists its segments, then creates the next claim with that list; of two only one can. A segment that
an older owner still wrote after the list was made is in no list, so no reader ever counts it: a process that does not
know yet that it was replaced can do no harm, however slow its network is.
"""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from rcflab.errors import StorageError
from rcflab.ledger.files import file_lock, replace_json, storage_errors
from rcflab.ledger.process import ProcessId
from rcflab.storage.remote import Remote

_BEAT_EVERY_S = 20.0
_LOCK_S = 30.0


class Claims(Protocol):
    """What a lease asks beyond its folder; see rcflab.ledger.lease."""

    @property
    def poll_s(self) -> float:
        """After which time it makes sense to ask again."""
        ...

    def refresh(self) -> None:
        """Make the folder say what holds over all machines. Raises StorageError."""
        ...

    def claim(self, token: int, owner: ProcessId, driver: ProcessId) -> bool:
        """Take the key; False where another machine was first. Raises StorageError."""
        ...

    def is_newest(self, token: int) -> bool:
        """Whether nobody has taken the key since. Raises StorageError."""
        ...

    def beat(self, token: int) -> None:
        """The owner lives. Raises StorageError."""
        ...

    def release(self, token: int) -> None:
        """The owner gives the key back. Raises StorageError."""
        ...


class SoleClaims:
    """Of a folder that all machines share: its lease file says it all."""

    poll_s = 0.05

    def refresh(self) -> None:
        """It does."""

    def claim(self, token: int, owner: ProcessId, driver: ProcessId) -> bool:
        """Nobody else could."""
        return True

    def is_newest(self, token: int) -> bool:
        """The lease file was read just now."""
        return True

    def beat(self, token: int) -> None:
        """The lease file was touched."""

    def release(self, token: int) -> None:
        """The lease file says so."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The newest claim to a key."""

    token: int
    owner: ProcessId
    driver: ProcessId
    released: bool
    beat_s: float
    """The last sign of life, seconds since 1970 on the store's clock, which must agree with that of every machine to
    some seconds; 0 where the key was given back."""

    def write_lease(self, path: Path) -> None:
        """Say so in this machine's lease file, unless it knows better already. Raises StorageError."""
        with storage_errors(path.parent, "create"):
            path.parent.mkdir(parents=True, exist_ok=True)
        with file_lock(path.with_name("lease.lock"), _LOCK_S):
            known = json.loads(path.read_text()) if path.exists() else {"token": 0, "released": False}
            if known["token"] > self.token or (known["token"] == self.token and known["released"]):
                return
            value = {"token": self.token, "owner": asdict(self.owner), "driver": asdict(self.driver)}
            replace_json(path, value | {"released": self.released})
            os.utime(path, (self.beat_s, self.beat_s))


@dataclass(frozen=True, slots=True)
class Look:
    """What a store has of a key at one moment."""

    newest: Claim | None
    segments: Mapping[str, str]
    """Name below the key's folder -> mark, of those that count."""


class ObjectClaims:
    """The claims to one key in a store."""

    poll_s = 1.0

    def __init__(self, remote: Remote, key: str, lease: Path) -> None:
        """`lease` is this machine's lease file."""
        self._remote, self._folder, self._lease = remote, f"ledger/{key}", lease
        self._beaten_s = 0.0

    def look(self) -> Look:
        """Read claims and names of segments. Raises StorageError."""
        marks = self._remote.marks(self._folder)
        names = {name.removeprefix(f"{self._folder}/"): mark for name, mark in marks.items()}
        token = max((token_of(name) for name in names if name.endswith(".json")), default=0)
        segments = {name: mark for name, mark in names.items() if name.endswith(".jsonl")}
        if token == 0:
            return Look(None, segments)
        claim = self._read(token)
        counted = set(claim["segments"])
        valid = {name: mark for name, mark in segments.items() if name in counted or token_of(name) == token}
        released = f"claims/{token:08d}.released" in names
        beat_s = 0.0 if released else self._beat_s(token)
        owner, driver = ProcessId(**claim["owner"]), ProcessId(**claim["driver"])
        return Look(Claim(token, owner, driver, released, beat_s), valid)

    def refresh(self) -> None:
        """See Claims."""
        newest = self.look().newest
        if newest is not None:
            newest.write_lease(self._lease)

    def claim(self, token: int, owner: ProcessId, driver: ProcessId) -> bool:
        """See Claims."""
        segments = sorted(self.look().segments)
        value = {"owner": asdict(owner), "driver": asdict(driver), "segments": segments}
        self._beaten_s = time.monotonic()
        return self._remote.create(self._name(token, "json"), json.dumps(value).encode())

    def is_newest(self, token: int) -> bool:
        """See Claims."""
        return max(map(token_of, self._remote.marks(f"{self._folder}/claims")), default=0) <= token

    def beat(self, token: int) -> None:
        """See Claims."""
        if time.monotonic() - self._beaten_s >= _BEAT_EVERY_S:
            self._remote.write(self._name(token, "beat"), b"")
            self._beaten_s = time.monotonic()

    def release(self, token: int) -> None:
        """See Claims."""
        self._remote.write(self._name(token, "released"), b"")

    def _read(self, token: int) -> dict[str, Any]:
        name = self._name(token, "json")
        content = self._remote.read(name)
        try:
            return json.loads(content or b"")
        except ValueError as error:
            raise StorageError(f"{self._remote.url}/{name}: got no claim: {error}. Restore it from a backup") from error

    def _beat_s(self, token: int) -> float:
        signs = [self._remote.written(self._name(token, kind)) for kind in ("beat", "json")]
        return max((sign.timestamp() for sign in signs if sign is not None), default=0.0)

    def _name(self, token: int, kind: str) -> str:
        return f"{self._folder}/claims/{token:08d}.{kind}"


def token_of(name: str) -> int:
    """Of a claim, a segment, or what lies beside a claim."""
    return int(name.rpartition("/")[2].partition(".")[0].partition("-")[0])
