"""From match records to the twelve numbers, for any weights of the videos.

    records --weights: a video counts w times--> precision at 101 recalls, recall --mean over categories--> points

No matching happens here: a weight of 2 is as if the video were there twice, 0 as if it were not. So intervals over
videos need one evaluation only. Records are plain arrays by name (they go into an npz file):

    video_ids V, category_ids K             the data set's own numbers, ascending
    video D, category D                     index of a prediction's video and category
    score D, rank D                         rank within its video and category, 0 is the best
    true_positive A T D, ignored A T D      A area ranges (all, small, medium, large), T thresholds
    positives A V K                         true tracks that count

Predictions stand by category, then by descending score; equal scores by video, then in the order of the results.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rcf.evaluation.matching import AREA_RANGES, IOU_THRESHOLDS, Flags

Records = Mapping[str, NDArray[np.generic]]
Stats = dict[str, float | None]
Floats = NDArray[np.float64]

STAT_NAMES = (
    *("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large"),
    *("AR1", "AR10", "AR100", "AR_small", "AR_medium", "AR_large"),
)
MOST_PREDICTIONS = 100
"""Predictions of one video and category that are looked at."""
RECALLS = np.linspace(0.0, 1.0, 101)
"""Where precision is read off."""


def stats_from_records(records: Records, weights: Floats | None = None) -> Stats:
    """AP and AR in percent points, by the names in STAT_NAMES; None where no true track counts.

    `weights` has one entry a video, in the order of `video_ids`; None counts each video once, which gives the official
    numbers. Categories without a true track of positive weight are left out of the means.
    Raises ValueError for weights of another length and for those that are not `is_times`.
    """
    videos = records["video_ids"].size
    weights = np.ones(videos) if weights is None else np.asarray(weights, np.float64)
    if weights.shape != (videos,) or not is_times(weights):
        raise ValueError(f"weights must be {videos} whole numbers of at least 0, got {weights!r:.200}")
    everything, small, medium, large = (_area_stats(records, weights, a) for a in range(len(AREA_RANGES)))
    (precision, recall1, recall10, recall100) = everything
    values = (
        *(precision, precision[:, IOU_THRESHOLDS == 0.5], precision[:, IOU_THRESHOLDS == 0.75]),
        *(small[0], medium[0], large[0]),
        *(recall1, recall10, recall100, small[3], medium[3], large[3]),
    )
    return {
        name: 100 * float(value.mean()) if value.size else None for name, value in zip(STAT_NAMES, values, strict=True)
    }


def is_times(weights: Floats) -> bool:
    """Whether they can say how often a video counts: whole numbers, 0 or more.

    Fractions are refused: a recall that lies on one of the 101 levels would reach it or not by how its sum was rounded,
    a step of up to 1/101. Whole numbers are added without rounding, in whatever order.
    """
    return bool((np.isfinite(weights) & (weights >= 0) & (weights == np.floor(weights))).all())


def track_metrics(stats: Stats) -> dict[str, float]:
    """The evaluator's statistics under the names of our metrics; what has no ground truth has no value."""
    return {track_metric(name): value for name, value in stats.items() if value is not None}


def track_metric(name: str) -> str:
    """Our metric for one of statistics.STAT_NAMES."""
    return f"val/{name.lower()}"


def precision_grid(records: Records, area: int = 0) -> tuple[NDArray[np.int64], Floats]:
    """Categories that have true tracks, by index (K',), and their precision at each threshold and recall, (K', T, 101).

    `area` is the place of a range along the first axis of the records.
    """
    wanted = records["positives"][area].sum(axis=0).astype(np.float64)
    category = records["category"].astype(np.int64)
    true, ignored = records["true_positive"][area].astype(np.bool_), records["ignored"][area].astype(np.bool_)
    present, once = np.flatnonzero(wanted > 0), np.ones(category.size, np.float64)
    grid = np.zeros((present.size, len(true), RECALLS.size))
    for row, k in enumerate(present.tolist()):
        part = slice(int(np.searchsorted(category, k)), int(np.searchsorted(category, k, side="right")))
        found = true[:, part].astype(np.float64)
        grid[row] = _precisions(found, ignored[:, part], once[part], wanted[k])
    return present, grid


def _area_stats(records: Records, weights: Floats, area: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Mean precisions and recalls at 1, 10 and 100 predictions, each (K', T), of the K' categories with true tracks."""
    wanted = weights @ records["positives"][area].astype(np.float64)
    category = records["category"].astype(np.int64)
    true, ignored = records["true_positive"][area].astype(np.bool_), records["ignored"][area].astype(np.bool_)
    weight, rank = weights[records["video"].astype(np.int64)], records["rank"].astype(np.int64)
    rows: tuple[list[Floats], ...] = ([], [], [], [])
    for k in np.flatnonzero(wanted > 0).tolist():
        part = slice(int(np.searchsorted(category, k)), int(np.searchsorted(category, k, side="right")))
        found = true[:, part] * weight[part]
        rows[0].append(_mean_precision(found, ignored[:, part], weight[part], wanted[k]))
        for row, most in zip(rows[1:], (1, 10, MOST_PREDICTIONS), strict=True):
            row.append(found[:, rank[part] < most].sum(axis=1) / wanted[k])
    none = np.zeros((0, len(IOU_THRESHOLDS)))
    first, second, third, fourth = (np.stack(row) if row else none for row in rows)
    return first, second, third, fourth


def _mean_precision(found: Floats, ignored: Flags, weight: Floats, positives: float) -> Floats:
    """Mean over the 101 recalls of the precision of one category, (T,)."""
    return _precisions(found, ignored, weight, positives).mean(axis=1)


def _precisions(found: Floats, ignored: Flags, weight: Floats, positives: float) -> Floats:
    """Precision of one category at 101 recalls, the highest at this recall or beyond, (T, 101).

    found: (T, D), the weight of a prediction where it is a true positive, else 0. A recall not reached counts 0.
    """
    true = np.cumsum(found, axis=1)
    said = np.cumsum(~ignored * weight, axis=1)
    precision = true / (said + np.spacing(1))
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    best = np.concatenate((best, np.zeros((len(best), 1))), axis=1)
    recall = true / positives
    return np.stack([best[t, np.searchsorted(recall[t], RECALLS, side="left")] for t in range(len(best))])
