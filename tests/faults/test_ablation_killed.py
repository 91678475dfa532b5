"""SIGKILL of the driver at random moments of an ablation, the same command each time until it is done.

Two kills here; RCFLAB_KILLS=10 asks for more. Moments are drawn from a fixed seed as numbers of ledger events, so that
they fall into all parts of the run on slow machines and on fast ones.
"""

import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rcflab.ledger.events import Metrics, StateChanged
from rcflab.ledger.reader import read_events, read_key
from rcflab.report.files import FORMATS, render
from rcflab.session import open_experiment, read_ledger
from rcflab.tables import build_table

pytestmark = pytest.mark.timeout(3600)
KILLS = int(os.environ.get("RCFLAB_KILLS", "2"))
STEPS = 24
EXPERIMENT = f"""
name: killed-ablation
task: toy
design: factorial
factors: {{training.lr: [0.1, 0.2], model.memory: [0, 2]}}
seeds: 2
training: {{steps: {STEPS}, step_ms: 20, checkpoint_every: 6, evaluate_every: 12}}
resources: {{max_concurrent: 2}}
"""


class Killed:
    """An ablation whose driver was killed again and again, and then left alone."""

    def __init__(self, lab: Any) -> None:
        self.lab = lab
        self.cells = lab.session().plan.cells
        self.moments: list[int] = []
        chance = random.Random(7)
        whole = len(self.cells) * (STEPS + 10)
        for kill in range(KILLS):
            # Spread over what is left, so that no kill waits for more than there is to come.
            self._kill(self.events() + chance.randrange(0, max(1, (whole - self.events()) // (KILLS - kill))))
        self.code = lab.run()
        sys.stdout.write(f"killed {KILLS} times, at {self.moments} ledger events of {self.events()}\n")

    def events(self) -> int:
        return sum(len(read_events(self.lab.storage, cell.train_key)) for cell in self.cells)

    def _kill(self, wanted: int) -> None:
        driver = self.lab.start()
        self.lab.wait_for(f"event {wanted}", lambda: self.events() >= wanted or driver.poll() is not None, None)
        os.kill(driver.pid, signal.SIGKILL)
        driver.wait(60)
        self.moments.append(self.events())

    def ledger(self, kind: type[Any]) -> list[list[Any]]:
        """Events of one kind, a list for each cell."""
        found = [read_events(self.lab.storage, cell.train_key) for cell in self.cells]
        return [[event for event in events if isinstance(event, kind)] for events in found]


@pytest.fixture(scope="module")
def killed(laboratory: Callable[[str], Any]) -> Killed:
    return Killed(laboratory(EXPERIMENT))


def test_the_last_run_ends_well_and_prints_the_table(killed: Killed) -> None:
    assert killed.code == 0, killed.lab.log()
    assert len(killed.moments) == KILLS


def test_no_trial_is_lost_or_left_running_in_the_ledger(killed: Killed) -> None:
    states = [read_key(killed.lab.storage, cell.train_key) for cell in killed.cells]
    assert [state.state for state in states] == ["finished"] * len(killed.cells)
    assert all(state.final(cell.eval_key) for state, cell in zip(states, killed.cells, strict=True))
    assert set(read_ledger(killed.lab.session()).states.values()) == {"done"}


def test_no_trial_is_doubled(killed: Killed) -> None:
    for ends in killed.ledger(StateChanged):
        assert [end.state for end in ends].count("finished") == 1
        assert all(end.failure == "worker_lost" and end.reason for end in ends if end.state == "interrupted")
    for metrics in killed.ledger(Metrics):
        # Only what no checkpoint held was done again, and never more than the six steps between two.
        assert len(metrics) <= STEPS + 6 * KILLS


def test_steps_that_were_done_again_gave_the_same_losses(killed: Killed) -> None:
    for cell in killed.cells:
        state = read_key(killed.lab.storage, cell.train_key)
        assert state.alarms == ()
        assert [point.step for point in state.series["train/loss"]] == list(range(1, STEPS + 1))


def test_mlflow_has_each_trial_once_and_none_is_running(killed: Killed) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{killed.lab.storage / 'mlflow.db'}")
    runs = client.search_runs([each.experiment_id for each in client.search_experiments()])
    assert {run.info.status for run in runs} == {"FINISHED"}
    cells = [run for run in runs if run.data.tags.get("rcflab.role") == "cell"]
    assert sorted(run.data.tags["rcflab.eval_key"] for run in cells) == sorted(c.eval_key for c in killed.cells)
    for run in cells:
        history = client.get_metric_history(run.info.run_id, "train/loss")
        assert sorted(point.step for point in history) == list(range(1, STEPS + 1))


def test_no_half_written_file_is_left(killed: Killed) -> None:
    assert list((killed.lab.storage / "cells").rglob(".tmp-*")) == []
    assert list((killed.lab.storage / "ray").iterdir()) == []


def test_the_tables_are_those_of_an_uninterrupted_run_byte_for_byte(
    killed: Killed, tmp_path_factory: pytest.TempPathFactory
) -> None:
    whole: Path = killed.lab.uninterrupted(tmp_path_factory.mktemp("whole"))
    session = open_experiment(killed.lab.yaml, [f"storage.root={whole}"])
    table = build_table(session, read_ledger(session))
    folder = killed.lab.storage / "experiments" / "killed-ablation"
    for form in FORMATS:
        assert (folder / f"table.{form}").read_text(encoding="utf-8") == render(table, form)
