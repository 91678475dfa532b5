"""Append events so that what was acknowledged survives a crash.

append(event) --> guard: token still mine? --> one write --> fsync --> return = it is on disk

<token>-<number>.jsonl: created exclusively, sealed at its size limit or at the end, never opened again
"""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from rcflab.errors import LabError
from rcflab.faults import fault_point
from rcflab.ledger.events import Event
from rcflab.ledger.files import fsync_folder, key_folder, storage_errors
from rcflab.ledger.lease import Lease
from rcflab.ledger.lines import encode, encode_seal

logger = logging.getLogger(__name__)

MAX_SEGMENT_BYTES = 8 * 2**20


class LedgerWriter:
    """The one writer of a key: a context manager that seals its last segment on leaving. Not for several threads."""

    def __init__(self, storage: Path, key: str, lease: Lease, *, max_bytes: int = MAX_SEGMENT_BYTES) -> None:
        self._folder = key_folder(storage, key)
        assert lease.folder == self._folder, "the lease must be of the same key"
        self._lease, self._max_bytes = lease, max_bytes
        self._number = len(list(self._folder.glob(f"{lease.token:08d}-*.jsonl")))
        self._file: int | None = None
        self._path = self._folder
        self._size = 0

    def append(self, event: Event) -> None:
        """Write one event; it is on disk when this returns.

        Raises ValueError when a metric is not finite, FencedError after a takeover, StorageError naming the file when
        the disk refuses: the earlier events are safe, this one is not promised, and a later append may succeed.
        """
        self.append_many((event,))

    def append_many(self, events: Sequence[Event]) -> None:
        """Write several events with one flush to disk; like `append`. A crash inside may keep the first few of them."""
        if not events:
            return
        lines = b"".join(encode(event) for event in events)
        with self._lease.guard():
            if self._file is not None and self._size >= self._max_bytes:
                self._seal()
            self._write(lines)

    def flush(self) -> None:
        """Nothing is held back: what `append` has taken is on disk."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Seal the last segment; an unsealed one is read just as well, so a failure here is only logged."""
        if self._file is None:
            return
        try:
            with self._lease.guard():
                self._seal()
        except LabError as error:
            logger.warning("segment left unsealed path=%s reason=%s", self._path, error)
            self._drop()

    def _write(self, lines: bytes) -> None:
        file = self._open() if self._file is None else self._file
        try:
            with storage_errors(self._path, f"append {len(lines)} bytes"):
                _write_all(file, lines)
                fault_point("ledger.append")
                os.fsync(file)
        except BaseException:
            self._drop()  # a line may be torn, which only the last of a segment may be: the next append opens another
            raise
        self._size += len(lines)

    def _open(self) -> int:
        self._path = self._folder / f"{self._lease.token:08d}-{self._number:04d}.jsonl"
        with storage_errors(self._path, "create"):
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
            fsync_folder(self._folder)
        self._file, self._size, self._number = file, 0, self._number + 1
        return file

    def _seal(self) -> None:
        assert self._file is not None
        self._write(encode_seal())
        self._drop()

    def _drop(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _write_all(file: int, lines: bytes) -> None:
    rest = memoryview(lines)
    while rest:
        rest = rest[os.write(file, rest) :]
