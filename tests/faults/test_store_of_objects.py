"""Machines that share nothing but a store of objects: each has a cache of its own, and may die at any moment.

Machine a is killed at each point of the protocol, machine b goes on, machine c has never seen anything of it: its
ledger, its table and the weights are those of a training that nothing has disturbed.
"""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rcflab.ledger.reader import read_key
from rcflab.search.checks import space_of
from rcflab.search.names import study_names
from rcflab.search.optuna_journal import read_journal
from rcflab.search.optuna_study import trials_in
from rcflab.searching import trial_session
from rcflab.session import open_experiment, read_ledger
from rcflab.storage.opening import mirror_of

EXPERIMENT = """
name: in-a-store
task: toy
baseline: plain
arms: {plain: {model.memory: 3}, fast: {training.lr: 0.2}}
seeds: 2
training: {steps: 12, checkpoint_every: 4, evaluate_every: 4}
tracking: {uri: none}
"""
POINTS = ["checkpoint.files:kill:2", "checkpoint.rename:kill:2", "train.step:kill:7", "best.rename:kill:2",
          "store.sent:kill:9", "store.sent:kill:10", "store.sent:kill:14", "store.sent:kill:23"]  # fmt: skip


@pytest.fixture(scope="module")
def lab(laboratory: Callable[[str], Any]) -> Any:
    return laboratory(EXPERIMENT)


@pytest.fixture(scope="module")
def whole(lab: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lab.uninterrupted(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Become the machine of this name: this process, and those that it starts."""
    return lambda name: monkeypatch.setenv("RCFLAB_CACHE", str(tmp_path / name))


@pytest.mark.parametrize("fault", POINTS)
def test_a_training_whose_machine_died_goes_on_elsewhere_and_ends_in_the_same_bits(
    lab: Any, whole: Path, store: str, machine: Callable[[str], None], fault: str
) -> None:
    arguments = (str(lab.yaml), store, "alone")
    machine("a")
    assert lab.start_script("orphan.py", *arguments, fault=fault).wait(100) == -signal.SIGKILL, lab.log()
    machine("b")
    assert lab.start_script("orphan.py", *arguments).wait(100) == 0, lab.log()
    assert "orphan: finished" in lab.log()
    machine("c")
    session = open_experiment(lab.yaml, [f"storage.root={store}"])
    key = session.plan.cells[-1].train_key
    mirror = mirror_of(session.storage)
    mirror.fetch_ledgers((key,))
    mirror.fetch(f"cells/{key}")
    state = read_key(session.storage, key)
    assert (state.state, state.attempts, state.alarms) == ("finished", 2, ())
    assert [point.step for point in state.series["train/loss"]] == list(range(1, 13))
    assert [each.step for each in state.evaluations] == [4, 8, 12]
    weights = f"cells/{key}/checkpoints/step-00000012/weights.npy"
    assert (session.storage / weights).read_bytes() == (whole / weights).read_bytes()


def test_the_whole_command_leaves_tables_that_every_machine_reads_alike(
    lab: Any, store: str, machine: Callable[[str], None], tmp_path: Path
) -> None:
    root = ("--set", f"storage.root={store}")
    machine("a")
    assert lab.run(*root) == 0, lab.log()
    machine("b")
    assert lab.run(*root) == 0, lab.log()
    there = open_experiment(lab.yaml, [f"storage.root={store}"])
    view = read_ledger(there)
    assert set(view.states.values()) == {"done"} and {key.attempts for key in view.keys.values()} == {1}
    assert lab.run("--set", f"storage.root={tmp_path / 'folder'}") == 0, lab.log()
    here = tmp_path / "folder" / "experiments" / "in-a-store"
    for name in ("table.md", "table.csv", "table.tex", "table.statistics.md"):
        assert (there.experiment_folder / name).read_bytes() == (here / name).read_bytes(), name


def test_two_machines_do_not_train_the_same_cell(lab: Any, store: str, machine: Callable[[str], None]) -> None:
    fields = [f"storage.root={store}", "training.step_ms=500", "training.steps=400"]
    slow = (*(text for field in fields for text in ("--set", field)), "--arms", "plain", "--seeds", "1")
    machine("a")
    first = lab.start("", *slow)
    machine("b")
    session = open_experiment(lab.yaml, fields, ["plain"], 1)
    lab.wait_for("a training", lambda: "running" in read_ledger(session).states.values(), first)
    assert lab.run(*slow) == 75, lab.log()
    assert "is being trained by" in lab.log()
    first.send_signal(signal.SIGTERM)
    assert first.wait(100) == 75
    assert "running" not in read_ledger(session).states.values()


def test_a_search_goes_on_from_another_machine(
    laboratory: Callable[[str], Any], store: str, machine: Callable[[str], None]
) -> None:
    search = """
search:
  {sampler: random, trials: 4, objective: {toy/score: max}, pruner: median, space: {training.lr: {uniform: [0.1, 0.4]}}}
"""
    lab = laboratory(EXPERIMENT.replace("seeds: 2\n", "seeds: 1\n").replace(", fast: {training.lr: 0.2}", "") + search)
    root = ("--set", f"storage.root={store}")
    machine("a")
    assert lab.start("search.told:kill:2", *root).wait(200) == -signal.SIGKILL, lab.log()
    machine("b")
    assert lab.run(*root) == 0, lab.log()
    machine("c")
    session = open_experiment(lab.yaml, [f"storage.root={store}"])
    journal = read_journal(session.experiment_folder / "search")
    (name,) = study_names(session).values()
    assert journal is not None
    trials = trials_in(journal, name, space_of(session.spec))
    assert [trial.number for trial in trials] == [0, 1, 2, 3]
    assert {trial.state for trial in trials} <= {"complete", "pruned"}
    cells = trial_session(session)
    assert len(cells.plan.cells) == 4
    states = [key.state for key in read_ledger(cells).keys.values()]
    assert len(states) == 4 and set(states) <= {"finished", "pruned"}
