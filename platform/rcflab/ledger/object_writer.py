"""Append events where nothing can be appended to: each segment is one object, written once and whole.

append(metrics) --> held back for some seconds ---.
append(all else, or enough held) -----------------+--> guard: key still mine? --> object of lines and seal --> the cache

Curves may lose their last seconds with the machine. Nothing is lost for good: the loop calls `flush` before each
checkpoint, so none is newer than the events that are kept, and whoever goes on from it makes the others again.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from rcflab.ledger.events import Event, Metrics
from rcflab.ledger.files import key_folder
from rcflab.ledger.lease import Lease
from rcflab.ledger.lines import encode, encode_seal
from rcflab.ledger.writer import LedgerWriter
from rcflab.storage.mirror import Mirror

_HELD_BACK_S = 10.0
_MOST_BYTES = 2**20


class Ledger(Protocol):
    """The one writer of a key."""

    def append(self, event: Event) -> None:
        """See LedgerWriter.append."""
        ...

    def flush(self) -> None:
        """See LedgerWriter.flush."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def ledger_writer(storage: Path, key: str, lease: Lease, mirror: Mirror) -> Ledger:
    """The writer that suits the storage."""
    return ObjectLedgerWriter(storage, key, lease, mirror) if mirror.is_remote else LedgerWriter(storage, key, lease)


class ObjectLedgerWriter:
    """A writer whose segments are objects of a store. Not for several threads."""

    def __init__(
        self, storage: Path, key: str, lease: Lease, mirror: Mirror, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder = key_folder(storage, key)
        assert lease.folder == self._folder, "the lease must be of the same key"
        self._lease, self._mirror, self._clock = lease, mirror, clock
        self._number = 0
        self._lines = b""
        self._segments: list[bytes] = []
        """Ready, and not in the store: the first of them may be there although its answer was lost."""
        self._kept_s = clock()

    def append(self, event: Event) -> None:
        """Take one event; all so far are in the store when this returns, unless it is one of metrics.

        Raises ValueError when a metric is not finite, FencedError after a takeover, StorageError when the store
        refuses: what is held back goes with a later append.
        """
        self.append_many((event,))

    def append_many(self, events: Sequence[Event]) -> None:
        """Take several events; like `append`."""
        self._lines += b"".join(encode(event) for event in events)
        urgent = any(not isinstance(event, Metrics) for event in events)
        if urgent or len(self._lines) >= _MOST_BYTES or self._clock() - self._kept_s >= _HELD_BACK_S:
            self.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """What is held back after the last checkpoint comes again: an attempt that ends well has kept its end."""

    def flush(self) -> None:
        """Bring all that is held back to the store. Raises FencedError, StorageError like `append`."""
        if self._lines:
            self._segments.append(self._lines + encode_seal())
            self._lines = b""
        while self._segments:
            path = self._folder / f"{self._lease.token:08d}-{self._number:04d}.jsonl"
            with self._lease.guard():
                self._mirror.write(path, self._segments[0])
            del self._segments[0]
            self._number += 1
        self._kept_s = self._clock()
