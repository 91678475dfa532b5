"""Masks as intervals of rows in columns, and a table in which the intervals of all true tracks are looked up.

    Runs --cut at columns--> Pieces: column, rows [top, bottom)
    true tracks' pieces --ColumnTable.add--> (track, frame, column) -> rows      one look-up a column
    predictions' pieces --ColumnTable.compare--> rows that both have, summed within each mask --> pixels

A column that a true mask enters twice or more is marked, and the few pieces that meet it are compared with each of its
intervals.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rcf.evaluation.bulk_runs import Ints, Runs

Integers = NDArray[np.int64]
_Halves = NDArray[np.uint16]
_MARK = 2**16 - 1
"""Stands for the top of a column with several intervals; no piece reaches so far down, so nothing is counted there."""
LARGEST_HEIGHT = _MARK - 1
_BATCH_PIECES = 1 << 15
"""Pieces that are looked up at once: about as many."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Size of one video: pixels and frames."""

    height: int
    width: int
    length: int


@dataclass(frozen=True, slots=True)
class Pieces:
    """Runs cut at column borders, of the masks `first`, `first` + 1, ... of a list of tracks."""

    first: int
    columns: Ints
    """Column of the whole batch: W columns a mask."""
    tops: _Halves
    bottoms: _Halves
    offsets: Integers
    """Mask m of the batch owns the pieces offsets[m] .. offsets[m + 1] - 1."""
    areas: Integers

    @property
    def last(self) -> int:
        """One past the last mask."""
        return self.first + self.areas.size


def cut(first: int, runs: Runs, height: int) -> Pieces:
    """Split the runs that leave their column, so that every piece is an interval of rows of one column."""
    columns = runs.starts // np.int32(height)
    tops = runs.starts - columns * np.int32(height)
    bottoms = tops + runs.lengths
    offsets = runs.offsets
    if bottoms.max(initial=0) > height:
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
        offsets = np.append(0, stops)[offsets]
    return Pieces(first, columns, tops.astype(np.uint16), bottoms.astype(np.uint16), offsets, runs.areas())


def columns_of(batch: Pieces, shape: Shape, stride: int) -> Integers:
    """Each piece's column within its track, frame * W + column, plus `stride` times the number of its track.

    An empty piece may stand one column too far, at T * W.
    """
    tracks = np.arange(batch.first, batch.last) // shape.length
    shifts = batch.first * shape.width + tracks * (stride - shape.length * shape.width)
    return batch.columns + np.repeat(shifts, np.diff(batch.offsets))


