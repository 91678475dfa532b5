"""An operator who stops a search, and a worker that dies in it: no trial is lost, and the same command goes on."""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from rcflab.ledger.events import AttemptStarted
from rcflab.ledger.fold import KeyState
from rcflab.ledger.reader import read_events, read_key
from rcflab.search.checks import space_of
from rcflab.search.names import study_names
from rcflab.search.optuna_journal import read_journal
from rcflab.search.optuna_study import trials_in

EXPERIMENT = """
name: stopped-search
task: toy
baseline: plain
arms: {plain: {}}
training: {steps: 60, step_ms: 40, checkpoint_every: 25, evaluate_every: 20}
resources: {max_concurrent: 1}
tracking: {uri: none}
search:
  sampler: random
  trials: 3
  objective: {toy/score: max}
  pruner: median
  space: {training.lr: {uniform: [0.05, 0.5]}}
"""


def trials(lab: Any) -> list[Any]:
    session = lab.session()
    journal = read_journal(session.experiment_folder / "search")
    (name,) = study_names(session).values()
    return [] if journal is None else trials_in(journal, name, space_of(session.spec))


def keys(lab: Any) -> list[str]:
    folder = lab.storage / "ledger"
    return sorted((path.name for path in folder.iterdir()), key=lambda key: began(lab, key)) if folder.exists() else []


def began(lab: Any, key: str) -> int:
    starts = [event.ts_ms for event in read_events(lab.storage, key) if isinstance(event, AttemptStarted)]
    return min(starts, default=0)


def started(lab: Any, step: int) -> tuple[Any, str]:
    """A run whose newest trial has come to `step`, and its key."""
    driver = lab.start()
    lab.wait_for(f"step {step}", lambda: bool(keys(lab)) and read_key(lab.storage, keys(lab)[-1]).step >= step, driver)
    return driver, keys(lab)[-1]


class Stopped:
    """A search stopped by Ctrl-C, run again with a worker that is killed, to its end."""

    def __init__(self, lab: Any) -> None:
        self.lab = lab
        driver, self.first = started(lab, 5)
        os.kill(driver.pid, signal.SIGINT)
        self.code = driver.wait(120)
        self.state: KeyState = read_key(lab.storage, self.first)
        self.open = [trial.state for trial in trials(lab)]
        driver, self.second = started(lab, 30)
        attempt = read_key(lab.storage, self.second).attempt
        assert attempt is not None and attempt.pid != driver.pid
        os.kill(attempt.pid, signal.SIGKILL)
        self.end = driver.wait(240)


@pytest.fixture(scope="module")
def stopped(laboratory: Callable[[str], Any]) -> Stopped:
    return Stopped(laboratory(EXPERIMENT))


def test_a_stopped_search_keeps_its_trial_and_the_checkpoint_of_its_step(stopped: Stopped) -> None:
    assert stopped.code == 130, stopped.lab.log(1)
    assert "Traceback" not in stopped.lab.log(1)
    assert stopped.open == ["open"]
    assert stopped.state.state == "interrupted" and stopped.state.checkpoint is not None
    assert stopped.state.checkpoint.step == stopped.state.step


def test_the_same_command_adopts_the_trial_and_comes_to_the_end(stopped: Stopped) -> None:
    assert stopped.end == 0, stopped.lab.log()
    assert "open" not in [trial.state for trial in trials(stopped.lab)]
    assert len(trials(stopped.lab)) == 3
    starts = [e.step for e in read_events(stopped.lab.storage, stopped.first) if isinstance(e, AttemptStarted)]
    assert starts[:2] == [0, stopped.state.step]


def test_a_worker_that_dies_in_a_search_is_replaced(stopped: Stopped) -> None:
    starts = [e.step for e in read_events(stopped.lab.storage, stopped.second) if isinstance(e, AttemptStarted)]
    assert starts[-1] in (20, 25)
