"""SIGKILL of the training process at each point of the protocol, without Ray: the next attempt ends in equal bits."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rcflab.ledger.reader import read_key

EXPERIMENT = """
name: anywhere
task: toy
baseline: plain
arms: {plain: {model.memory: 3}}
training: {steps: 12, checkpoint_every: 4, evaluate_every: 4}
"""
POINTS = ["checkpoint.files:kill:2", "checkpoint.manifest:kill:2", "checkpoint.rename:kill:2", "ledger.append:kill:9",
          "train.step:kill:7", "checkpoint.rename:kill:3", "best.manifest:kill:1", "best.rename:kill:2"]  # fmt: skip


@pytest.fixture(scope="module")
def lab(laboratory: Callable[[str], Any]) -> Any:
    return laboratory(EXPERIMENT)


@pytest.fixture(scope="module")
def whole(lab: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lab.uninterrupted(tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize("fault", POINTS)
def test_a_killed_training_goes_on_and_ends_in_the_same_bits(lab: Any, whole: Path, tmp_path: Path, fault: str) -> None:
    arguments = (str(lab.yaml), str(tmp_path), "alone")
    assert lab.start_script("orphan.py", *arguments, fault=fault).wait(60) == -signal.SIGKILL
    assert lab.start_script("orphan.py", *arguments).wait(60) == 0
    key = lab.session().plan.cells[0].train_key
    state = read_key(tmp_path, key)
    assert (state.state, state.attempts, state.alarms) == ("finished", 2, ())
    assert [point.step for point in state.series["train/loss"]] == list(range(1, 13))
    assert [each.step for each in state.evaluations] == [4, 8, 12]
    weights = f"cells/{key}/checkpoints/step-00000012/weights.npy"
    assert (tmp_path / weights).read_bytes() == (whole / weights).read_bytes()
