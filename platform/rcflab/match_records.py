"""The match records of finished cells, scored on resampled videos: what the tests of a table are made from.

    CellResult.records (npz) --load--> task's records --Resampling.metrics, one matrix for all--> Scores of each arm

A cell counts as many times as its record was drawn, so nothing is matched or segmented again.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from rcflab.collect import ResultSet, cell_name
from rcflab.comparison import Resampled
from rcflab.errors import IncompleteError
from rcflab.metrics import METRICS
from rcflab.records import CellResult
from rcflab.stats.contrast import Scores
from rcflab.stats.resamples import Floats, resample_matrix
from rcflab.task import load_resampling

SEED = 0
"""Of the resamples: the same for every table, so that joined tables share them."""


def resampled_scores(results: ResultSet, storage: Path, resamples: int, primary: str | None = None) -> Resampled | None:
    """The primary metric of every cell on `resamples` samples of its videos, where match records can give it.

    `primary` is a metric, by default the first of the table's that match records can give; None where there is none.
    Reads one file a cell. Raises IncompleteError where a file is gone or damaged.
    """
    task = load_resampling(results.plan.task)
    metric = primary or next((key for key in results.plan.metrics if key in task.known), None)
    if metric is None or metric not in task.known or not resamples:
        return None
    with_value = [result for result in results.results if metric in result.metrics]
    if not with_value:
        return None
    weights: Floats | None = None
    rows: dict[str, dict[int, Floats]] = {}
    for result in with_value:
        with _readable(storage / result.records, result) as records:
            videos = task.videos(records)
            if weights is None:
                weights = resample_matrix(videos, resamples, SEED)
            _refuse_other_videos(videos, weights, result)
            found = task.metrics(records, weights, [metric])[metric]
        # The ledger has the last word on what was measured: a later version may round elsewhere.
        rows.setdefault(result.cell.arm, {})[result.cell.seed] = np.concatenate(([result.metrics[metric]], found[1:]))
    assert weights is not None, "some cell has a value"
    scores = {
        arm: Scores(arm, tuple(by_seed), np.stack(list(by_seed.values())), len(weights))
        for arm, by_seed in rows.items()
    }
    return Resampled(METRICS[metric], scores, SEED)


@contextmanager
def _readable(path: Path, result: CellResult) -> Generator[Mapping[str, NDArray[np.generic]]]:
    """The records in a file, for as long as they are scored: another version may have kept other arrays."""
    try:
        with np.load(path, allow_pickle=False) as file:
            records = dict(file)
        yield records
    except (OSError, LookupError, ValueError, EOFError, BadZipFile) as error:
        raise IncompleteError(
            f"{cell_name(result.cell)}: the match records {path} cannot be read ({type(error).__name__}). "
            "Intervals and tests are made from them: delete the file, then `rcflab run` evaluates the cell again; "
            "or set table.resamples to 0"
        ) from error


def _refuse_other_videos(videos: int, weights: Floats, result: CellResult) -> None:
    """By their number; the digest of the videos is compared in rcflab.ablation."""
    if videos != len(weights):
        raise IncompleteError(
            f"{cell_name(result.cell)}: its match records are of {videos} videos, "
            f"those of the cells before it of {len(weights)}; cells of one table are scored on the same videos"
        )
