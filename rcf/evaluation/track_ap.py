"""AP and AR of whole tracks, equal to the official YouTube-VIS evaluator to 1e-9 (its rules: `matching`, `statistics`).

    Annotations + predictions --check--> each video: overlaps --> IoU --> match --> records --> stats

Stricter than the official code, which is silent there: a track of another length or size than its video and an id that
the annotations do not have are errors; annotation id 0 is an id like any other (the official code takes a match to it
for none).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rcf.data.annotations import Annotations, Track, Video
from rcf.evaluation.checks import check_predictions, check_tracks
from rcf.evaluation.matching import AREA_RANGES, IOU_THRESHOLDS, Matches, TrueTracks, match
from rcf.evaluation.overlap import DamagedMasksError, Overlaps, Shape, overlaps
from rcf.evaluation.statistics import MOST_PREDICTIONS, Stats, stats_from_records
from rcf.structures import TrackPrediction

Ranges = Mapping[int, tuple[int, int]]


@dataclass(frozen=True, slots=True, eq=False)
class TrackEvaluation:
    """What an evaluation of tracks returns."""

    stats: Stats
    """Percent points by name (statistics.STAT_NAMES); None where there is no ground truth."""
    records: dict[str, NDArray[np.generic]]
    """Match records; `statistics` says what they hold, and computes `stats` from them under any weights of videos."""


def evaluate(
    annotations: Annotations, predictions: Sequence[TrackPrediction], source: str = "predictions"
) -> TrackEvaluation:
    """Compare predictions with ground truth.

    Raises rcf.errors.InputError with all problems of `predictions` (named `source`) or of the annotations.
    """
    check_tracks(annotations)
    check_predictions(annotations, predictions, source)
    try:
        records = _records(annotations, predictions)
    except DamagedMasksError:
        check_tracks(annotations, decode=True)
        check_predictions(annotations, predictions, source, decode=True)
        raise
    return TrackEvaluation(stats_from_records(records), records)


def _records(annotations: Annotations, predictions: Sequence[TrackPrediction]) -> dict[str, NDArray[np.generic]]:
    truth: defaultdict[int, list[Track]] = defaultdict(list)
    for track in annotations.tracks:
        truth[track.video_id].append(track)
    predicted: defaultdict[int, list[TrackPrediction]] = defaultdict(list)
    for prediction in predictions:
        predicted[prediction.video_id].append(prediction)
    videos = sorted(annotations.videos, key=lambda video: video.id)
    collected = _Collected([video.id for video in videos], sorted(category.id for category in annotations.categories))
    for index, video in enumerate(videos):
        collected.add_video(index, video, truth[video.id], predicted[video.id])
    return collected.records()


class _Collected:
    """Match records, video by video."""

    def __init__(self, video_ids: list[int], category_ids: list[int]) -> None:
        self._video_ids, self._category_ids = video_ids, category_ids
        self._places: list[tuple[int, int, int]] = []
        """(video, category, rank) of each prediction."""
        self._scores: list[float] = []
        self._matches: list[Matches] = []
        self._positives = np.zeros((len(AREA_RANGES), len(video_ids), len(category_ids)), np.int64)

    def add_video(
        self, index: int, video: Video, tracks: Sequence[Track], predictions: Sequence[TrackPrediction]
    ) -> None:
        """Match the predictions of one video, best first within each category, at most 100 of a category."""
        kept, ranges = _best_by_category(predictions)
        compared = overlaps(
            Shape(video.height, video.width, video.length),
            [track.segmentations for track in tracks],
            [prediction.segmentations for prediction in kept],
            [ranges.get(track.category_id, (0, 0)) for track in tracks],
        )
        iou, areas = compared.iou(), _mean_areas(compared)
        for category in sorted({track.category_id for track in tracks} | set(ranges)):
            low, high = ranges.get(category, (0, 0))
            of_category = [g for g, track in enumerate(tracks) if track.category_id == category]
            true = TrueTracks([tracks[g].iscrowd for g in of_category], [_stored_area(tracks[g]) for g in of_category])
            matches = match(iou[of_category, low:high].T, true, areas[low:high])
            number = self._category_ids.index(category)
            self._positives[:, index, number] = matches.positives
            self._matches.append(matches)
            self._places.extend((index, number, rank) for rank in range(high - low))
            self._scores.extend(prediction.score for prediction in kept[low:high])

    def records(self) -> dict[str, NDArray[np.generic]]:
        """All records, sorted by category, then by descending score; ties stay in the order in which they came."""
        places = np.array(self._places, np.int32).reshape(-1, 3)
        scores = np.array(self._scores, np.float64)
        order = np.lexsort((-scores, places[:, 1]))
        none = np.zeros((len(AREA_RANGES), len(IOU_THRESHOLDS), 0), np.bool_)
        true = np.concatenate([none, *(matches.true_positive for matches in self._matches)], axis=2)
        ignored = np.concatenate([none, *(matches.ignored for matches in self._matches)], axis=2)
        return {
            "video_ids": np.array(self._video_ids, np.int64),
            "category_ids": np.array(self._category_ids, np.int64),
            "video": places[order, 0],
            "category": places[order, 1],
            "rank": places[order, 2],
            "score": scores[order],
            "true_positive": true[:, :, order],
            "ignored": ignored[:, :, order],
            "positives": self._positives,
        }


def _best_by_category(predictions: Sequence[TrackPrediction]) -> tuple[list[TrackPrediction], Ranges]:
    """The best 100 of each category, best first, category after category, and where each category stands."""
    groups: defaultdict[int, list[TrackPrediction]] = defaultdict(list)
    for prediction in sorted(predictions, key=lambda prediction: -prediction.score):
        if len(groups[prediction.category_id]) < MOST_PREDICTIONS:
            groups[prediction.category_id].append(prediction)
    kept: list[TrackPrediction] = []
    ranges: dict[int, tuple[int, int]] = {}
    for category, group in groups.items():
        ranges[category] = (len(kept), len(kept) + len(group))
        kept.extend(group)
    return kept, ranges


def _mean_areas(compared: Overlaps) -> NDArray[np.float64]:
    """Pixels of each prediction, mean over the frames in which it has some, (P,); 0 for an empty track."""
    frames = np.count_nonzero(compared.predicted, axis=1)
    return compared.predicted.sum(axis=1) / np.maximum(frames, 1)


def _stored_area(track: Track) -> float:
    """The same for a true track, but from the areas that the file states, as the official evaluator does."""
    stated = [area for area in track.areas if area]
    return sum(stated) / len(stated) if stated else 0.0
