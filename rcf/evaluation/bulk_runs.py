"""Read the compressed counts of many masks at once, without a loop over masks or runs.

    "counts" texts  --bytes-->  5-bit groups  --sign, shift-->  differences  --cumulative sums-->  Runs

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


def decode_runs(counts: Sequence[str], size: int) -> Runs | None:
    """Decode N >= 1 texts of masks of `size` pixels; None when one of them is damaged (`damaged` says which)."""
    if len(counts) * size > MAX_POSITIONS:
        raise ValueError(f"{len(counts)} masks of {size} pixels are too many for one call, split them")
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
    wanted = np.arange(1, len(counts) + 1, dtype=np.int64) * size
    # Wrapped sums show as a negative end, because no single run can exceed 32 bits.
    if off.min() < 0 or on.min() < 0 or ends.min() < 0 or not np.array_equal(ends[last], wanted):
        return None
    return Runs(ends - on, on, np.append(first, ends.size))


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


def _parse(counts: Sequence[str]) -> tuple[Ints, NDArray[np.int64]] | None:
    """All stored numbers of all texts, each text followed by one 0, and where the numbers of each text stop."""
    text = "0".join(counts) + "0"
    if not text.isascii():
        return None
    data = np.frombuffer(text.encode("ascii"), np.uint8)
    stops = np.cumsum(np.fromiter(map(len, counts), np.int64, len(counts)) + 1)
    unfinished = data[np.maximum(stops - 2, 0)] >= 80
    if data.min() < 48 or data.max() > 111 or unfinished.any():
        return None
    values = ((data.compress(data < 80) - 48) ^ 16).view(np.int8).astype(np.int32) - 16  # five bits with sign
    leading = np.flatnonzero(data >= 80)
    stops -= np.searchsorted(leading, stops)
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
