"""Shared pixels of all predicted and true tracks of a video, exact, without a loop over pairs and frames.

    true tracks --decode--> runs --cut at columns--> _Table: (frame, column) -> rows [top, bottom)  one look-up a column
    predictions --decode--> runs --cut at columns--> (frame, column, top, bottom)                   all tracks at once
    pairs that can reach `floor` (areas, columns they span) --look up, cut the two intervals of rows, sum--> pixels

Whole numbers throughout, so intersections and unions equal those of pycocotools, whose `iou` of two masks costs several
times what all this costs a mask and pair. A column that a true mask enters twice or more is marked, and the few pieces
that meet it are compared with each of its intervals.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rcf.evaluation.bulk_runs import MAX_POSITIONS, Ints, Runs, decode_runs
from rcf.evaluation.rle import empty
from rcf.structures import Rle

Segmentations = Sequence[Rle | None]
"""One entry a frame."""
Integers = NDArray[np.int64]
_Halves = NDArray[np.uint16]
_MARK = 2**16 - 1
"""Stands for the top of a column with several intervals; no piece reaches so far down, so nothing is counted there."""
LARGEST_HEIGHT = _MARK - 1
_BATCH_PIECES = 1 << 15
"""Pieces that are looked up at once: about as many."""
_BATCH_CHARACTERS = 1 << 16
"""Masks are decoded in batches of about this much text, whose arrays fit in a core's cache."""


class DamagedMasksError(Exception):
    """Some counts are no whole mask; bulk_runs.damaged says which."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Size of one video: pixels and frames."""

    height: int
    width: int
    length: int


@dataclass(frozen=True, slots=True, eq=False)
class Overlaps:
    """Pixels of G true and P predicted tracks over the T frames of a video."""

    shared: Integers
    """G P T; 0 where a pair was not to be compared, or cannot reach the floor."""
    truth: Integers
    """G T"""
    predicted: Integers
    """P T"""

    def iou(self) -> NDArray[np.float64]:
        """Sum of intersections / sum of unions, (G, P); 0 where both tracks are empty."""
        shared = self.shared.sum(2)
        union = self.truth.sum(1)[:, None] + self.predicted.sum(1) - shared
        return shared / np.maximum(union, 1)

    def frame_iou(self) -> NDArray[np.float64]:
        """IoU in each frame, (G, P, T); 0 where both are empty."""
        union = self.truth[:, None] + self.predicted - self.shared
        return self.shared / np.maximum(union, 1)


@dataclass(frozen=True, slots=True)
class _Pieces:
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


def overlaps(
    shape: Shape,
    truth: Sequence[Segmentations],
    predicted: Sequence[Segmentations],
    ranges: Sequence[tuple[int, int]],
    floor: float = 0.0,
) -> Overlaps:
    """Compare each true track g with the predictions ranges[g][0] .. ranges[g][1] - 1, say those of its category.

    All masks must have the video's size, all tracks its length. Pairs whose IoU is surely below `floor` are left out:
    one that looks for an IoU of 0.5 need not know how far below it the others are. Raises DamagedMasksError for corrupt
    counts.
    """
    frames, border = shape.length, len(truth) * shape.length
    count = border + len(predicted) * frames
    spans = _Spans(np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros(count, np.int64))
    table = _Table.empty(len(truth), shape)
    batches: list[_Pieces] = []
    for batch in _batches(shape, [*truth, *predicted]):
        spans.add(batch, shape)
        if batch.first < border:
            table.add(batch, shape, min(border, batch.last))
        if batch.last > border:
            batches.append(batch)
    near = spans.near(len(truth), frames, floor)
    for row, (low, high) in enumerate(ranges):
        near[row, :low] = False
        near[row, high:] = False
    shared = np.zeros((len(truth), len(predicted) * frames), np.int64)
    for batch in batches:
        table.compare(batch, shape, border, near, shared)
    areas = spans.areas.reshape(-1, frames)
    return Overlaps(shared.reshape(len(truth), len(predicted), frames), areas[: len(truth)], areas[len(truth) :])


@dataclass(frozen=True, slots=True)
class _Spans:
    """How large each mask is and which columns it may touch, of all masks of all tracks."""

    areas: Integers
    left: Integers
    right: Integers

    def add(self, batch: _Pieces, shape: Shape) -> None:
        """Note the masks of a batch."""
        part, starts = slice(batch.first, batch.last), np.arange(batch.areas.size) * shape.width
        self.areas[part] = batch.areas
        self.left[part] = batch.columns[batch.offsets[:-1]] - starts
        self.right[part] = batch.columns[batch.offsets[1:] - 1] - starts

    def near(self, truth: int, frames: int, floor: float) -> NDArray[np.bool_]:
        """Which pairs may have an IoU of at least `floor` and share a pixel, (G, P)."""
        border = truth * frames
        areas, left, right = (
            (each[:border].reshape(-1, 1, frames), each[border:].reshape(1, -1, frames))
            for each in (self.areas, self.left, self.right)
        )
        meet = (left[0] <= right[1]) & (left[1] <= right[0])
        most = (np.minimum(*areas) * meet).sum(2)
        total = areas[0].sum(2) + areas[1].sum(2)
        return (most > 0) & (most * (1 + floor) >= floor * total * (1 - 1e-9))


