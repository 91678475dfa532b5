"""Masks as intervals of rows in columns, and a table in which the intervals of all true tracks are looked up.

    Runs --cut at columns--> Pieces: column, rows [top, bottom)
    true tracks' pieces --ColumnTable.add--> (track, frame, column) -> rows      one look-up a column
    predictions' pieces --ColumnTable.compare--> rows that both have, summed within each mask --> pixels

A column that a true mask enters twice or more is marked, and the few pieces that meet it are compared with each of its
intervals.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rcf.evaluation.bulk_runs import Ints, Runs, cut_at_columns

Integers = NDArray[np.int64]
_Halves = NDArray[np.uint16]
_Intervals = NDArray[np.uint32]
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
    intervals: _Intervals
    """Both in one number, as in ColumnTable."""
    offsets: Integers
    """Mask m of the batch owns the pieces offsets[m] .. offsets[m + 1] - 1."""
    areas: Integers

    @property
    def last(self) -> int:
        """One past the last mask."""
        return self.first + self.areas.size


def cut(first: int, runs: Runs, height: int) -> Pieces:
    """Split the runs that leave their column, so that every piece is an interval of rows of one column."""
    columns, tops, bottoms, pieces = cut_at_columns(runs.starts, runs.lengths, height)
    offsets = runs.offsets if pieces is None else np.append(0, np.cumsum(pieces))[runs.offsets]
    intervals = (tops | bottoms << 16).view(np.uint32)
    return Pieces(first, columns, tops.astype(np.uint16), bottoms.astype(np.uint16), intervals, offsets, runs.areas())


@dataclass(slots=True)
class ColumnTable:
    """Where the true tracks are. Each entry is an interval of rows: top in the lower, bottom in the upper 16 bits."""

    intervals: _Intervals
    """G, T * W + 1: the interval of each column, frame after frame; a top of _MARK where there are several."""
    layers: list[_Intervals]
    """The same for the columns with several intervals, as many layers as the busiest column needs."""

    @classmethod
    def empty(cls, tracks: int, shape: Shape) -> "ColumnTable":
        """Tracks that are nowhere."""
        return cls(np.zeros((tracks, shape.length * shape.width + 1), np.uint32), [])

    def add(self, batch: Pieces, shape: Shape, last: int) -> None:
        """Enter the masks of the batch up to `last`; masks stand in the order of tracks and frames."""
        # An empty piece may stand one column too far: not entered here, and of no pixel where it is looked up.
        offsets = batch.offsets[: last - batch.first + 1]
        part = slice(offsets[-1])
        full = np.flatnonzero(batch.bottoms[part] > batch.tops[part])
        tracks = np.arange(batch.first, last) // shape.length
        shifts = batch.first * shape.width + tracks * (self.intervals.shape[1] - shape.length * shape.width)
        columns = (batch.columns[part] + np.repeat(shifts, np.diff(offsets)))[full]
        intervals = batch.intervals[full]
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

    def compare(self, batch: Pieces, shape: Shape, border: int, wanted: NDArray[np.bool_], shared: Integers) -> None:
        """Enter into `shared` the pixels that masks of the batch share with true tracks, where `wanted`.

        Both are (G, P T): true tracks, all masks of the predictions, the first of which is the mask `border`.
        """
        low = max(batch.first, border)
        rows, masks = np.nonzero(wanted[:, low - border : batch.last - border])
        masks += low - batch.first
        ends = np.cumsum(batch.offsets[masks + 1] - batch.offsets[masks])
        begin = 0
        while begin < rows.size:
            before = ends[begin - 1] if begin else 0
            stop = max(begin + 1, int(np.searchsorted(ends, before + _BATCH_PIECES)))
            part = slice(begin, stop)
            places = masks[part] + (batch.first - border)
            shared[rows[part], places] = self._shared(batch, shape, rows[part], masks[part])
            begin = stop

    def _shared(self, batch: Pieces, shape: Shape, rows: Integers, masks: Integers) -> NDArray[np.uint32]:
        """Pixels that true track rows[n] shares with mask masks[n] of the batch, (N,)."""
        counts = batch.offsets[masks + 1] - batch.offsets[masks]
        starts = np.cumsum(counts) - counts
        tracks = (batch.first + masks) // shape.length
        shifts = batch.first * shape.width - tracks * (shape.length * shape.width) + rows * self.intervals.shape[1]
        pieces = _stretches(batch, masks)
        places = np.concatenate([batch.columns[part] for part in pieces]) + np.repeat(shifts, counts)
        mine = np.concatenate([batch.intervals[part] for part in pieces])
        found = self.intervals.reshape(-1).take(places)
        pixels = _common(found, mine)
        if self.layers:
            several = np.flatnonzero(found == _MARK)
            places, mine = places[several], mine[several]
            more = [_common(layer.reshape(-1).take(places), mine) for layer in self.layers]
            pixels[several] = np.add.reduce(more, axis=0, dtype=np.uint16)
        return np.add.reduceat(pixels, starts, dtype=np.uint32)


def _stretches(batch: Pieces, masks: Integers) -> list[slice]:
    """The pieces of these masks. Mask after mask of a track stand side by side, and copying is faster than picking."""
    ends = np.flatnonzero(np.diff(masks) != 1)
    firsts = batch.offsets[masks[np.append(0, ends + 1)]]
    lasts = batch.offsets[masks[np.append(ends, masks.size - 1)] + 1]
    return [slice(first, last) for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True)]


def _common(some: _Intervals, others: _Intervals) -> _Halves:
    """Rows that two intervals share, element by element."""
    top = np.maximum(some.astype(np.uint16), others.astype(np.uint16))  # the lower halves
    bottom = np.minimum((some >> 16).astype(np.uint16), (others >> 16).astype(np.uint16))
    np.maximum(bottom, top, out=bottom)
    bottom -= top
    return bottom
