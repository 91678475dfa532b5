"""The match records of finished cells, scored on resampled videos or unit by unit: what tests are made from.

    CellResult.records (npz) --digest--> kept scores? ----------------------------------------> Scores of each arm
                             --load--> task's records --Resampling.metrics, all columns at once--^  (and kept)

A cell counts as many times as its record was drawn, so nothing is matched or segmented again. Scores that are known
(rcflab.score_cache) are taken from there, bit for bit; the content of the records decides whether they are.
"""

import hashlib
import io
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from rcflab.collect import ResultSet, cell_name
from rcflab.comparison import FEWEST_OF_CATEGORY, Categories, Resampled
from rcflab.errors import IncompleteError
from rcflab.metrics import METRICS
from rcflab.records import CellResult, Json
from rcflab.score_cache import Kept, ScoreCache, code_of
from rcflab.stats.contrast import Scores
from rcflab.stats.resamples import Floats, resample_matrix
from rcflab.task import Records, Resampling, load_resampling

SEED = 0
"""Of the resamples: the same for every table, so that joined tables share them."""
Progress = Callable[[int, int], None]
"""Called with cells done and cells in all, after each cell that had to be scored."""


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to score records."""

    name: Mapping[str, Json]
    """Part of the key under which scores are kept."""
    score: Callable[[Records], Floats]


def no_progress(done: int, cells: int) -> None:
    """Nobody watches."""


def resampled_scores(
    results: ResultSet,
    storage: Path,
    resamples: int,
    primary: str | None = None,
    progress: Progress = no_progress,
) -> Resampled | None:
    """The primary metric of every cell on `resamples` samples of its videos, where match records can give it.

    `primary` is a metric, by default the first of the table's that match records can give; None where there is none.
    Reads one file a cell. Raises IncompleteError where a file is gone or damaged.
    """
    task = load_resampling(results.plan.task)
    metric = primary_metric(results.plan.metrics, task, primary)
    with_value = [result for result in results.results if metric in result.metrics]
    if metric is None or not resamples or not with_value:
        return None

    @cache
    def weights(videos: int) -> Floats:
        return resample_matrix(videos, resamples, SEED)

    def score(records: Records) -> Floats:
        return task.metrics(records, weights(task.videos(records)), [metric])[metric]

    way = _Way({"metric": metric, "resamples": resamples, "seed": SEED}, score)
    rows: dict[str, dict[int, Floats]] = {}
    videos = 0
    for result, found in _scored(with_value, storage, task, way, progress):
        videos = found.videos
        # The ledger has the last word on what was measured: a later version may round elsewhere.
        row = np.concatenate(([result.metrics[metric]], found.scores[1:]))
        rows.setdefault(result.cell.arm, {})[result.cell.seed] = row
    scores = {
        arm: Scores(arm, tuple(by_seed), np.stack(list(by_seed.values())), videos) for arm, by_seed in rows.items()
    }
    return Resampled(METRICS[metric], scores, SEED, _categories(with_value[0], storage, task))


def primary_metric(metrics: Sequence[str], task: Resampling, primary: str | None = None) -> str | None:
    """The metric that is tested: `primary`, or the first of `metrics` that match records can give."""
    return next((key for key in ([primary] if primary else metrics) if key in task.known), None)


UnitScores = Mapping[str, Mapping[int, Floats]]
"""Arm -> seed -> score of each unit, NaN where a unit has nothing to score."""


def video_scores(results: ResultSet, storage: Path, metric: str, progress: Progress = no_progress) -> UnitScores:
    """The metric of each video alone, (V,). Raises IncompleteError as `resampled_scores` does."""
    task = load_resampling(results.plan.task)

    def score(records: Records) -> Floats:
        return task.metrics(records, np.eye(task.videos(records)), [metric])[metric]

    way = _Way({"metric": metric, "unit": "video"}, score)
    return _by_arm(_scored(results.results, storage, task, way, progress))


def category_scores(results: ResultSet, storage: Path, metric: str, progress: Progress = no_progress) -> UnitScores:
    """The metric of each category alone, over all videos, (K,). Raises IncompleteError as `resampled_scores` does."""
    task = load_resampling(results.plan.task)

    by_category = task.by_category
    assert by_category is not None, "asked of tasks with categories only (rcflab.table_faults)"

    def score(records: Records) -> Floats:
        every = np.ones((task.videos(records), 1))
        alone = [by_category.only(records, name) for name in by_category.videos(records)]
        return np.array([task.metrics(each, every, [metric])[metric][0] for each in alone])

    way = _Way({"metric": metric, "unit": "category"}, score)
    return _by_arm(_scored(results.results, storage, task, way, progress))


def _by_arm(scored: Iterator[tuple[CellResult, Kept]]) -> UnitScores:
    found: dict[str, dict[int, Floats]] = {}
    for result, kept in scored:
        found.setdefault(result.cell.arm, {})[result.cell.seed] = kept.scores
    return found


def _scored(
    results: Sequence[CellResult], storage: Path, task: Resampling, way: _Way, progress: Progress
) -> Iterator[tuple[CellResult, Kept]]:
    """Each cell with its scores, known ones from the cache."""
    known, code = ScoreCache.below(storage), code_of(task.modules)
    first: Kept | None = None
    for done, result in enumerate(results, start=1):
        content = _content(storage / result.records, result)
        key = {"trial": result.cell.eval_key, "records": hashlib.sha256(content).hexdigest(), "code": code, **way.name}
        kept = known.get(key)
        if kept is None:
            with _readable(content, storage / result.records, result) as records:
                kept = Kept(way.score(records), task.videos(records))
            known.put(key, kept)
            progress(done, len(results))
        first = first or kept
        _refuse_other_videos(kept.videos, first.videos, result)
        yield result, kept


def _categories(result: CellResult, storage: Path, task: Resampling) -> Categories | None:
    """Of the truth, which is the same for all cells; None for a task without categories."""
    path = storage / result.records
    if task.by_category is None:
        return None
    with _readable(_content(path, result), path, result) as records:
        counts = task.by_category.videos(records)
    rare = tuple(name for name, videos in counts.items() if videos < FEWEST_OF_CATEGORY)
    return Categories(len(counts), rare)


def _content(path: Path, result: CellResult) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, result, error) from error


@contextmanager
def _readable(content: bytes, path: Path, result: CellResult) -> Generator[Mapping[str, NDArray[np.generic]]]:
    """The records in a file, for as long as they are scored: another version may have kept other arrays."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            records = dict(file)
        yield records
    except (OSError, LookupError, ValueError, EOFError, BadZipFile) as error:
        raise _unreadable(path, result, error) from error


def _unreadable(path: Path, result: CellResult, error: Exception) -> IncompleteError:
    return IncompleteError(
        f"{cell_name(result.cell)}: the match records {path} cannot be read ({type(error).__name__}). "
        "Intervals and tests are made from them: delete the file, then `rcflab run` evaluates the cell again; "
        "or set table.resamples to 0"
    )


def _refuse_other_videos(videos: int, before: int, result: CellResult) -> None:
    """By their number; the digest of the videos is compared in rcflab.ablation."""
    if videos != before:
        raise IncompleteError(
            f"{cell_name(result.cell)}: its match records are of {videos} videos, "
            f"those of the cells before it of {before}; cells of one table are scored on the same videos"
        )