def _batches(shape: Shape, tracks: Sequence[Segmentations]) -> Iterator[_Pieces]:
    """All masks of all tracks, one after the other, in batches that may begin and end inside a track."""
    nothing = empty(shape.height, shape.width)["counts"]
    texts = [nothing if mask is None else mask["counts"] for track in tracks for mask in track]
    size = shape.height * shape.width
    most = max(1, MAX_POSITIONS // size)
    sizes = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)))
    first = 0
    while first < len(texts):
        before = sizes[first - 1] if first else 0
        full = int(np.searchsorted(sizes, before + _BATCH_CHARACTERS)) + 1
        last = min(full, first + most, len(texts))
        runs = decode_runs(texts[first:last], size)
        if runs is None:
            raise DamagedMasksError
        yield _cut(first, runs, shape.height)
        first = last


def _cut(first: int, runs: Runs, height: int) -> _Pieces:
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
    return _Pieces(first, columns, tops.astype(np.uint16), bottoms.astype(np.uint16), offsets, runs.areas())


def _columns(batch: _Pieces, shape: Shape, stride: int) -> Integers:
    """Each piece's column within its track, frame * W + column, plus `stride` times the number of its track.

    An empty piece may stand one column too far, at T * W.
    """
    tracks = np.arange(batch.first, batch.last) // shape.length
    shifts = batch.first * shape.width + tracks * (stride - shape.length * shape.width)
    return batch.columns + np.repeat(shifts, np.diff(batch.offsets))


@dataclass(slots=True)
class _Table:
    """Where the true tracks are. Each entry is an interval of rows: top in the lower, bottom in the upper 16 bits."""

    intervals: NDArray[np.uint32]
    """G, T * W + 1: the interval of each column, frame after frame; a top of _MARK where there are several."""
    layers: list[NDArray[np.uint32]]
    """The same for the columns with several intervals, as many layers as the busiest column needs."""

    @classmethod
    def empty(cls, tracks: int, shape: Shape) -> "_Table":
        """Tracks that are nowhere."""
        return cls(np.zeros((tracks, shape.length * shape.width + 1), np.uint32), [])

    def add(self, batch: _Pieces, shape: Shape, last: int) -> None:
        """Enter the masks of the batch up to `last`; masks stand in the order of tracks and frames."""
        part = slice(batch.offsets[last - batch.first])
        full = np.flatnonzero(batch.bottoms[part] > batch.tops[part])
        columns = _columns(batch, shape, self.intervals.shape[1])[full]
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

    def compare(self, batch: _Pieces, shape: Shape, border: int, near: NDArray[np.bool_], shared: Integers) -> None:
        """Enter into `shared` (G, P T) the pixels that the predictions of the batch share with true tracks `near`."""
        columns = _columns(batch, shape, 0)
        waiting: list[tuple[int, int, int]] = []
        pieces = 0
        for row in range(len(near)):
            for low, high in _stretches(near[row]):
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
        batch: _Pieces,
        columns: Integers,
        border: int,
        stretches: Sequence[tuple[int, int, int]],
        shared: Integers,
    ) -> None:
        """One look-up for all `stretches`: true track, first mask, one past the last."""
        stride, offsets = self.intervals.shape[1], batch.offsets
        parts = [slice(offsets[begin - batch.first], offsets[stop - batch.first]) for _, begin, stop in stretches]
        rows = [row * stride for row, _, _ in stretches]
        places = np.concatenate(
            [np.minimum(columns[part], stride - 1) + row for row, part in zip(rows, parts, strict=True)]
        )
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


def _stretches(chosen: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Stretches of neighbours that are chosen: first, one past the last."""
    edges = np.flatnonzero(np.diff(chosen, prepend=False, append=False)).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def _common(intervals: NDArray[np.uint32], tops: _Halves, bottoms: _Halves) -> _Halves:
    """Rows that two intervals share, element by element."""
    top = intervals.astype(np.uint16)  # the lower half
    bottom = (intervals >> 16).astype(np.uint16)
    np.maximum(top, tops, out=top)
    np.minimum(bottom, bottoms, out=bottom)
    np.maximum(bottom, top, out=bottom)
    bottom -= top
    return bottom
