"""The objective of one evaluation, video by video: what the Wilcoxon pruner compares.

records.npz --Resampling.metrics with one-hot weights (V, V)--> a number for each video, NaN where it has none
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from rcflab.errors import StorageError
from rcflab.ledger.events import Evaluated
from rcflab.task import load_resampling


def video_scores(task: str, storage: Path, metric: str) -> Callable[[Evaluated], Sequence[float]]:
    """A function from an evaluation to `metric` of each video. It raises StorageError where the records are gone."""

    def scores(found: Evaluated) -> Sequence[float]:
        resampling = load_resampling(task)
        path = storage / found.records
        try:
            with np.load(path, allow_pickle=False) as file:
                records = dict(file)
        except (OSError, ValueError, EOFError) as error:
            raise StorageError(f"{path}: the match records cannot be read: {error}") from error
        videos = resampling.videos(records)
        return [float(each) for each in resampling.metrics(records, np.eye(videos), [metric])[metric]]

    return scores
