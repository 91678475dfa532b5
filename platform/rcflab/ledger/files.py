"""Where the ledger lies on disk, and the few file habits that its parts share.

<storage>/ledger/<key>/   lease.json  lease.lock  <token>-<number>.jsonl ...

value --replace_json--> hidden neighbour --fsync--> os.replace --fsync folder--> file
"""

import errno
import fcntl
import json
import os
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from rcflab.errors import LabError, StorageError
from rcflab.records import Json

_POLL_S = 0.005

_NEXT_MOVE = {
    errno.ENOSPC: "Free some space and run the same command again",
    errno.EDQUOT: "Free some of your quota and run the same command again",
    errno.EROFS: "Set storage.root to a folder that can be written",
    errno.EACCES: "Set storage.root to a folder that you may write",
}


class LockBusyError(LabError):
    """Another process or thread holds the lock."""


def key_folder(storage: Path, key: str) -> Path:
    """The ledger folder of one key. Raises ValueError for a key that is no plain name (it would leave the folder)."""
    if not key or not key.replace("-", "").replace("_", "").isalnum():
        raise ValueError(f"ledger key: got {key!r}, expected letters, digits, - and _")
    return storage / "ledger" / key


@contextmanager
def storage_errors(path: Path, action: str) -> Generator[None]:
    """Turn the operating system's refusals inside the block into a StorageError that names `path`."""
    try:
        yield
    except OSError as error:
        hint = _NEXT_MOVE.get(error.errno or 0, "Check that the storage folder is there and can be written")
        raise StorageError(f"{path}: could not {action}: {error.strerror or error}. {hint}") from error


def fsync_folder(folder: Path) -> None:
    """Make names that were just created or replaced in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace_text(path: Path, text: str) -> None:
    """`replace_bytes` with `text` in UTF-8."""
    replace_bytes(path, text.encode())


def replace_bytes(path: Path, content: bytes) -> None:
    """Write `content` so that a reader sees the old file or the new one, never half. Raises StorageError."""
    hidden = path.with_name(f".{path.name}.{os.getpid()}")
    with storage_errors(path, "write"):
        try:
            with hidden.open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            hidden.replace(path)
        except BaseException:
            hidden.unlink(missing_ok=True)
            raise
        fsync_folder(path.parent)


def replace_json(path: Path, value: Mapping[str, Json]) -> None:
    """`replace_text` with the JSON of `value`, which must be finite."""
    replace_text(path, json.dumps(value, indent=1, allow_nan=False))


def read_versioned(path: Path, schema: int) -> dict[str, Json] | None:
    """The object in the JSON file `path` without its field `schema`; None where there is no such file, where it is no
    object, or where it is one of another version. Raises StorageError.
    """
    with storage_errors(path, "read"):
        text = path.read_text(encoding="utf-8") if path.is_file() else "{}"
    try:
        fields: Json = json.loads(text)
    except ValueError:
        return None
    if not isinstance(fields, dict):
        return None
    found = cast(dict[str, Json], fields)
    return found if found.pop("schema", None) == schema else None


def folder_bytes(folder: Path) -> int:
    """Size of the files in `folder`, 0 where there is no such folder. Raises StorageError."""
    with storage_errors(folder, "read"):
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@contextmanager
def file_lock(path: Path, timeout_s: float) -> Generator[int]:
    """Hold an exclusive lock on `path` (created if missing) between processes and threads; yields its descriptor.

    The kernel gives the lock back when its holder dies. Raises LockBusyError when another holds it for `timeout_s`
    seconds (0: do not wait), StorageError where the file cannot be opened.
    """
    with storage_errors(path, "open the lock"):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _wait_for_lock(handle, path, timeout_s)
        yield handle
    finally:
        os.close(handle)


def _wait_for_lock(handle: int, path: Path, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise LockBusyError(f"{path} is locked by another process") from None
            time.sleep(_POLL_S)
