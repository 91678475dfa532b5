"""A video whose predicted and true tracks have been compared: what every statistic of tracks starts from.

Video, tracks, predictions --best 100 of each category--> grouped --rules.compare, Reach--> ComparedVideo
    BY_CATEGORY   a prediction meets the true tracks of its category, IoU of at least 0.5 only: what AP needs
    EVERYTHING    all pairs, exact: what a breakdown of errors and tracking need
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rcf.data.annotations import Track, Video
from rcf.evaluation.matching import IOU_THRESHOLDS
from rcf.evaluation.overlap import Overlaps, Shape
from rcf.evaluation.rules import Rules
from rcf.evaluation.statistics import MOST_PREDICTIONS
from rcf.structures import TrackPrediction

Ranges = Mapping[int, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Reach:
    """Which pairs are compared."""

    across_categories: bool
    floor: float
    """Pairs with a lower IoU may be left at 0."""

    def ranges(self, tracks: Sequence[Track], by_category: Ranges, count: int) -> list[tuple[int, int]]:
        """The predictions that each true track meets."""
        if self.across_categories:
            return [(0, count)] * len(tracks)
        return [by_category.get(track.category_id, (0, 0)) for track in tracks]


BY_CATEGORY = Reach(False, float(IOU_THRESHOLDS[0]))
EVERYTHING = Reach(True, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class ComparedVideo:
    """One video: G true tracks, P predictions, category by category, the best of a category first."""

    video: Video
    tracks: Sequence[Track]
    predictions: Sequence[TrackPrediction]
    places: NDArray[np.int64]
    """P: where each prediction stood among those of the video."""
    ranges: Ranges
    """Where the predictions of each category stand."""
    overlaps: Overlaps
    iou: NDArray[np.float64]
    """G P, of whole tracks."""

    def best_first(self) -> NDArray[np.int64]:
        """All predictions whatever their category, by descending score, equal ones as they came."""
        scores = np.array([prediction.score for prediction in self.predictions], np.float64)
        return np.lexsort((self.places, -scores))


def compare_video(
    video: Video, tracks: Sequence[Track], predictions: Sequence[TrackPrediction], rules: Rules, reach: Reach
) -> ComparedVideo:
    """Compare what is predicted for one video with its true tracks. Raises DamagedMasksError for corrupt counts."""
    places, ranges = _best_by_category(predictions)
    kept = [predictions[place] for place in places]
    overlaps = rules.compare(
        Shape(video.height, video.width, video.length),
        [track.segmentations for track in tracks],
        [prediction.segmentations for prediction in kept],
        reach.ranges(tracks, ranges, len(kept)),
        reach.floor,
    )
    return ComparedVideo(video, tracks, kept, np.array(places, np.int64), ranges, overlaps, overlaps.iou())


def _best_by_category(predictions: Sequence[TrackPrediction]) -> tuple[list[int], Ranges]:
    """Places of the best 100 of each category, best first, and where each category stands; NaN ranks last."""
    scores = np.array([prediction.score for prediction in predictions], np.float64)
    groups: defaultdict[int, list[int]] = defaultdict(list)
    order: list[int] = np.argsort(-scores, kind="stable").tolist()
    for place in order:
        group = groups[predictions[place].category_id]
        if len(group) < MOST_PREDICTIONS:
            group.append(place)
    kept: list[int] = []
    ranges: dict[int, tuple[int, int]] = {}
    for category, group in groups.items():
        ranges[category] = (len(kept), len(kept) + len(group))
        kept.extend(group)
    return kept, ranges