@dataclass(slots=True)
class ColumnTable:
    """Where the true tracks are. Each entry is an interval of rows: top in the lower, bottom in the upper 16 bits."""

    intervals: NDArray[np.uint32]
    """G, T * W + 1: the interval of each column, frame after frame; a top of _MARK where there are several."""
    layers: list[NDArray[np.uint32]]
    """The same for the columns with several intervals, as many layers as the busiest column needs."""

    @classmethod
    def empty(cls, tracks: int, shape: Shape) -> "ColumnTable":
        """Tracks that are nowhere."""
        return cls(np.zeros((tracks, shape.length * shape.width + 1), np.uint32), [])

    def add(self, batch: Pieces, shape: Shape, last: int) -> None:
        """Enter the masks of the batch up to `last`; masks stand in the order of tracks and frames."""
        part = slice(batch.offsets[last - batch.first])
        full = np.flatnonzero(batch.bottoms[part] > batch.tops[part])
        columns = columns_of(batch, shape, self.intervals.shape[1])[full]
        intervals = batch.tops[full] | batch.bottoms[full].astype(np.uint32) << 16
        self.intervals.reshape(-1)[columns] = intervals
        again = np.flatnonzero(columns[1:] == columns[:-1])
        if not again.size:
            return
        marked = np.zeros(columns.size, np.bool_)
        marked[again], marked[again + 1] = True, True
        several = np.flatnonzero(marked)
        columns, intervals = columns[several], intervals[several]
        self.intervals.reshape(-1)[columns] = _MARK
        depth = 0
        while columns.size:
            if depth == len(self.layers):
                self.layers.append(np.zeros_like(self.intervals))
            self.layers[depth].reshape(-1)[columns] = intervals  # of several in a column the last one stays
            again = np.flatnonzero(columns[1:] == columns[:-1])
            columns, intervals, depth = columns[again], intervals[again], depth + 1

    def compare(self, batch: Pieces, shape: Shape, border: int, near: NDArray[np.bool_], shared: Integers) -> None:
        """Enter into `shared` (G, P T) the pixels that the predictions of the batch share with true tracks `near`."""
        columns = np.minimum(columns_of(batch, shape, 0), self.intervals.shape[1] - 1)
        waiting: list[tuple[int, int, int]] = []
        pieces = 0
        for row, low, high in _stretches(near):
            begin = max(border + low * shape.length, batch.first)
            stop = min(border + high * shape.length, batch.last)
            if begin >= stop:
                continue
            waiting.append((row, begin, stop))
            pieces += int(batch.offsets[stop - batch.first] - batch.offsets[begin - batch.first])
            if pieces > _BATCH_PIECES:
                self._compare(batch, columns, border, waiting, shared)
                waiting, pieces = [], 0
        if waiting:
            self._compare(batch, columns, border, waiting, shared)

    def _compare(
        self,
        batch: Pieces,
        columns: Integers,
        border: int,
        stretches: Sequence[tuple[int, int, int]],
        shared: Integers,
    ) -> None:
        """One look-up for all `stretches`: true track, first mask, one past the last."""
        stride, offsets = self.intervals.shape[1], batch.offsets
        parts = [slice(offsets[begin - batch.first], offsets[stop - batch.first]) for _, begin, stop in stretches]
        rows = [row * stride for row, _, _ in stretches]
        places = np.concatenate([columns[part] + row for row, part in zip(rows, parts, strict=True)])
        tops = np.concatenate([batch.tops[part] for part in parts])
        bottoms = np.concatenate([batch.bottoms[part] for part in parts])
        found = self.intervals.reshape(-1).take(places)
        pixels = _common(found, tops, bottoms)
        if self.layers:
            several = np.flatnonzero(found == _MARK)
            places, tops, bottoms = places[several], tops[several], bottoms[several]
            more = [_common(layer.reshape(-1).take(places), tops, bottoms) for layer in self.layers]
            pixels[several] = np.add.reduce(more, axis=0, dtype=np.uint16)
        starts: list[Integers] = []
        before = 0
        for (_, begin, stop), part in zip(stretches, parts, strict=True):
            starts.append(offsets[begin - batch.first : stop - batch.first] + (before - part.start))
            before += part.stop - part.start
        sums = np.add.reduceat(pixels, np.concatenate(starts), dtype=np.uint32)
        done = 0
        for row, begin, stop in stretches:
            shared[row, begin - border : stop - border] = sums[done : done + stop - begin]
            done += stop - begin


def _stretches(near: NDArray[np.bool_]) -> list[tuple[int, int, int]]:
    """Neighbours that are chosen: row, first, one past the last."""
    padded = np.zeros((near.shape[0], near.shape[1] + 2), np.int8)
    padded[:, 1:-1] = near
    steps = padded[:, 1:] - padded[:, :-1]
    rows, firsts = np.nonzero(steps == 1)
    return list(zip(rows.tolist(), firsts.tolist(), np.nonzero(steps == -1)[1].tolist(), strict=True))


def _common(intervals: NDArray[np.uint32], tops: _Halves, bottoms: _Halves) -> _Halves:
    """Rows that two intervals share, element by element."""
    top = intervals.astype(np.uint16)  # the lower half
    bottom = (intervals >> 16).astype(np.uint16)
    np.maximum(top, tops, out=top)
    np.minimum(bottom, bottoms, out=bottom)
    np.maximum(bottom, top, out=bottom)
    bottom -= top
    return bottom
