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
    scores = 100 * np.exp(-records["distance"] / records["threshold"])
    for key, each in (("toy/score", scores), ("toy/distance", records["distance"])):
        assert found[key] == pytest.approx([np.average(each, weights=column) for column in weights.T])
    measured = RESAMPLING.metrics(records, np.ones((videos, 1)), list(evaluated.metrics))
    assert {key: values[0] for key, values in measured.items()} == pytest.approx(dict(evaluated.metrics))
