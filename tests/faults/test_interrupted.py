"""An operator who stops a run, and a worker that dies: nothing is lost, and the same command goes on."""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from rcflab.ledger.events import AttemptStarted
from rcflab.ledger.reader import read_events, read_key

EXPERIMENT = """
name: interrupted
task: toy
baseline: plain
arms:
  plain: {}
  fast: {training.lr: 0.2}
training: {steps: 60, step_ms: 40, checkpoint_every: 25}
resources: {max_concurrent: 1}
tracking: {uri: none}
"""


def first_key(lab: Any) -> str:
    return lab.session().plan.cells[0].train_key


def started(lab: Any, step: int) -> Any:
    """A run whose first cell has come to `step`."""
    driver = lab.start()
    lab.wait_for(f"step {step}", lambda: read_key(lab.storage, first_key(lab)).step >= step, driver)
    return driver


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 75)])
def test_a_stopped_run_saves_a_checkpoint_says_so_by_its_exit_code_and_goes_on_from_there(
    laboratory: Callable[[str], Any], number: int, code: int
) -> None:
    lab = laboratory(EXPERIMENT)
    driver = started(lab, 5)
    os.kill(driver.pid, number)
    assert driver.wait(60) == code, lab.log()
    assert "Traceback" not in lab.log()
    stopped = read_key(lab.storage, first_key(lab))
    assert stopped.state == "interrupted" and stopped.checkpoint is not None
    assert stopped.checkpoint.step == stopped.step < 60
    assert read_key(lab.storage, lab.session().plan.cells[1].train_key).state == "empty"
    assert lab.run() == 0, lab.log()
    attempts = [e.step for e in read_events(lab.storage, first_key(lab)) if isinstance(e, AttemptStarted)]
    assert attempts == [0, stopped.step]


def test_a_worker_that_dies_is_replaced_within_the_run(laboratory: Callable[[str], Any]) -> None:
    lab = laboratory(EXPERIMENT)
    driver = started(lab, 30)
    attempt = read_key(lab.storage, first_key(lab)).attempt
    assert attempt is not None and attempt.pid != driver.pid
    os.kill(attempt.pid, signal.SIGKILL)
    assert driver.wait(120) == 0, lab.log()
    attempts = [e.step for e in read_events(lab.storage, first_key(lab)) if isinstance(e, AttemptStarted)]
    assert attempts == [0, 25]


def test_failed_cells_are_named_with_their_reason_and_the_others_go_on(laboratory: Callable[[str], Any]) -> None:
    lab = laboratory(EXPERIMENT.replace("step_ms: 40", "step_ms: 0").replace("fast: {training.lr: 0.2}",
        "nan: {training.nan_at: 7}\n  broken: {training.raise_at: 3}\n  fast: {training.lr: 0.2}"))  # fmt: skip
    assert lab.run() == 3
    cells = {cell.arm: cell for cell in lab.session().plan.cells}
    states = {arm: read_key(lab.storage, cell.train_key) for arm, cell in cells.items()}
    assert {arm: state.state for arm, state in states.items()} == {
        "plain": "finished", "nan": "failed", "broken": "failed", "fast": "finished",
    }  # fmt: skip
    assert {arm: state.failure for arm, state in states.items() if state.failure} == {
        "nan": "non_finite", "broken": "error",
    }  # fmt: skip
    assert "nan seed 0: NonFiniteLossError: non-finite loss at step 7" in lab.log()
    assert "broken seed 0: RuntimeError: the toy training raises at step 3" in lab.log()
    assert "Traceback" not in lab.log()
    assert not (lab.storage / "experiments" / "interrupted" / "table.md").exists()


def test_bad_input_ends_the_run_before_anything_starts(laboratory: Callable[[str], Any]) -> None:
    lab = laboratory(EXPERIMENT)
    assert lab.run("--set", "resources.threads=4096") == 2
    assert lab.run("--set", "resources.workers=2", "--set", "resources.executor=train") == 2
    assert "resources.workers: got 2, expected 1" in lab.log()
    assert not lab.storage.exists()
