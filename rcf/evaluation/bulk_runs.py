"""Read the compressed counts of many masks at once, without a loop over masks or runs.

    "counts" texts --join--> Counts --5-bit groups--> signs, shifts --> differences --cumulative sums--> Runs

COCO's text is a list of run lengths z0 o0 z1 o1 ... (pixels off, on, off, ... down the columns). From the fourth on,
each is stored as its difference to the one two places earlier; each number is cut into groups of five bits, lowest
first, one character a group: chr(48 + bits), plus 32 when more groups follow; bit 16 of the last group is the sign.

The masks are laid end to end: mask m occupies the positions m * size .. (m + 1) * size - 1. So one cumulative sum over
all counts gives the place of every run. pycocotools decodes a list of masks too, but gives no run lengths away;
rcf.data.runs reads one mask at a time and says what is wrong with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]
MAX_POSITIONS = 2**31 - 1
"""Masks x size of one call must stay below this: positions are 32-bit."""
_MOST_GROUPS = 7
"""35 bits hold every difference of 32-bit run lengths; more groups are a damaged text."""
_END = "!"
"""Stands behind each text; it sorts before all that a text may hold, and so does nothing else."""
_LEADING = bytes(range(80, 112))
"""Groups that another one of the same number follows."""
_FINAL = bytes(48) + bytes(((bits ^ 16) - 16) % 256 for bits in range(32)) + bytes(176)
"""What each final group alone says: five bits with a sign; 0 for _END."""


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of set pixels of N masks laid end to end; every mask has one run at least, if need be of length 0."""

    starts: Ints
    lengths: Ints
    offsets: NDArray[np.int64]
    """N + 1 entries: mask m owns the runs offsets[m] .. offsets[m + 1] - 1."""

    def areas(self) -> NDArray[np.int64]:
        """Set pixels of each mask, (N,)."""
        return np.add.reduceat(self.lengths, self.offsets[:-1], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Counts:
    """N texts one after the other, each followed by _END."""

    text: bytes
    stops: NDArray[np.int64]
    """(N,): text n ends before the _END at stops[n] - 1."""

    @classmethod
    def join(cls, counts: Sequence[str]) -> "Counts | None":
        """None where one holds a character that no encoder writes."""
        joined = _END.join([*counts, ""])
        if not joined.isascii():
            return None
        text = joined.encode("ascii")
        data = np.frombuffer(text, np.uint8)
        stops = np.flatnonzero(data < 48) + 1
        return cls(text, stops) if stops.size == len(counts) and data.max(initial=0) < 112 else None

    def part(self, first: int, last: int) -> "Counts":
        """The texts first .. last - 1."""
        begin, end = int(self.stops[first - 1]) if first else 0, int(self.stops[last - 1])
        return Counts(self.text[begin:end], self.stops[first:last] - begin)


def decode_runs(counts: Sequence[str], size: int) -> Runs | None:
    """Decode N >= 1 texts of masks of `size` pixels; None when one of them is damaged (`damaged` says which)."""
    joined = Counts.join(counts)
    return None if joined is None else decode_joined(joined, size)


def decode_joined(counts: Counts, size: int) -> Runs | None:
    """The same of texts that are joined."""
    masks = counts.stops.size
    if masks * size > MAX_POSITIONS:
        raise ValueError(f"{masks} masks of {size} pixels are too many for one call, split them")
    parsed = _parse(counts)
    if parsed is None:
        return None
    values, stops = parsed
    padded = np.flatnonzero(np.diff(stops, prepend=0) & 1)
    if padded.size:  # these end in a run of set pixels: one zero more makes off/on pairs of them as well
        values = np.insert(values, stops[padded], 0)
        stops += np.cumsum(np.bincount(padded, minlength=stops.size))
    last = (stops >> 1) - 1  # the last pair of each mask
    first = np.concatenate(([0], last[:-1] + 1))
    off, on = values[0::2].copy(), values[1::2].copy()
    longer = first[last > first]
    off[longer + 1] -= off[longer]  # the third count is stored as it is, not as a difference to the first
    _cumulate_within(off, first)
    _cumulate_within(on, first)
    on[last] = 0  # the padding
    off[last[padded]] = 0
    ends = np.cumsum(off + on, dtype=np.int32)
    wanted = np.arange(1, masks + 1, dtype=np.int64) * size
    # Wrapped sums show as a negative end, because no single run can exceed 32 bits.
    if off.min() < 0 or on.min() < 0 or ends.min() < 0 or not np.array_equal(ends[last], wanted):
        return None
    return Runs(ends - on, on, np.append(first, ends.size))


def cut_at_columns(starts: Ints, lengths: Ints, height: int) -> tuple[Ints, Ints, Ints, Ints | None]:
    """Runs of masks laid end to end, as intervals of rows: column, first row, row after the last one.

    Last, in how many pieces each run was cut; None where none leaves its column. An empty run may come one column late.
    """
    columns = starts // np.int32(height)
    tops = starts - columns * np.int32(height)
    bottoms = tops + lengths
    if bottoms.max(initial=0) <= height:
        return columns, tops, bottoms, None
    pieces = np.maximum((bottoms + np.int32(height - 1)) // np.int32(height), 1)
    stops = np.cumsum(pieces, dtype=np.int64)
    source = np.repeat(np.arange(pieces.size), pieces)
    columns, tops, bottoms = columns[source], tops[source], bottoms[source]
    more = np.flatnonzero(source[1:] == source[:-1]) + 1  # all but the first piece of a run
    nth = (more - (stops - pieces)[source[more]]).astype(np.int32)
    columns[more] += nth
    tops[more] = 0
    bottoms[more] -= nth * np.int32(height)
    np.minimum(bottoms, height, out=bottoms)
    return columns, tops, bottoms, pieces


def damaged(counts: Sequence[str], size: int) -> list[int]:
    """Indices of the texts that do not decode to exactly `size` pixels, found by halving."""
    limit = max(1, MAX_POSITIONS // max(size, 1))
    if not counts:
        return []
    if len(counts) <= limit and decode_runs(counts, size) is not None:
        return []
    if len(counts) == 1:
        return [0]
    middle = len(counts) // 2
    return damaged(counts[:middle], size) + [middle + i for i in damaged(counts[middle:], size)]


def _parse(counts: Counts) -> tuple[Ints, NDArray[np.int64]] | None:
    """All stored numbers of all texts, each text followed by one 0, and where the numbers of each text stop."""
    data = np.frombuffer(counts.text, np.uint8)
    if (data[np.maximum(counts.stops - 2, 0)] >= 80).any():  # a number goes on where its text ends
        return None
    values = np.frombuffer(counts.text.translate(_FINAL, _LEADING), np.int8).astype(np.int32)
    leading = np.flatnonzero(data >= 80)
    stops = counts.stops - np.searchsorted(leading, counts.stops)
    number = leading - np.arange(leading.size)  # the number that a leading group belongs to
    bits = (data[leading] & 31 ^ 16).astype(np.int32)  # (character - 48) & 31
    return (values, stops) if _put_leading(values, number, bits) else None


def _put_leading(values: Ints, number: NDArray[np.int64], bits: Ints) -> bool:
    """Put the leading groups, lowest first, below the final one; False when a number has more of them than it may."""
    for _ in range(_MOST_GROUPS):
        inner = np.flatnonzero(number[1:] == number[:-1])  # another leading group follows: its turn is later
        if not inner.size:
            values[number] = (values[number] << 5) | bits
            return True
        outer = np.ones(number.size, np.bool_)
        outer[inner] = False
        place = number[outer]
        values[place] = (values[place] << 5) | bits[outer]
        number, bits = number[inner], bits[inner]
    return False


def _cumulate_within(values: Ints, first: NDArray[np.int64]) -> None:
    """Cumulative sums in place that start anew at each of the places `first`."""
    totals = np.add.reduceat(values, first)
    values[first[1:]] -= totals[:-1]
    np.cumsum(values, out=values)
