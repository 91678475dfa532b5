"""SIGKILL of the driver at the worst moments; then the same command again.

Three cells on two CPUs: two are finished when the driver dies, the third is in the middle.
"""

import hashlib
import os
import signal
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from rcflab.ledger.events import AttemptStarted, Metrics, StateChanged
from rcflab.ledger.reader import read_events, read_key

EXPERIMENT = """
name: killed
task: toy
baseline: plain
arms:
  plain: {}
  fast: {training.lr: 0.2}
  last: {training.lr: 0.05, model.memory: 2}
training: {steps: 30, checkpoint_every: 10, evaluate_every: 10}
resources: {max_concurrent: 1}
"""
STEPS = list(range(1, 31))


class Aftermath:
    """What is left after a crash and the run that followed."""

    def __init__(self, lab: Any, kind: str, whole: Path) -> None:
        self.lab, self.kind, self.whole = lab, kind, whole
        self.plan = lab.session().plan

    def train_keys(self) -> list[str]:
        return [cell.train_key for cell in self.plan.cells]

    def events(self, key: str, kind: type[Any]) -> list[Any]:
        return [event for event in read_events(self.lab.storage, key) if isinstance(event, kind)]


def steps_of(lab: Any, index: int) -> int:
    cell = lab.session().plan.cells[index]
    return read_key(lab.storage, cell.train_key).step


def kill(process: Any) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.wait(30)


def in_mid_step(lab: Any) -> None:
    """The third cell hangs after step 14; steps 11 to 14 are in the ledger, but in no checkpoint."""
    driver = lab.start("train.step:sleep=600:74")
    lab.wait_for("step 14 of the third cell", lambda: steps_of(lab, 2) == 14, driver)
    kill(driver)


def inside_a_checkpoint_write(lab: Any) -> None:
    """The third cell hangs in its second checkpoint, with all files written and not renamed."""
    driver = lab.start("checkpoint.manifest:sleep=600:8")
    folder = lab.storage / "cells" / lab.session().plan.cells[2].train_key / "checkpoints"

    def hangs() -> bool:  # the first checkpoint passes through such a file too, before it has its name
        return (folder / "step-00000010").is_dir() and any(folder.glob(".tmp-*/manifest.json"))

    lab.wait_for("an unfinished second checkpoint", hangs, driver)
    kill(driver)
    assert any(folder.glob(".tmp-*/manifest.json"))


def between_creation_and_acknowledgement(lab: Any) -> None:
    """The driver, which ships, kills itself after MLflow made a run and before it hears of it."""
    driver = lab.start("ship.run_created:kill:1")
    assert driver.wait(120) == -signal.SIGKILL


def while_the_old_actor_lives(lab: Any) -> None:
    """The actor is stopped in mid-step, outlives its driver, and wakes when the next run has taken the key."""
    driver = lab.start_script("orphan.py", str(lab.yaml), str(lab.storage), fault="train.step:sleep=1:14")
    lab.wait_for("step 14 of the third cell", lambda: steps_of(lab, 2) == 14, driver)
    key = lab.session().plan.cells[2].train_key
    attempt = read_key(lab.storage, key).attempt
    assert attempt is not None and attempt.pid != driver.pid
    os.kill(attempt.pid, signal.SIGSTOP)
    kill(driver)
    second = lab.start()
    lab.wait_for("a takeover", lambda: read_key(lab.storage, key).attempts == 2, second)
    os.kill(attempt.pid, signal.SIGCONT)  # raises when the old actor did not outlive the takeover
    lab.wait_for("the end of the old actor", lambda: "orphan: " in lab.log(1), None)
    assert "orphan: blocked FencedError" in lab.log(1)
    assert second.wait(120) == 0, lab.log()


CRASHES: list[Callable[[Any], None]] = [
    in_mid_step,
    inside_a_checkpoint_write,
    between_creation_and_acknowledgement,
    while_the_old_actor_lives,
]


@pytest.fixture(scope="module", params=CRASHES, ids=lambda crash: crash.__name__)
def after(
    request: pytest.FixtureRequest, laboratory: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory
) -> Generator[Aftermath]:
    lab = laboratory(EXPERIMENT)
    request.param(lab)
    code = lab.run()
    assert code == 0, lab.log()
    yield Aftermath(lab, request.param.__name__, lab.uninterrupted(tmp_path_factory.mktemp("whole")))
    lab.end_leftovers()


def test_no_cell_is_trained_twice(after: Aftermath) -> None:
    for key in after.train_keys():
        attempts = after.events(key, AttemptStarted)
        redone = [event.step for event in after.events(key, Metrics)]
        assert len([event for event in after.events(key, StateChanged) if event.state == "finished"]) == 1
        assert len(attempts) <= 2
        # Only what no checkpoint held was done again, and never more than the ten steps between two.
        assert len(redone) - len(STEPS) <= 10
        assert len(attempts) == 1 or len(redone) == len(STEPS) or attempts[1].step >= 10


def test_no_cell_is_lost(after: Aftermath) -> None:
    states = [read_key(after.lab.storage, key) for key in after.train_keys()]
    assert [state.state for state in states] == ["finished"] * 3
    assert all(state.final(cell.eval_key) for state, cell in zip(states, after.plan.cells, strict=True))


def test_each_step_was_repeated_bit_for_bit(after: Aftermath) -> None:
    assert [read_key(after.lab.storage, key).alarms for key in after.train_keys()] == [()] * 3


def test_final_weights_are_those_of_an_uninterrupted_run(after: Aftermath) -> None:
    for key in after.train_keys():
        path = f"cells/{key}/checkpoints/step-00000030/weights.npy"
        digests = {hashlib.sha256((root / path).read_bytes()).hexdigest() for root in (after.lab.storage, after.whole)}
        assert len(digests) == 1


def test_mlflow_has_one_run_for_each_cell_and_each_step_once(after: Aftermath) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{after.lab.storage / 'mlflow.db'}")
    experiments = [each.experiment_id for each in client.search_experiments()]
    runs = client.search_runs(experiments, "tags.`rcflab.role` = 'cell'")
    assert sorted(run.data.tags["rcflab.eval_key"] for run in runs) == sorted(c.eval_key for c in after.plan.cells)
    assert {run.info.status for run in runs} == {"FINISHED"}
    for run in runs:
        history = client.get_metric_history(run.info.run_id, "train/loss")
        assert sorted(point.step for point in history) == STEPS
        scores = client.get_metric_history(run.info.run_id, "toy/score")
        assert sorted(point.step for point in scores) == [10, 20, 30]


def test_no_half_written_file_is_left(after: Aftermath) -> None:
    assert list((after.lab.storage / "cells").rglob(".tmp-*")) == []
    assert list((after.lab.storage / "ray").iterdir()) == []


def test_the_table_was_made(after: Aftermath) -> None:
    assert (after.lab.storage / "experiments" / "killed" / "table.md").read_text() in after.lab.log()
