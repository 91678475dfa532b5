"""HOTA, IDF1 and identity switches of predicted tracks, by TrackEval (Luiten and Hoffhues, the authors' own package).

    ComparedVideo --each category: objects and IoU of each frame--> TrackEval: HOTA, Identity, CLEAR
        --over videos--> a category --counts added--> all of them; mean over categories

An object is there in a frame where it has a pixel. Crowds are left out. All predictions take part whose score is at
least `least_score`: tracking measures know no ranking, so false tracks of low score weigh as much as any.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from rcf.data.annotations import Annotations
from rcf.errors import InputError, Problem
from rcf.evaluation.compared import ComparedVideo

Result = Mapping[str, Any]


@runtime_checkable
class Metric(Protocol):
    """A metric of TrackEval, which has no types."""

    def eval_sequence(self, data: dict[str, Any]) -> Result: ...

    def combine_sequences(self, all_res: Mapping[str, Result]) -> Result: ...

    def combine_classes_det_averaged(self, all_res: Mapping[str, Result]) -> Result: ...


@dataclass(frozen=True, slots=True)
class TrackingScores:
    """Percent points, and a count. HOTA and its parts are means over the thresholds 0.05 to 0.95, the others at 0.5."""

    hota: float
    deta: float
    assa: float
    idf1: float
    switches: int


@dataclass(frozen=True, slots=True)
class Tracking:
    """By category and over all; None where there is neither a true object nor a predicted one."""

    by_category: dict[int, TrackingScores]
    overall: TrackingScores | None
    """Counts of all categories added up."""
    mean_hota: float | None
    """Mean over the categories with true objects."""
    least_score: float


def trackeval_metrics() -> list[Metric]:
    """HOTA, Identity and CLEAR. Raises rcf.errors.InputError where TrackEval is not installed."""
    try:
        metrics = import_module("trackeval.metrics")
    except ModuleNotFoundError as error:
        wanted = "the package trackeval, which computes HOTA, IDF1 and identity switches"
        problem = Problem("environment", "trackeval", "no such package", wanted, "pip install 'rcflab[tracking]'")
        raise InputError([problem]) from error
    silent = {"PRINT_CONFIG": False}
    return [metrics.HOTA(), metrics.Identity(silent), metrics.CLEAR(silent)]


class TrackingOf:
    """Gathers videos."""

    def __init__(self, annotations: Annotations, least_score: float = 0.0) -> None:
        self._metrics = trackeval_metrics()
        self._least = least_score
        self._with_truth = {track.category_id for track in annotations.tracks if not track.iscrowd}
        self._found: defaultdict[int, dict[str, list[Result]]] = defaultdict(dict)

    def add(self, compared: ComparedVideo) -> None:
        """One video; categories that neither side has cost nothing."""
        of_track = np.array([track.category_id for track in compared.tracks], np.int64)
        crowd = np.array([track.iscrowd for track in compared.tracks], np.bool_)
        scores = np.array([prediction.score for prediction in compared.predictions], np.float64)
        for category in sorted({*of_track.tolist(), *compared.ranges}):
            low, high = compared.ranges.get(category, (0, 0))
            truth = np.flatnonzero((of_track == category) & ~crowd)
            predicted = np.arange(low, high)[scores[low:high] >= self._least]
            data = sequence(compared, truth, predicted)
            if data["num_gt_dets"] + data["num_tracker_dets"]:
                results = [metric.eval_sequence(data) for metric in self._metrics]
                self._found[category][str(compared.video.id)] = results

    def result(self) -> Tracking:
        """After the last video."""
        whole = {
            str(category): [
                metric.combine_sequences({video: results[place] for video, results in videos.items()})
                for place, metric in enumerate(self._metrics)
            ]
            for category, videos in sorted(self._found.items())
        }
        by_category = {int(category): _scores(results) for category, results in whole.items()}
        overall = [
            metric.combine_classes_det_averaged({name: results[place] for name, results in whole.items()})
            for place, metric in enumerate(self._metrics)
        ] if whole else None  # fmt: skip
        means = [scores.hota for category, scores in by_category.items() if category in self._with_truth]
        return Tracking(
            by_category,
            None if overall is None else _scores(overall),
            float(np.mean(means)) if means else None,
            self._least,
        )


def sequence(compared: ComparedVideo, truth: NDArray[np.int64], predicted: NDArray[np.int64]) -> dict[str, Any]:
    """Some tracks of a video in TrackEval's form; tracks without a pixel have no number there."""
    overlaps = compared.overlaps
    true_seen, seen = overlaps.truth[truth] > 0, overlaps.predicted[predicted] > 0
    true_number, number = (np.cumsum(each.any(axis=1)) - 1 for each in (true_seen, seen))
    iou = overlaps.frame_iou()[np.ix_(truth, predicted)]
    here = [(np.flatnonzero(a), np.flatnonzero(b)) for a, b in zip(true_seen.T, seen.T, strict=True)]
    return {
        "num_timesteps": len(here),
        "num_gt_ids": int(true_seen.any(axis=1).sum()),
        "num_tracker_ids": int(seen.any(axis=1).sum()),
        "num_gt_dets": int(true_seen.sum()),
        "num_tracker_dets": int(seen.sum()),
        "gt_ids": [true_number[a] for a, _ in here],
        "tracker_ids": [number[b] for _, b in here],
        "similarity_scores": [iou[np.ix_(a, b)][..., t] for t, (a, b) in enumerate(here)],
    }


def _scores(results: list[Result]) -> TrackingScores:
    hota, identity, clear = results
    means: list[float] = [100 * float(np.mean(np.asarray(hota[name], np.float64))) for name in ("HOTA", "DetA", "AssA")]
    total, detection, association = means
    return TrackingScores(total, detection, association, 100 * float(identity["IDF1"]), int(clear["IDSW"]))
