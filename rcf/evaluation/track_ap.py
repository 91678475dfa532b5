"""AP and AR of whole tracks, equal to the official YouTube-VIS evaluator to 1e-9 (its rules: `matching`, `statistics`).

    Annotations + predictions --rules.check--> each video: compare_video --TrackRecords: match--> records --> stats

`rules` says what is an error and what counts: `rules.STRICT`, or `compat.Compat` for the official code as it is.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rcf.data.annotations import Annotations, Track, Video
from rcf.evaluation.compared import BY_CATEGORY, ComparedVideo, compare_video
from rcf.evaluation.matching import IOU_THRESHOLDS, Flags, match
from rcf.evaluation.overlap import DamagedMasksError
from rcf.evaluation.rules import STRICT, Rules
from rcf.evaluation.slices import BY_AREA, Slicing
from rcf.evaluation.statistics import MOST_PREDICTIONS, Stats
from rcf.structures import TrackPrediction


@dataclass(frozen=True, slots=True, eq=False)
class TrackEvaluation:
    """What an evaluation of tracks returns."""

    stats: Stats
    """Percent points by name (statistics.STAT_NAMES); None where there is no ground truth."""
    records: dict[str, NDArray[np.generic]]
    """Match records; `statistics` says what they hold, and computes `stats` from them under any weights of videos."""


def evaluate(
    annotations: Annotations,
    predictions: Sequence[TrackPrediction],
    source: str = "predictions",
    rules: Rules = STRICT,
) -> TrackEvaluation:
    """Compare predictions with ground truth.

    Raises rcf.errors.InputError with all problems of `predictions` (named `source`) or of the annotations.
    """
    rules.check_truth(annotations)
    rules.check_predictions(annotations, predictions, source)
    predicted: defaultdict[int, list[TrackPrediction]] = defaultdict(list)
    for prediction in predictions:
        predicted[prediction.video_id].append(prediction)
    collected = TrackRecords(annotations, rules)
    try:
        for video, tracks in by_video(annotations):
            admitted = rules.admit(annotations, predicted[video.id])
            collected.add(compare_video(video, tracks, admitted, rules, BY_CATEGORY))
    except DamagedMasksError:
        rules.check_truth(annotations, decode=True)
        rules.check_predictions(annotations, predictions, source, decode=True)
        raise
    records = collected.records()
    rules.note(records)
    return TrackEvaluation(rules.stats(records), records)


def by_video(annotations: Annotations) -> Iterator[tuple[Video, list[Track]]]:
    """Videos by ascending id, each with its true tracks."""
    truth: defaultdict[int, list[Track]] = defaultdict(list)
    for track in annotations.tracks:
        truth[track.video_id].append(track)
    for video in sorted(annotations.videos, key=lambda video: video.id):
        yield video, truth[video.id]


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """The P predictions of a video and category, best first: kept for all videos, so in few objects."""

    video: int
    category: int
    scores: NDArray[np.float64]
    true_positive: Flags
    """A T P"""
    ignored: Flags
    """A T P"""


class TrackRecords:
    """Match records, video by video, which are to come by ascending id."""

    def __init__(self, annotations: Annotations, rules: Rules = STRICT, slicing: Slicing = BY_AREA) -> None:
        self._rules, self._slicing = rules, slicing
        self._video_ids = sorted(video.id for video in annotations.videos)
        self._category_ids = self._categories(annotations)
        self._found: list[_Found] = []
        """Of each video and category."""
        ranges = len(slicing.ranges)
        self._positives = np.zeros((ranges, len(self._video_ids), len(self._category_ids)), np.int64)

    def _categories(self, annotations: Annotations) -> list[int]:
        return sorted(category.id for category in annotations.categories)

    def _groups(self, compared: ComparedVideo) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
        """Each category with the numbers of its true tracks and of its predictions, best first."""
        of_track = np.array([track.category_id for track in compared.tracks], np.int64)
        for category in sorted({*of_track.tolist(), *compared.ranges}):
            yield category, np.flatnonzero(of_track == category), np.arange(*compared.ranges.get(category, (0, 0)))

    def add(self, compared: ComparedVideo) -> None:
        """Match the predictions of one video, best first within each category."""
        index = int(np.searchsorted(self._video_ids, compared.video.id))
        choices = self._slicing.choices(compared)
        for category, truth, predicted in self._groups(compared):
            numbers: list[int] = truth.tolist()
            guesses: list[int] = predicted.tolist()
            tracks = [compared.tracks[g] for g in numbers]
            matches = match(
                compared.iou[np.ix_(truth, predicted)].T,
                [track.iscrowd for track in tracks],
                choices.of(truth, predicted),
                self._rules.credit(tracks),
            )
            number = self._category_ids.index(category)
            self._positives[:, index, number] = matches.positives
            scores = np.array([compared.predictions[p].score for p in guesses], np.float64)
            self._found.append(_Found(index, number, scores, matches.true_positive, matches.ignored))

    def records(self) -> dict[str, NDArray[np.generic]]:
        """All records, sorted by category, then by descending score; ties stay in the order in which they came."""
        counts = [found.scores.size for found in self._found]
        videos = np.repeat(np.array([found.video for found in self._found], np.int32), counts)
        categories = np.repeat(np.array([found.category for found in self._found], np.int32), counts)
        ranks = np.concatenate([np.zeros(0, np.int32), *(np.arange(count, dtype=np.int32) for count in counts)])
        scores = np.concatenate([np.zeros(0), *(found.scores for found in self._found)])
        order = np.lexsort((-scores, categories))
        none = np.zeros((len(self._slicing.ranges), len(IOU_THRESHOLDS), 0), np.bool_)
        true = np.concatenate([none, *(found.true_positive for found in self._found)], axis=2)
        ignored = np.concatenate([none, *(found.ignored for found in self._found)], axis=2)
        return {
            "video_ids": np.array(self._video_ids, np.int64),
            "category_ids": np.array(self._category_ids, np.int64),
            "video": videos[order],
            "category": categories[order],
            "rank": ranks[order],
            "score": scores[order],
            "true_positive": true[:, :, order],
            "ignored": ignored[:, :, order],
            "positives": self._positives,
        }


class AgnosticRecords(TrackRecords):
    """The same with one category for all: 100 predictions of a video, compared with every true track."""

    def _categories(self, annotations: Annotations) -> list[int]:
        return [-1]

    def _groups(self, compared: ComparedVideo) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
        yield -1, np.arange(len(compared.tracks)), compared.best_first()[:MOST_PREDICTIONS]
