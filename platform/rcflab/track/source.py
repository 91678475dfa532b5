"""The events of one train_key that wait to be shipped.

ledger --Tail--> KeyFold.add (repeated steps taken out) --> numbered queue --> each cell that needs this training
"""

from pathlib import Path

from rcflab.ledger.events import Event
from rcflab.ledger.fold import KeyFold, KeyState
from rcflab.ledger.reader import Tail


class Source:
    """A train_key's ledger as a queue; events keep their number, counted from the ledger's beginning."""

    def __init__(self, storage: Path, train_key: str) -> None:
        self._tail = Tail(storage, train_key)
        self._fold = KeyFold()
        self._events: list[Event] = []
        self._first = 0
        """Number of the first event in the queue."""

    @property
    def count(self) -> int:
        """Events read so far."""
        return self._first + len(self._events)

    @property
    def read_bytes(self) -> int:
        """Bytes of the ledger read so far."""
        return self._tail.offset

    def poll(self) -> None:
        """Read what is new. When training began anew by other code, the old generation leaves the queue."""
        for event in self._tail.poll():
            generation = self._fold.generation
            fresh = self._fold.add(event)
            if self._fold.generation != generation:
                self.forget(self.count)
            self._events.append(fresh)

    def since(self, number: int) -> list[tuple[int, Event]]:
        """The queued events from `number` on, each with its number."""
        start = max(number - self._first, 0)
        return list(enumerate(self._events[start:], start=self._first + start))

    def forget(self, number: int) -> None:
        """Drop the events before `number` from the queue."""
        drop = max(number - self._first, 0)
        del self._events[:drop]
        self._first += drop

    def state(self) -> KeyState:
        """The state of the key, without its series."""
        return self._fold.state(series=False)
