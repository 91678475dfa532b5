"""Shared pixels of all predicted and true tracks of a video, exact, without a loop over pairs and frames.

    true tracks --decode_runs, cut--> ColumnTable        predictions --decode_runs, cut--> Pieces
    pairs that can reach `floor` (areas, columns they span) --ColumnTable.compare--> pixels

Whole numbers throughout, so intersections and unions equal those of pycocotools, whose `iou` of two masks costs several
times what all this costs a mask and pair.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rcf.evaluation.bulk_runs import MAX_POSITIONS, Counts, Ints, decode_joined
from rcf.evaluation.column_table import LARGEST_HEIGHT, ColumnTable, Integers, Pieces, Shape, cut
from rcf.evaluation.rle import empty
from rcf.structures import Rle

__all__ = ["LARGEST_HEIGHT", "DamagedMasksError", "Overlaps", "Segmentations", "Shape", "overlaps"]

Segmentations = Sequence[Rle | None]
"""One entry a frame."""
_BATCH_CHARACTERS = 1 << 17
"""Masks are decoded in batches of about this much text, whose arrays nearly fit in a core's cache."""


class DamagedMasksError(Exception):
    """Some counts are no whole mask (bulk_runs.damaged says which), or of another size than the video."""


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
    counts and masks of another size.
    """
    frames, border = shape.length, len(truth) * shape.length
    spans = _Spans.of(border + len(predicted) * frames)
    table = ColumnTable.empty(len(truth), shape)
    batches: list[Pieces] = []
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
        table.compare(batch, shape, border, near.reshape(shared.shape), shared)
    areas = spans.areas.reshape(-1, frames).astype(np.int64)
    return Overlaps(shared.reshape(len(truth), len(predicted), frames), areas[: len(truth)], areas[len(truth) :])


@dataclass(frozen=True, slots=True)
class _Spans:
    """How large each mask is and which columns and rows it may touch, of all masks of all tracks."""

    areas: Ints
    box: Ints
    """4 N: first column, one past the last, first row, one past the last."""

    @classmethod
    def of(cls, masks: int) -> "_Spans":
        """Masks without a pixel."""
        return cls(np.zeros(masks, np.int32), np.zeros((4, masks), np.int32))

    def add(self, batch: Pieces, shape: Shape) -> None:
        """Note the masks of a batch."""
        part, starts = slice(batch.first, batch.last), np.arange(batch.areas.size) * shape.width
        firsts, lasts = batch.offsets[:-1], batch.offsets[1:] - 1
        lasts = np.where(batch.tops[lasts] < batch.bottoms[lasts], lasts, np.maximum(lasts - 1, firsts))  # an empty end
        full = np.where(batch.tops < batch.bottoms, batch.tops, LARGEST_HEIGHT)
        self.areas[part] = batch.areas
        self.box[0, part] = batch.columns[firsts] - starts
        self.box[1, part] = batch.columns[lasts] - starts + 1
        self.box[2, part] = np.minimum.reduceat(full, firsts)
        self.box[3, part] = np.maximum.reduceat(batch.bottoms, firsts)

    def near(self, truth: int, frames: int, floor: float) -> NDArray[np.bool_]:
        """In which frames pairs may share a pixel that may have an IoU of at least `floor`, (G, P, T)."""
        border = truth * frames
        areas = self.areas[:border].reshape(-1, 1, frames), self.areas[border:].reshape(1, -1, frames)
        mine, theirs = self.box[:, :border].reshape(4, -1, 1, frames), self.box[:, border:].reshape(4, 1, -1, frames)
        wide, high = (
            np.maximum(np.minimum(mine[end], theirs[end]) - np.maximum(mine[end - 1], theirs[end - 1]), 0)
            for end in (1, 3)
        )
        most = np.minimum(np.minimum(*areas), wide * high)
        shared, total = most.sum(2, dtype=np.int64), areas[0].sum(2, dtype=np.int64) + areas[1].sum(2, dtype=np.int64)
        return (shared * (1 + floor) >= floor * total * (1 - 1e-9))[..., None] & (most > 0)


def _batches(shape: Shape, tracks: Sequence[Segmentations]) -> Iterator[Pieces]:
    """All masks of all tracks, one after the other, in batches that may begin and end inside a track."""
    nothing = empty(shape.height, shape.width)["counts"]
    sides, size = [shape.height, shape.width], shape.height * shape.width
    texts: list[str] = []
    for track in tracks:
        sizes = [mask["size"] for mask in track if mask is not None]
        if sizes.count(sides) < len(sizes):  # much faster than a look at each
            raise DamagedMasksError
        texts += [nothing if mask is None else mask["counts"] for mask in track]
    joined = Counts.join(texts)
    if joined is None:
        raise DamagedMasksError
    most = max(1, MAX_POSITIONS // size)
    first = 0
    while first < len(texts):
        before = joined.stops[first - 1] if first else 0
        full = int(np.searchsorted(joined.stops, before + _BATCH_CHARACTERS)) + 1
        last = min(full, first + most, len(texts))
        runs = decode_joined(joined.part(first, last), size)
        if runs is None:
            raise DamagedMasksError
        yield cut(first, runs, shape.height)
        first = last
