"""Which prediction finds which true track: the greedy matching of YouTube-VIS, for one video and category.

    IoU P G, scores descending --each area range, each threshold--> Matches: found? ignored?

The rules, as the official evaluator has them:
- predictions in the order of their scores take, of the tracks still free, the one with the highest IoU of at least the
  threshold; of equal IoUs the later track;
- tracks to be ignored (crowd, or outside the area range) come last: a prediction that has a regular track never leaves
  it for an ignored one; a crowd may be found any number of times;
- a prediction that found an ignored track is ignored, and so is one that found nothing and lies outside the area range.
"""

from collections.abc import Callable, Mapping, Sequence
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


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """Which of the tracks of one video and category a statistic is about, say those of one area range."""

    skip: tuple[bool, ...]
    """G: true tracks that do not count: crowds, and those outside."""
    outside: Flags
    """P: predictions that do not count where they find nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """A choices of tracks, T thresholds, P predictions."""

    true_positive: Flags
    """A T P: found a track that counts."""
    ignored: Flags
    """A T P: neither true nor false."""
    positives: NDArray[np.int64]
    """A: tracks that count."""
    tracks: NDArray[np.int64]
    """A T P: the true track that was found, -1 for none."""


Credit = Callable[[NDArray[np.int64]], Flags]
"""Which matches count as found: all of them, unless the rules of an evaluation say otherwise."""


def every(tracks: NDArray[np.int64]) -> Flags:
    """A match is a match."""
    return tracks >= 0


def match(
    iou: NDArray[np.float64], crowd: Sequence[bool], choices: Sequence[Chosen], credit: Credit = every
) -> Matches:
    """Match predictions, sorted by score, to true tracks.

    iou: (P, G), exact where it is at least the lowest threshold; crowd: G.
    """
    shape = (len(choices), len(IOU_THRESHOLDS), len(iou))
    tracks = np.full(shape, -1, np.int64)
    guesses, truth = np.nonzero(iou >= _FLOORS[0])
    values = iou[guesses, truth]
    alone = (np.bincount(guesses)[guesses] == 1) & (np.bincount(truth)[truth] == 1)
    sure = np.full(shape[1:], -1, np.int64)  # pairs that nobody contests need no search
    sure[:, guesses[alone]] = np.where(values[alone] >= _FLOORS[:, None], truth[alone], -1)
    contested = ~alone
    near = _by_prediction(guesses[contested], truth[contested], values[contested])
    fewer = np.diff((values[contested, None] >= _FLOORS).sum(axis=0), prepend=-1) != 0
    done: dict[tuple[bool, ...], NDArray[np.int64]] = {}
    for a, chosen in enumerate(choices):
        last = chosen.skip if len(set(chosen.skip)) > 1 else (False,) * len(chosen.skip)  # of all or none, none is last
        if last not in done:  # most area ranges ignore either none or all
            done[last] = _match_with(near, fewer, last, crowd, sure)
        tracks[a] = done[last]
    skip = np.array([(*chosen.skip, False) for chosen in choices], np.bool_)  # the last one stands for -1
    outside = np.stack([chosen.outside for chosen in choices])
    found = credit(tracks)
    ignored = skip[np.arange(len(choices))[:, None, None], tracks] | ~found & outside[:, None]
    return Matches(found & ~ignored, ignored, np.count_nonzero(~skip[:, :-1], axis=1), tracks)


_Near = Mapping[int, Sequence[tuple[int, float]]]
"""Prediction: the tracks near it, with their IoU."""


def _by_prediction(guesses: NDArray[np.int64], truth: NDArray[np.int64], values: NDArray[np.float64]) -> _Near:
    near: dict[int, list[tuple[int, float]]] = {}
    for p, g, value in zip(guesses.tolist(), truth.tolist(), values.tolist(), strict=True):
        near.setdefault(p, []).append((g, value))
    return near


def _match_with(
    near: _Near, fewer: Flags, last: Sequence[bool], crowd: Sequence[bool], sure: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Which track each prediction found, -1 for none, (T, P).

    fewer: T, whether a threshold excludes pairs that the one before did not; last: G; sure: the pairs beside `near`.
    """
    candidates = [(p, sorted(tracks, key=lambda pair: last[pair[0]])) for p, tracks in near.items()]
    found = sure.copy()
    pairs: list[tuple[int, int]] = []
    for t, floor in enumerate(_FLOORS.tolist()):
        if fewer[t]:  # a threshold that excludes nobody changes nothing
            pairs = _greedy(candidates, floor, last, crowd)
        for p, g in pairs:
            found[t, p] = g
    return found


def _greedy(
    candidates: Sequence[tuple[int, Sequence[tuple[int, float]]]],
    floor: float,
    last: Sequence[bool],
    crowd: Sequence[bool],
) -> list[tuple[int, int]]:
    """Pairs at one threshold; a candidate is a prediction with the tracks near it, `last` ones last."""
    taken: set[int] = set()
    pairs: list[tuple[int, int]] = []
    for prediction, tracks in candidates:
        best, choice = floor, -1
        for track, iou in tracks:
            if iou < best or track in taken:
                continue
            if choice >= 0 and last[track] and not last[choice]:
                break
            best, choice = iou, track
        if choice >= 0:
            pairs.append((prediction, choice))
            if not crowd[choice]:
                taken.add(choice)
    return pairs
