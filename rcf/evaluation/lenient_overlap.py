"""Pixels of tracks whose lists differ in length and masks in size, added up as the official evaluator does.

    lists of any length, masks of any size --size by size: overlaps--> shared --frames that count--> union, IoU

A frame counts for a pair when both lists reach it, unless both have a mask there and the two are of unlike size.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rcf.evaluation.overlap import Integers, Overlaps, Segmentations, Shape, overlaps
from rcf.structures import Rle

_ABSENT = -1


@dataclass(frozen=True, slots=True, eq=False)
class LenientOverlaps(Overlaps):
    """Overlaps in which not every frame counts for every pair."""

    counted: NDArray[np.bool_]
    """G P T"""

    def union(self) -> Integers:
        """Pixels of either track in the frames that count, (G, P, T)."""
        return (self.truth[:, None] + self.predicted - self.shared) * self.counted

    def iou(self) -> NDArray[np.float64]:
        """Sum of intersections / sum of unions over the frames that count."""
        union = self.union().sum(2)
        return self.shared.sum(2) / np.maximum(union, 1)

    def frame_iou(self) -> NDArray[np.float64]:
        """IoU in each frame, 0 where it does not count."""
        return self.shared / np.maximum(self.union(), 1)


def compare_leniently(
    shape: Shape, truth: Sequence[Segmentations], predicted: Sequence[Segmentations], ranges: Sequence[tuple[int, int]]
) -> LenientOverlaps:
    """Compare as `overlap.overlaps`, whatever the lists look like. Raises DamagedMasksError for corrupt counts."""
    tracks = [*truth, *predicted]
    lengths = np.array([len(track) for track in tracks], np.int64)
    frames = max([shape.length, *lengths.tolist()])
    sizes = sorted({_size(mask) for track in tracks for mask in track if mask is not None})
    number = {size: place for place, size in enumerate(sizes)}
    kinds = np.full((len(tracks), frames), _ABSENT, np.int64)
    for row, track in enumerate(tracks):
        kinds[row, : len(track)] = [_ABSENT if mask is None else number[_size(mask)] for mask in track]
    border = len(truth)
    shared = np.zeros((border, len(predicted), frames), np.int64)
    areas = np.zeros((len(tracks), frames), np.int64)
    for height, width in sizes:
        only = [_only(track, (height, width), frames) for track in tracks]
        part = overlaps(Shape(height, width, frames), only[:border], only[border:], ranges)
        shared += part.shared
        areas += np.concatenate((part.truth, part.predicted))
    reached = np.minimum(lengths[:border, None], lengths[border:])[..., None] > np.arange(frames)
    mine, theirs = kinds[:border, None], kinds[None, border:]
    counted = reached & ((mine == theirs) | (mine == _ABSENT) | (theirs == _ABSENT))
    return LenientOverlaps(shared, areas[:border], areas[border:], counted)


def _size(mask: Rle) -> tuple[int, int]:
    height, width = mask["size"]
    return height, width


def _only(track: Segmentations, size: tuple[int, int], frames: int) -> Segmentations:
    """The masks of one size, in a list of `frames` entries."""
    same = [mask if mask is not None and _size(mask) == size else None for mask in track]
    return same + [None] * (frames - len(same))
