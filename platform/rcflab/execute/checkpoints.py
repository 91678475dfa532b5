"""Checkpoints that are whole or not there.

    write(.tmp-<uuid>/) -> fsync files -> manifest.json (sha256, size of each) last -> fsync
        -> os.replace to step-00000100/ under the lease -> fsync parent -> the mirror has it -> keep the newest two

A reader takes the newest folder whose every byte matches its manifest. A kill at any point leaves the newest valid
checkpoint at the old or the new step, never an error; a leftover .tmp-* is swept away by the next commit.
"""

import errno
import hashlib
import json
import logging
import os
import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from rcf.errors import CheckpointError
from rcflab.errors import StorageError
from rcflab.faults import fault_point
from rcflab.ledger.files import fsync_folder
from rcflab.records import Json
from rcflab.storage.mirror import PLAIN, Mirror

logger = logging.getLogger(__name__)

SCHEMA_VERSION = 1
MANIFEST = "manifest.json"
_KEEP = 2
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
_REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EFBIG, errno.EIO})

Guard = Callable[[], AbstractContextManager[object]]
"""Enters only while this process owns the key; raises rcflab.errors.FencedError otherwise."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint whose bytes matched its manifest when it was looked at."""

    folder: Path
    step: int
    sha256: str
    """Of manifest.json, which holds the sha256 of every other file."""
    meta: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A checkpoint that was passed over, and why."""

    folder: Path
    reason: str


def folder_name(step: int) -> str:
    """The folder of `step`: names sort as steps do."""
    return f"step-{step:08d}"


def inspect(folder: Path) -> Checkpoint | Rejected:
    """Compare every byte of `folder` with its manifest; says what is wrong instead of raising."""
    path = folder / MANIFEST
    try:
        content = path.read_bytes()
        manifest = json.loads(content)
        if manifest["schema"] != SCHEMA_VERSION:
            return Rejected(folder, f"its schema is {manifest['schema']}, expected {SCHEMA_VERSION}")
        for name, wanted in manifest["files"].items():
            fault = _fault_of(folder / name, wanted)
            if fault:
                return Rejected(folder, fault)
        return Checkpoint(folder, int(manifest["step"]), hashlib.sha256(content).hexdigest(), manifest["meta"])
    except OSError as error:
        return Rejected(folder, f"{path.name} cannot be read: {error.strerror}")
    except (ValueError, KeyError, TypeError, AttributeError):
        return Rejected(folder, f"{path.name} is no manifest")


class CheckpointStore:
    """The checkpoints of one training. Only the owner of the lease may commit or sweep."""

    def __init__(self, folder: Path, guard: Guard, mirror: Mirror = PLAIN, points: str = "checkpoint") -> None:
        """`points`: first part of the names of the fault points that a commit passes."""
        self.folder, self._guard, self._mirror, self._points = folder, guard, mirror, points

    def beside(self, name: str) -> Self:
        """A store of its own in a folder of this one, under the same lease."""
        return type(self)(self.folder / name, self._guard, self._mirror, name)

    def commit(
        self, step: int, write: Callable[[Path], object], meta: Mapping[str, Json], *, drop: Sequence[str] = ()
    ) -> Checkpoint:
        """Let `write` fill a folder of its own, without the files named in `drop`, and make it the newest checkpoint.

        Raises StorageError (disk full, read-only) with the earlier checkpoints intact, FencedError when a newer
        owner took the key.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._sweep()
            return self._commit(step, write, meta, drop)
        except Exception as error:
            refused = isinstance(error, OSError) and error.errno in _REFUSED
            if not (refused or is_full(error)):
                raise
            self._sweep()
            raise StorageError(
                f"{self.folder}: the checkpoint of step {step} could not be written: {error}. "
                "Earlier checkpoints are intact; free some space and run the same command again"
            ) from error

    def newest_valid(self, accept: Callable[[Mapping[str, Json]], bool] = lambda meta: True) -> Checkpoint | None:
        """The newest whole checkpoint whose meta `accept` takes; None when there is nothing to go on from.

        Damaged ones are passed over with a warning. Raises CheckpointError when all are damaged: starting again
        from nothing in silence would hide that hours were lost.
        """
        rejected: list[Rejected] = []
        for folder in self._folders():
            found = inspect(folder)
            if isinstance(found, Checkpoint):
                return found if accept(found.meta) else None
            logger.warning("checkpoint rejected: %s: %s", folder, found.reason)
            rejected.append(found)
        if rejected:
            reasons = "; ".join(f"{each.folder.name}: {each.reason}" for each in rejected)
            raise CheckpointError(
                f"{self.folder}: all {len(rejected)} checkpoints are damaged ({reasons}). "
                "Restore them from a backup, or delete this folder to train from the start"
            )
        return None

    def keep_newest(self, count: int) -> None:
        """Delete all but the newest `count` checkpoints and whatever a killed process left half written."""
        for folder in self._folders()[count:]:
            self._delete(folder)
        self._sweep()

    def clear(self) -> None:
        """Delete every checkpoint."""
        self.keep_newest(0)

    def _commit(
        self, step: int, write: Callable[[Path], object], meta: Mapping[str, Json], drop: Sequence[str]
    ) -> Checkpoint:
        temporary = self.folder / f".tmp-{uuid.uuid4().hex}"
        temporary.mkdir()
        write(temporary)
        for name in drop:
            (temporary / name).unlink(missing_ok=True)
        files = {
            path.relative_to(temporary).as_posix(): _describe(path)
            for path in sorted(temporary.rglob("*"))
            if path.is_file()
        }
        fault_point(f"{self._points}.files")
        manifest = {"schema": SCHEMA_VERSION, "step": step, "meta": dict(meta), "files": files}
        content = json.dumps(manifest, indent=1, sort_keys=True).encode()
        _write_durably(temporary / MANIFEST, content)
        fault_point(f"{self._points}.manifest")
        fsync_folder(temporary)
        target = self.folder / folder_name(step)
        with self._guard():
            if target.exists():  # damaged, or of other code: the training would have gone on from it otherwise
                target.replace(self.folder / f".tmp-{uuid.uuid4().hex}")
            temporary.replace(target)
        fault_point(f"{self._points}.rename")
        fsync_folder(self.folder)
        self._mirror.keep(target)
        self.keep_newest(_KEEP)
        return Checkpoint(target, step, hashlib.sha256(content).hexdigest(), dict(meta))

    def _folders(self) -> list[Path]:
        """Committed checkpoint folders, newest first."""
        return sorted(self.folder.glob("step-*"), reverse=True)

    def _delete(self, folder: Path) -> None:
        # Renamed first: a kill half-way through must not leave a checkpoint that looks damaged.
        away = folder.with_name(f".tmp-{uuid.uuid4().hex}")
        with self._guard():
            self._mirror.drop(folder)
            folder.replace(away)
        shutil.rmtree(away, ignore_errors=True)

    def _sweep(self) -> None:
        # Under the lease: a fenced orphan must not sweep away what the new owner is writing.
        with self._guard():
            for leftover in self.folder.glob(".tmp-*"):
                shutil.rmtree(leftover, ignore_errors=True)


def is_full(error: Exception) -> bool:
    """True for a full or read-only disk; libraries such as safetensors wrap the system's error in their own."""
    return (isinstance(error, OSError) and error.errno in _FULL) or "No space left on device" in str(error)


def _describe(path: Path) -> dict[str, Json]:
    """Make `path` durable and return its sha256 and size in bytes."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"sha256": digest, "bytes": path.stat().st_size}


def _fault_of(path: Path, wanted: Mapping[str, Json]) -> str:
    """What is wrong with `path`, or an empty string."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size != wanted["bytes"]:
                return f"{path.name} has {size} bytes, expected {wanted['bytes']}"
            if hashlib.file_digest(file, "sha256").hexdigest() != wanted["sha256"]:
                return f"{path.name} differs from its sha256"
    except OSError as error:
        return f"{path.name} cannot be read: {error.strerror}"
    return ""


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
