"""Which prediction finds which true track: the greedy matching of YouTube-VIS, for one video and category.

    IoU P G, scores descending --each area range, each threshold--> Matches: found? ignored?

The rules, as the official evaluator has them:
- predictions in the order of their scores take, of the tracks still free, the one with the highest IoU of at least the
  threshold; of equal IoUs the later track;
- tracks to be ignored (crowd, or outside the area range) come last: a prediction that has a regular track never leaves
  it for an ignored one; a crowd may be found any number of times;
- a prediction that found an ignored track is ignored, and so is one that found nothing and lies outside the area range.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""The official grid; `linspace`, because 0.5 and 0.75 are later found by equality."""
AREA_RANGES: tuple[tuple[str, float, float], ...] = (
    ("all", 0.0, 1e10),
    ("small", 0.0, 128.0**2),
    ("medium", 128.0**2, 256.0**2),
    ("large", 256.0**2, 1e10),
)
"""Pixels, mean over the frames in which a track is visible; both ends belong to the range."""
_FLOORS = np.minimum(IOU_THRESHOLDS, 1 - 1e-10)

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class TrueTracks:
    """The G true tracks of one video and category, in the order of the file."""

    crowd: Sequence[bool]
    mean_areas: Sequence[float]

    def ignored(self, low: float, high: float) -> tuple[bool, ...]:
        """Which tracks do not count in an area range."""
        pairs = zip(self.crowd, self.mean_areas, strict=True)
        return tuple(crowd or not low <= area <= high for crowd, area in pairs)


@dataclass(frozen=True, slots=True)
class Matches:
    """A area ranges, T thresholds, P predictions."""

    true_positive: Flags
    """A T P: found a track that counts."""
    ignored: Flags
    """A T P: neither true nor false."""
    positives: NDArray[np.int64]
    """A: tracks that count."""


def match(iou: NDArray[np.float64], truth: TrueTracks, mean_areas: NDArray[np.float64]) -> Matches:
    """Match predictions, sorted by score, to true tracks.

    iou: (P, G); mean_areas: (P,), of the predictions.
    """
    shape = (len(AREA_RANGES), len(IOU_THRESHOLDS), len(mean_areas))
    found, ignored = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    positives = np.zeros(len(AREA_RANGES), np.int64)
    near = [(p, iou[p].tolist()) for p in np.flatnonzero(iou.max(axis=1, initial=0.0) >= _FLOORS[0]).tolist()]
    done: dict[tuple[bool, ...], tuple[Flags, Flags]] = {}
    for a, (_, low, high) in enumerate(AREA_RANGES):
        skip = truth.ignored(low, high)
        positives[a] = len(skip) - sum(skip)
        if skip not in done:  # most ranges ignore either none or all
            done[skip] = _match_with(near, skip, truth.crowd, len(mean_areas))
        found[a], ignored[a] = done[skip]
        ignored[a] |= ~found[a] & ((mean_areas < low) | (mean_areas > high))
    return Matches(found & ~ignored, ignored, positives)


def _match_with(
    near: Sequence[tuple[int, Sequence[float]]], skip: Sequence[bool], crowd: Sequence[bool], predictions: int
) -> tuple[Flags, Flags]:
    """Which predictions found a track, which found one to ignore, (T, P); `near`: predictions, IoU with every track."""
    order = sorted(range(len(skip)), key=skip.__getitem__)
    candidates = [(p, [(g, iou[g]) for g in order]) for p, iou in near]
    found = np.zeros((len(_FLOORS), predictions), np.bool_)
    ignored = np.zeros_like(found)
    for t, floor in enumerate(_FLOORS.tolist()):
        candidates = [(p, [(g, iou) for g, iou in tracks if iou >= floor]) for p, tracks in candidates]
        candidates = [(p, tracks) for p, tracks in candidates if tracks]
        if candidates:
            pairs = _greedy(candidates, floor, skip, crowd)
            found[t, [p for p, _ in pairs]] = True
            ignored[t, [p for p, g in pairs if skip[g]]] = True
    return found, ignored


def _greedy(
    candidates: Sequence[tuple[int, Sequence[tuple[int, float]]]],
    floor: float,
    skip: Sequence[bool],
    crowd: Sequence[bool],
) -> list[tuple[int, int]]:
    """Pairs at one threshold; a candidate is a prediction with the tracks near it, ignored ones last."""
    taken: set[int] = set()
    pairs: list[tuple[int, int]] = []
    for prediction, tracks in candidates:
        best, choice = floor, -1
        for track, iou in tracks:
            if iou < best or track in taken:
                continue
            if choice >= 0 and skip[track] and not skip[choice]:
                break
            best, choice = iou, track
        if choice >= 0:
            pairs.append((prediction, choice))
            if not crowd[choice]:
                taken.add(choice)
    return pairs
