"""Match records of the network under many weightings of the videos, without torch: what a table needs to test.

records.npz --rcf.evaluation.resampled--> val/ap, val/ap50, ... of each weighting
"""

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from rcf.evaluation.resampled import resampled_stats
from rcf.evaluation.statistics import STAT_NAMES, track_metric
from rcflab.task import ByCategory, Records, Resampling


def _resampled(
    records: Records, video_weights: NDArray[np.float64], wanted: Collection[str]
) -> Mapping[str, NDArray[np.float64]]:
    keys = {track_metric(name): name for name in STAT_NAMES if track_metric(name) in wanted}
    found = resampled_stats(records, video_weights, tuple(keys.values()))
    return {key: found[name] for key, name in keys.items()}


def _categories(records: Records) -> dict[str, int]:
    """By the data set's own number: match records do not know names."""
    positives = np.asarray(records["positives"])[0] > 0
    counts = np.count_nonzero(positives, axis=0).tolist()
    numbers = np.asarray(records["category_ids"]).tolist()
    return {str(number): count for number, count in zip(numbers, counts, strict=True) if count}


def _of_category(records: Records, category: str) -> Records:
    """Predictions of that category and true tracks of it."""
    place = [str(number) for number in np.asarray(records["category_ids"]).tolist()].index(category)
    mine = np.asarray(records["category"]) == place
    rows = {name: np.asarray(records[name])[mine] for name in ("video", "category", "score", "rank") if name in records}
    flags = {name: np.asarray(records[name])[:, :, mine] for name in ("true_positive", "ignored")}
    positives = np.zeros_like(np.asarray(records["positives"]))
    positives[:, :, place] = np.asarray(records["positives"])[:, :, place]
    return {**records, **rows, **flags, "positives": positives}


RESAMPLING = Resampling(
    known=tuple(track_metric(name) for name in STAT_NAMES),
    videos=lambda records: int(records["video_ids"].size),
    metrics=_resampled,
    modules=(
        "rcf.evaluation.matching",
        "rcf.evaluation.resampled",
        "rcf.evaluation.statistics",
        "rcflab.rcf_records",
        "rcflab.stats.resamples",
    ),
    groups=("val", "order", "lipschitz", "cost"),
    by_category=ByCategory(_categories, _of_category),
)
