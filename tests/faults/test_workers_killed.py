"""SIGKILL of one of two workers in the middle of a training, through `rcflab run`, Ray Tune and Ray Train.

A killed worker takes its group along; a new group goes on from step 5. Worker processes inherit the fault, so it is
placed where the first group reaches it, after step 8, and the second, which does the last seven steps, does not.
"""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from rcflab.ledger.events import AttemptStarted, Metrics, StateChanged
from rcflab.ledger.reader import read_events, read_key

pytestmark = pytest.mark.timeout(900)
_PATIENCE_S = 280
"""A group of workers is started up to three times, and each start of Ray Train takes half a minute on two cores."""

NETWORK = """
name: two-workers
baseline: plain
arms: {plain: {}}
input: {height: 64, width: 96}
model:
  backbone: {name: resnet10t, norm: frozen}
  width: 16
  encoder: {layers: 1, heads: 2, feedforward: 16, dropout: 0.1}
  decoder: {layers: 1, heads: 2, feedforward: 16, dropout: 0.1}
  queries: 4
  mask: {fpn_width: 16, filter_width: 8}
data: {kind: synthetic, train_clips: 8, val_clips: 3, frames: 3}
training: {steps: 12, clips_per_step: 4, lr: 1.0e-3, checkpoint_every: 5, log_every: 1, ema: 0.9}
resources: {workers: 2, threads: 1}
tracking: {uri: none}
"""
TOY = """
name: defect
task: toy
baseline: plain
arms: {plain: {}}
training: {steps: 12, checkpoint_every: 0}
resources: {workers: 2, threads: 1}
tracking: {uri: none}
"""


def _key(lab: Any) -> str:
    (cell,) = lab.session().plan.cells
    return str(cell.train_key)


def _events(lab: Any, kind: type[Any]) -> list[Any]:
    return [event for event in read_events(lab.storage, _key(lab)) if isinstance(event, kind)]


def _weights(lab: Any) -> dict[str, str]:
    """Digests of the files of the last checkpoint, state and running average included."""
    (folder,) = (lab.storage / "cells" / _key(lab) / "checkpoints").glob("step-*")
    files = sorted(folder.glob("*.safetensors"))
    assert len(files) == 2
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def uninterrupted(laboratory: Callable[[str], Any]) -> dict[str, str]:
    """Weights of two workers that nobody disturbed."""
    lab = laboratory(NETWORK)
    assert lab.start().wait(_PATIENCE_S) == 0, lab.log()
    assert len(_events(lab, AttemptStarted)) == 1
    return _weights(lab)


@pytest.mark.parametrize("fault", ["follow.step:kill:8", "train.step:kill:8"], ids=["rank 1", "rank 0"])
def test_a_killed_worker_costs_some_steps_and_no_bit(
    laboratory: Callable[[str], Any], uninterrupted: dict[str, str], fault: str
) -> None:
    lab = laboratory(NETWORK)
    process = lab.start(fault)
    assert process.wait(_PATIENCE_S) == 0, lab.log()
    assert [each.step for each in _events(lab, AttemptStarted)] == [0, 5]
    assert [each.state for each in _events(lab, StateChanged)][-1] == "finished"
    assert "failed" not in [each.state for each in _events(lab, StateChanged)]
    assert {each.step for each in _events(lab, Metrics)} == set(range(1, 13))
    assert _weights(lab) == uninterrupted


def test_a_defect_of_one_worker_is_tried_again_and_then_recorded_with_its_reason(
    laboratory: Callable[[str], Any],
) -> None:
    lab = laboratory(TOY)
    process = lab.start("follow.step:raise:3")
    assert process.wait(_PATIENCE_S) == 3, lab.log()
    state = read_key(lab.storage, _key(lab))
    assert state.state == "failed"
    assert "fault asked for at follow.step" in state.reason
    assert len(_events(lab, AttemptStarted)) == 3
