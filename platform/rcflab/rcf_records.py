"""Match records of the network under many weightings of the videos, without torch: what a table needs to test.

records.npz --rcf.evaluation.resampled--> val/ap, val/ap50, ... of each weighting
"""

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from rcf.evaluation.resampled import resampled_stats
from rcf.evaluation.statistics import STAT_NAMES, track_metric
from rcflab.task import Records, Resampling


def _resampled(
    records: Records, video_weights: NDArray[np.float64], wanted: Collection[str]
) -> Mapping[str, NDArray[np.float64]]:
    keys = {track_metric(name): name for name in STAT_NAMES if track_metric(name) in wanted}
    found = resampled_stats(records, video_weights, tuple(keys.values()))
    return {key: found[name] for key, name in keys.items()}


RESAMPLING = Resampling(
    known=tuple(track_metric(name) for name in STAT_NAMES),
    videos=lambda records: int(records["video_ids"].size),
    metrics=_resampled,
)
