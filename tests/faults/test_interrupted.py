"""An operator who stops a run, and a worker that dies: nothing is lost, and the same command goes on."""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from rcflab.ledger.events import AttemptStarted
from rcflab.ledger.fold import KeyState
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


class Stopped:
    """A run stopped by Ctrl-C, run again and stopped by SIGTERM, then run to its end."""

    def __init__(self, lab: Any) -> None:
        self.codes: list[int] = []
        self.states: list[KeyState] = []
        self.logs: list[str] = []
        for number, step in ((signal.SIGINT, 5), (signal.SIGTERM, 20)):
            driver = started(lab, step)
            os.kill(driver.pid, number)
            self.codes.append(driver.wait(60))
            self.states.append(read_key(lab.storage, first_key(lab)))
            self.logs.append(lab.log())
        self.second = read_key(lab.storage, lab.session().plan.cells[1].train_key)
        self.codes.append(lab.run())
        self.logs.append(lab.log())
        self.attempts = [e.step for e in read_events(lab.storage, first_key(lab)) if isinstance(e, AttemptStarted)]


@pytest.fixture(scope="module")
def stopped(laboratory: Callable[[str], Any]) -> Stopped:
    return Stopped(laboratory(EXPERIMENT))


def test_a_stopped_run_tells_by_its_exit_code_who_stopped_it(stopped: Stopped) -> None:
    assert stopped.codes == [130, 75, 0], stopped.logs


def test_a_stopped_run_shows_no_traceback(stopped: Stopped) -> None:
    assert not any("Traceback" in log for log in stopped.logs), stopped.logs


def test_a_stopped_cell_has_a_checkpoint_of_its_last_step(stopped: Stopped) -> None:
    for state in stopped.states:
        assert state.state == "interrupted" and state.checkpoint is not None
        assert state.checkpoint.step == state.step < 60


def test_the_same_command_goes_on_from_that_checkpoint(stopped: Stopped) -> None:
    assert stopped.attempts == [0, *(state.step for state in stopped.states)]


def test_no_new_cell_is_begun_once_the_run_is_stopped(stopped: Stopped) -> None:
    assert stopped.second.state == "empty"


def test_a_worker_that_dies_is_replaced_within_the_run(laboratory: Callable[[str], Any]) -> None:
    lab = laboratory(EXPERIMENT)
    driver = started(lab, 30)
    attempt = read_key(lab.storage, first_key(lab)).attempt
    assert attempt is not None and attempt.pid != driver.pid
    os.kill(attempt.pid, signal.SIGKILL)
    assert driver.wait(120) == 0, lab.log()
    attempts = [e.step for e in read_events(lab.storage, first_key(lab)) if isinstance(e, AttemptStarted)]
    assert attempts == [0, 25]


def test_a_cell_whose_worker_dies_again_and_again_is_recorded_as_failed(laboratory: Callable[[str], Any]) -> None:
    lab = laboratory(EXPERIMENT.replace("step_ms: 40", "step_ms: 0"))
    # Each new process dies at its step 20, before the first checkpoint.
    assert lab.start("train.step:kill:20", "--arms", "plain").wait(120) == 3, lab.log()
    state = read_key(lab.storage, first_key(lab))
    assert state.state == "failed" and "the process that trained it died" in state.reason
    assert 2 <= len([e for e in read_events(lab.storage, first_key(lab)) if isinstance(e, AttemptStarted)]) <= 5
    assert "plain seed 0" in lab.log() and "Traceback" not in lab.log()


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
    assert lab.run("--set", "resources.workers=3") == 2
    assert "resources.workers: got 3 workers for the 4 clips of a step" in lab.log()
    assert not lab.storage.exists()
