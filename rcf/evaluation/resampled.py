"""The statistics of `statistics` for many weightings of the videos at once, as intervals over videos need them.

    records, weights V B --each category: weights of its rows--> true, said (rows B) --> precision at 101 recalls --.
                                                                                        mean over categories --> B
                         --weights of what was found--> found K B / positives K B --> recall -------------------^

Column by column this is `stats_from_records`. It is fast because the columns lie next to one another in memory, because
only true positives can raise the precision at a recall (a tenth of the rows), and because no column needs a loop.
Equal scores within one video stay in their order: a weight of 2 repeats each row, it does not interleave two videos.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rcf.evaluation.matching import AREA_RANGES, IOU_THRESHOLDS
from rcf.evaluation.statistics import MOST_PREDICTIONS, STAT_NAMES, Floats, Records, is_times

PRIMARY = ("AP", "AP50", "AP75", "AR1", "AR10")
"""What a table compares if it says nothing else."""
_ELEMENTS = 1 << 17
"""Rows times columns of one block: 1 MB, so that the steps of a block find it in the processor's cache."""
_RECALLS = np.append(np.linspace(0.0, 1.0, 101), np.inf)
"""The levels of recall, and one that is never reached."""
_AREAS = {name: area for area, (name, _, _) in enumerate(AREA_RANGES)}


@dataclass(frozen=True, slots=True)
class _Area:
    """Records of one area range, predictions by category."""

    video: NDArray[np.int64]
    """(D,), as all of these but `true` and `ignored` (T, D) and `positives` (V, K)."""
    category: NDArray[np.int64]
    rank: NDArray[np.int64]
    true: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    positives: Floats


def resampled_stats(records: Records, weights: Floats, names: Sequence[str] = PRIMARY) -> dict[str, Floats]:
    """Statistics in percent points for each column of `weights` (V, B), by name: (B,) each.

    A column is what `stats_from_records` takes: how often each video counts, in the order of `video_ids`. NaN where no
    true track of positive weight is left; drop such columns, for all arms alike. `names` are of STAT_NAMES.
    Raises ValueError for another name, for weights of another shape and for those that are not `is_times`.
    """
    videos = records["video_ids"].size
    weights = np.ascontiguousarray(weights, np.float64)
    if weights.ndim != 2 or len(weights) != videos or not is_times(weights):
        raise ValueError(
            f"weights must be {videos} rows, one a video, of whole numbers of at least 0, "
            f"got shape {weights.shape}: {weights!r:.200}"
        )
    if unknown := sorted(set(names) - set(STAT_NAMES)):
        raise ValueError(f"names: got {', '.join(unknown)}, expected some of {', '.join(STAT_NAMES)}")
    found: dict[str, Floats] = {}
    for area in sorted({_area_of(name) for name in names}):
        wanted = [name for name in names if _area_of(name) == area]
        found.update(_area_stats(_of_area(records, area), weights, wanted))
    return {name: found[name] for name in names}


def _area_of(name: str) -> int:
    return _AREAS.get(name.partition("_")[2], _AREAS["all"])


def _of_area(records: Records, area: int) -> _Area:
    return _Area(
        records["video"].astype(np.int64),
        records["category"].astype(np.int64),
        records["rank"].astype(np.int64),
        records["true_positive"][area].astype(np.bool_),
        records["ignored"][area].astype(np.bool_),
        records["positives"][area].astype(np.float64),
    )


def _area_stats(area: _Area, weights: Floats, names: Sequence[str]) -> dict[str, Floats]:
    positives = area.positives.T @ weights
    present = np.count_nonzero(positives > 0, axis=0)
    # Where no category is left there is no mean.
    scale = np.divide(100.0, present, out=np.full(len(present), np.nan), where=present > 0)
    positives = np.where(positives > 0, positives, 1.0)
    found = {name: scale * _recall(area, weights, positives, _most(name)) for name in names if name.startswith("AR")}
    thresholds = {name: _thresholds(name) for name in names if name.startswith("AP")}
    wanted = np.any(list(thresholds.values()), axis=0) if thresholds else np.zeros(len(IOU_THRESHOLDS), np.bool_)
    precision = _precision(area, weights, positives, np.flatnonzero(wanted).tolist())
    return found | {name: scale * precision[chosen].mean(axis=0) for name, chosen in thresholds.items()}


def _thresholds(name: str) -> NDArray[np.bool_]:
    """Which IoU thresholds enter an AP."""
    return np.equal(IOU_THRESHOLDS, {"AP50": 0.5, "AP75": 0.75}.get(name, IOU_THRESHOLDS))


def _most(name: str) -> int:
    """Predictions of a video and category that enter an AR."""
    return {"AR1": 1, "AR10": 10}.get(name, MOST_PREDICTIONS)


def _recall(area: _Area, weights: Floats, positives: Floats, most: int) -> Floats:
    """Sum over categories of the recall, mean over thresholds: (B,)."""
    found = np.zeros((positives.shape[0], len(weights)))
    rows = area.rank < most
    # Whole numbers until here: counts of videos are added without rounding, in whatever order.
    np.add.at(found, (area.category[rows], area.video[rows]), area.true[:, rows].sum(axis=0))
    return ((found @ weights) / (len(IOU_THRESHOLDS) * positives)).sum(axis=0)


def _precision(area: _Area, weights: Floats, positives: Floats, thresholds: Sequence[int]) -> Floats:
    """Sum over categories of the mean precision at each of `thresholds`: (T, B), 0 at the others."""
    total = np.zeros((len(IOU_THRESHOLDS), weights.shape[1]))
    for k in range(len(positives)):
        first, last = np.searchsorted(area.category, [k, k + 1]).tolist()
        true, ignored = area.true[:, first:last], area.ignored[:, first:last]
        if not true[thresholds].any():
            continue
        for columns in _blocks(weights.shape[1], last - first):
            rows = weights[:, columns][area.video[first:last]]
            said = np.cumsum(rows, axis=0)
            for t in thresholds:
                hits = np.flatnonzero(true[t])
                count = np.cumsum(rows * ~ignored[t, :, None], axis=0) if ignored[t].any() else said
                total[t, columns] += _mean_precision(rows[hits], count[hits], positives[k, columns])
    return total


def _blocks(columns: int, rows: int) -> Iterator[slice]:
    width = max(1, _ELEMENTS // max(1, rows))
    return (slice(start, start + width) for start in range(0, columns, width))


def _mean_precision(hits: Floats, said: Floats, positives: Floats) -> Floats:
    """Highest precision at each recall or beyond, mean over the 101 recalls: (B,).

    hits: (J, B), the weights of the true positives; said: (J, B), of all that counts down to each of them.
    """
    true = np.cumsum(hits, axis=0)
    precision = true / (said + np.spacing(1))
    best = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
    gained = np.diff(_levels_reached(true / positives), axis=0, prepend=0)
    return np.einsum("jb,jb->b", best, gained) / (len(_RECALLS) - 1)


def _levels_reached(recall: Floats) -> NDArray[np.int64]:
    """How many of the 101 levels are at most `recall`: searchsorted(side="right"), twice as fast.

    100 times a recall, rounded down, is the number or up to two below it; linspace's levels are not i / 100 exactly,
    so the levels themselves decide.
    """
    reached = (100 * recall).astype(np.int64)
    reached += _RECALLS.take(reached) <= recall
    reached += _RECALLS.take(reached) <= recall
    return reached
