"""Each way to fail ends in a state of its own, with its attempts; tables use complete cells only and say so."""

from collections.abc import Callable
from typing import Any

import pytest

from rcflab.ledger.events import AttemptStarted, StateChanged
from rcflab.ledger.reader import read_events, read_key

pytestmark = pytest.mark.timeout(1800)
EXPERIMENT = """
name: states
task: toy
baseline: plain
arms:
  plain: {}
  nan: {training.nan_at: 7}
  broken: {training.raise_at: 3}
  starved: {training.starve_at: 4}
  killed: {training.kill_at: 8}
  fast: {training.lr: 0.2}
training: {steps: 12, checkpoint_every: 5}
resources: {max_concurrent: 2}
retries: {error: 0, out_of_memory: 1, worker_lost: 1}
"""


class Recorded:
    """One run, with a partial table."""

    def __init__(self, lab: Any) -> None:
        self.lab = lab
        self.code, self.log = lab.run("--partial"), lab.log()
        self.keys = {cell.arm: cell.train_key for cell in lab.session().plan.cells}

    def ends(self, arm: str) -> list[tuple[str, str]]:
        events = read_events(self.lab.storage, self.keys[arm])
        return [(event.state, event.failure) for event in events if isinstance(event, StateChanged)]

    def starts(self, arm: str) -> list[int]:
        return [e.step for e in read_events(self.lab.storage, self.keys[arm]) if isinstance(e, AttemptStarted)]


@pytest.fixture(scope="module")
def recorded(laboratory: Callable[[str], Any]) -> Recorded:
    return Recorded(laboratory(EXPERIMENT))


def test_each_failure_has_a_state_of_its_own(recorded: Recorded) -> None:
    found = {arm: read_key(recorded.lab.storage, key) for arm, key in recorded.keys.items()}
    assert {arm: (state.state, state.failure) for arm, state in found.items()} == {
        "plain": ("finished", ""),
        "nan": ("failed", "non_finite"),
        "broken": ("failed", "error"),
        "starved": ("failed", "out_of_memory"),
        "killed": ("failed", "worker_lost"),
        "fast": ("finished", ""),
    }
    assert all(state.reason for state in found.values() if state.state == "failed")


def test_a_defect_and_a_loss_that_is_not_finite_are_not_tried_again(recorded: Recorded) -> None:
    assert (recorded.starts("nan"), recorded.starts("broken")) == ([0], [0])


def test_lack_of_memory_is_tried_again_as_often_as_the_file_says(recorded: Recorded) -> None:
    assert recorded.starts("starved") == [0, 0]
    assert recorded.ends("starved") == [("failed", "out_of_memory")] * 2


def test_a_killed_training_goes_on_from_its_checkpoint_until_it_is_given_up(recorded: Recorded) -> None:
    # The first attempt made a checkpoint at step 5, so it does not count; two more made none.
    assert recorded.starts("killed")[:2] == [0, 5]
    *before, last = recorded.ends("killed")
    assert before and set(before) == {("interrupted", "worker_lost")}
    assert last == ("failed", "worker_lost")
    reason = read_key(recorded.lab.storage, recorded.keys["killed"]).reason
    assert "the process that trained it died" in reason and "retries.worker_lost is 1" in reason


def test_mlflow_has_the_end_of_each_trial(recorded: Recorded) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{recorded.lab.storage / 'mlflow.db'}")
    experiments = [each.experiment_id for each in client.search_experiments()]
    runs = client.search_runs(experiments, "tags.`rcflab.role` = 'cell'")
    assert {run.data.tags["rcflab.arm"]: run.info.status for run in runs} == {
        "plain": "FINISHED", "nan": "FAILED", "broken": "FAILED", "starved": "FAILED", "killed": "FAILED",
        "fast": "FINISHED",
    }  # fmt: skip


def test_the_partial_table_has_numbers_of_complete_cells_and_names_the_others(recorded: Recorded) -> None:
    assert recorded.code == 3
    lines = {line.split("|")[1].strip(): line for line in recorded.log.splitlines() if line.startswith("| ")}
    assert lines["plain (baseline)"].split("|")[2].strip() == "1"
    for arm in ("nan", "broken", "starved", "killed"):
        assert [part.strip() for part in lines[arm].split("|")[2:-1]] == ["0", "–", "–"]
    assert "killed seed 0 (failed (worker\\_lost))" in recorded.log
    assert "4 of 6 cells failed, the table goes without them" in recorded.log


def test_without_asking_there_is_no_table_and_a_partial_one_never_takes_its_place(recorded: Recorded) -> None:
    folder = recorded.lab.storage / "experiments" / "states"
    assert (folder / "partial" / "table.md").exists() and not (folder / "table.md").exists()
    assert recorded.lab.run(command="table") == 3
    assert "arm 'broken', seed 0" in recorded.lab.log()
    assert recorded.lab.run("--partial", command="table") == 0
    assert (folder / "partial" / "table.md").read_text() in recorded.lab.log()
