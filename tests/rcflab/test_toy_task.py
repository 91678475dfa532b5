"""The toy task's metrics under weights of the videos."""

from pathlib import Path

import numpy as np
import pytest

from rcflab.toy_config import ToyConfig
from rcflab.toy_task import RESAMPLING, TASK


def test_metrics_of_many_weightings_are_those_of_each(tmp_path: Path) -> None:
    config = ToyConfig().model_dump(mode="json")
    (evaluated,) = TASK.start(config, 0).evaluate([config], [tmp_path])
    records = evaluated.records
    videos = len(records["distance"])
    weights = np.random.default_rng(0).multinomial(videos, np.full(videos, 1 / videos), 5).T.astype(np.float64)
    found = RESAMPLING.metrics(records, weights, ["toy/score", "toy/distance", "train/loss"])
    assert found.keys() == {"toy/score", "toy/distance"}
    for b, wanted in enumerate(TASK.metrics(records, column) for column in weights.T):
        assert {key: values[b] for key, values in found.items()} == pytest.approx(wanted)
