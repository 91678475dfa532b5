"""Read a key's ledger: whole, or what is new since the last look.

    <token>-<number>.jsonl ...  --in order of token, number, line-->  events  --fold-->  KeyState

A line without its end is the trace of a crash and is left out; any other damage is a StorageError, never a guess.
Whoever needs no curves has their lines checked and counted, not decoded: that is most of the time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rcflab.errors import StorageError
from rcflab.ledger.events import Event
from rcflab.ledger.files import key_folder, storage_errors
from rcflab.ledger.fold import KeyFold, KeyState
from rcflab.ledger.lines import decode, decode_without_values

Decode = Callable[[bytes], Event | None]
"""Of a line; None for a seal."""


@dataclass(slots=True)
class _Place:
    """How far a segment was read."""

    offset: int = 0
    line: int = 0
    sealed: bool = False


class Tail:
    """Events that came since the last look: remembers a byte offset for each segment, so that polling costs a few
    file statuses when nothing is new.
    """

    def __init__(self, storage: Path, key: str, read: Decode = decode) -> None:
        self._folder = key_folder(storage, key)
        self._read = read
        self._places: dict[str, _Place] = {}

    @property
    def offset(self) -> int:
        """Bytes read so far, over all segments."""
        return sum(place.offset for place in self._places.values())

    def poll(self) -> tuple[Event, ...]:
        """The events that were completed since the last call, in ledger order; the first call gives all.

        Raises StorageError naming file and line where the ledger is damaged or cannot be read.
        """
        fresh: list[Event] = []
        for path in _segments(self._folder):
            place = self._places.setdefault(path.name, _Place())
            if not place.sealed:
                fresh += _read_on(path, place, self._read)
        return tuple(fresh)


def ledger_bytes(storage: Path, key: str) -> int:
    """Size of the key's segments: equal to an earlier Tail.offset when nothing is new. 0 where there is no ledger."""
    folder = key_folder(storage, key)
    with storage_errors(folder, "read"):
        return sum(path.stat().st_size for path in _segments(folder))


def read_events(storage: Path, key: str) -> tuple[Event, ...]:
    """Every event of a key in ledger order, empty where there is no ledger. Raises StorageError like Tail.poll."""
    return Tail(storage, key).poll()


def read_key(storage: Path, key: str, *, series: bool = True) -> KeyState:
    """The folded state of a key, without its `series` on demand: then a step that gave another value when it was done
    again raises no alarm, for nobody has looked. Raises StorageError like Tail.poll.
    """
    grown = KeyFold()
    for event in Tail(storage, key, decode if series else decode_without_values).poll():
        grown.add(event)
    return grown.state(series=series)


def _segments(folder: Path) -> list[Path]:
    with storage_errors(folder, "list"):
        if not folder.is_dir():
            return []
        # Names are padded with zeros, but a token may outgrow the padding: order by number.
        return sorted(folder.glob("*-*.jsonl"), key=lambda path: tuple(map(int, path.stem.split("-"))))


def _read_on(path: Path, place: _Place, read: Decode) -> list[Event]:
    with storage_errors(path, "read"):
        if path.stat().st_size == place.offset:
            return []
        with path.open("rb") as stream:
            stream.seek(place.offset)
            complete = stream.read().split(b"\n")[:-1]
    events: list[Event] = []
    for line in complete:
        place.line += 1
        place.offset += len(line) + 1
        if place.sealed:
            raise StorageError(f"{path}: line {place.line}: got a line after the seal. {_NEXT_MOVE}")
        event = _decode(line, path, place.line, read)
        if event is None:
            place.sealed = True
        else:
            events.append(event)
    return events


_NEXT_MOVE = (
    "The storage has changed what was written: check the disk. Move the file away and run the same command to train "
    "the cell again from its last checkpoint"
)


def _decode(line: bytes, path: Path, number: int, read: Decode) -> Event | None:
    try:
        return read(line)
    except ValueError as error:
        raise StorageError(f"{path}: line {number}: {error}. {_NEXT_MOVE}") from error
