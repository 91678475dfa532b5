"""Which tracks a statistic is about: all, those of a size, of a length, those that were hidden in between.

    ComparedVideo --of_truth, of_predicted--> a value a track --ranges--> names A x tracks: inside?

As COCO has it for areas: true tracks outside a range do not count and whoever finds one is ignored; a prediction that
finds nothing is ignored where its own value lies outside. Both ends belong to a range.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rcf.data.annotations import Track
from rcf.evaluation.compared import ComparedVideo
from rcf.evaluation.matching import AREA_RANGES, Chosen

Floats = NDArray[np.float64]
Range = tuple[str, float, float]
"""Name, least, most."""


@dataclass(frozen=True, slots=True)
class Slicing:
    """Ranges of one property of tracks."""

    ranges: tuple[Range, ...]
    of_truth: Callable[[ComparedVideo], Floats]
    """G"""
    of_predicted: Callable[[ComparedVideo], Floats]
    """P; NaN where a prediction has no such property: it then counts in every range."""

    def choices(self, compared: ComparedVideo) -> "Choices":
        """All tracks of a video against all ranges."""
        truth, predicted = self.of_truth(compared), self.of_predicted(compared)
        lows, highs = (np.array([[each[end]] for each in self.ranges]) for end in (1, 2))
        crowd = np.array([track.iscrowd for track in compared.tracks], np.bool_)
        skip = crowd | ~((lows <= truth) & (truth <= highs))
        return Choices(skip, (predicted < lows) | (predicted > highs))


@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """A ranges; G true tracks to skip, P predictions outside."""

    skip: NDArray[np.bool_]
    outside: NDArray[np.bool_]

    def of(self, truth: NDArray[np.int64], predicted: NDArray[np.int64]) -> list[Chosen]:
        """Those of some tracks and predictions, given by their numbers, one for each range."""
        skip, outside = self.skip[:, truth].tolist(), self.outside[:, predicted]
        return [Chosen(tuple(each), other) for each, other in zip(skip, outside, strict=True)]


def stated_area(track: Track) -> float:
    """Mean of the areas that the file states, over frames with some; the official evaluator never counts them anew."""
    stated = list(filter(None, track.areas))
    if not stated:
        return 0.0
    # Whole numbers add up without rounding in any order; others in NumPy's order, as in the official code.
    total = sum(stated) if all(map(float.is_integer, stated)) else float(np.add.reduce(stated))
    return total / len(stated)


def _stated_areas(compared: ComparedVideo) -> Floats:
    return np.array([stated_area(track) for track in compared.tracks], np.float64)


def _mean_areas(compared: ComparedVideo) -> Floats:
    """Pixels of each prediction, mean over the frames in which it has some; 0 for an empty track."""
    pixels = compared.overlaps.predicted
    return pixels.sum(axis=1) / np.maximum(np.count_nonzero(pixels, axis=1), 1)


def visible_frames(pixels: NDArray[np.int64]) -> Floats:
    """Frames with a pixel, of each track."""
    return np.count_nonzero(pixels, axis=1).astype(np.float64)


def hidden_share(pixels: NDArray[np.int64]) -> Floats:
    """Of the frames from a track's first appearance to its last, the share in which it has no pixel; 0 for none."""
    seen = pixels > 0
    first, last = seen.argmax(axis=1), seen.shape[1] - 1 - seen[:, ::-1].argmax(axis=1)
    frames = np.count_nonzero(seen, axis=1)
    return np.where(frames > 0, 1 - frames / (last - first + 1), 0.0)


BY_AREA = Slicing(AREA_RANGES, _stated_areas, _mean_areas)
"""First `all`: the official numbers."""
BY_LENGTH = Slicing(
    (("1-8 frames", 1.0, 8.0), ("9-24 frames", 9.0, 24.0), ("25 frames or more", 25.0, 1e10)),
    lambda compared: visible_frames(compared.overlaps.truth),
    lambda compared: visible_frames(compared.overlaps.predicted),
)
"""Frames in which a track can be seen."""
_JUST_ABOVE, _ABOVE_QUARTER, _ABOVE_HALF = (float(np.nextafter(value, 1.0)) for value in (0.0, 0.25, 0.5))
BY_GAPS = Slicing(
    (("never hidden", 0.0, 0.0), ("hidden up to 25 %", _JUST_ABOVE, 0.25), ("hidden more", _ABOVE_QUARTER, 1.0)),
    lambda compared: hidden_share(compared.overlaps.truth),
    lambda compared: hidden_share(compared.overlaps.predicted),
)
"""Share of a track's frames, from its first to its last, in which it is gone."""


def by_stated_occlusion(scores: Mapping[int, float]) -> Slicing:
    """OVIS's groups by the mean occlusion that its file states, {annotation id: 0..1}; others count as 0.

    Predictions have no such value, so those that find nothing count in every group.
    """
    ranges = (
        ("slightly occluded", 0.0, 0.25),
        ("moderately occluded", _ABOVE_QUARTER, 0.5),
        ("heavily occluded", _ABOVE_HALF, 1.0),
    )
    return Slicing(
        ranges,
        lambda compared: np.array([scores.get(track.id, 0.0) for track in compared.tracks], np.float64),
        lambda compared: np.full(len(compared.predictions), np.nan),
    )
