"""SIGKILL of the driver at random moments of a search; then the same command again, and again."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rcflab.ledger.reader import ledger_bytes, read_key
from rcflab.search.checks import space_of
from rcflab.search.names import study_names
from rcflab.search.optuna_journal import read_journal
from rcflab.search.optuna_study import trials_in

EXPERIMENT = """
name: killed-search
task: toy
baseline: plain
arms:
  plain: {}
  far: {model.slope: 3.0}
training: {steps: 12, evaluate_every: 4, checkpoint_every: 4, step_ms: 10}
resources: {max_concurrent: 1}
search:
  sampler: tpe
  trials: 12
  objective: {toy/score: max}
  pruner: asha
  space:
    training.lr: {log_uniform: [1.0e-3, 0.9]}
    model.memory: {choice: [0, 1, 2]}
    model.decay: {uniform: [0, 1]}
  when: {decay: {memory: [1, 2]}}
"""
FILES = [
    "table.md",
    "table.csv",
    *(f"search/{name}" for name in ("search.md", "trials.json", "trials.csv", "winner.yaml")),
]
KILLS = int(os.environ.get("RCFLAB_TEST_KILLS", "2"))
"""The ten of an acceptance run take a quarter of an hour."""
SEED = int(os.environ.get("RCFLAB_TEST_SEED", "0"))


def written(lab: Any) -> int:
    """Bytes in all ledgers: how far the whole run is."""
    folder = lab.storage / "ledger"
    return sum(ledger_bytes(lab.storage, path.name) for path in folder.iterdir()) if folder.exists() else 0


def kill_somewhere(lab: Any, draw: random.Random, whole: int) -> str:
    """Start the command and kill its driver when a random share of a kill's part is written, or a moment later."""
    until = written(lab) + draw.randrange(1, max(whole // KILLS, 2))
    driver = lab.start()
    while driver.poll() is None and written(lab) < until:
        time.sleep(0.005)
    time.sleep(draw.random() * 0.2)
    if driver.poll() is not None:
        return "finished before"
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait(30)
    return f"killed at {written(lab)} of {whole} bytes"


class Aftermath:
    """A search that was never interrupted, and one that was killed."""

    def __init__(self, whole: Any, lab: Any) -> None:
        self.whole, self.lab = whole, lab
        assert whole.run() == 0, whole.log()
        draw, total = random.Random(SEED), written(whole)
        self.kills = [kill_somewhere(lab, draw, total) for _ in range(KILLS)]
        self.code = lab.run()

    def file(self, lab: Any, name: str) -> bytes:
        path: Path = lab.storage / "experiments" / "killed-search" / name
        return path.read_bytes().replace(str(lab.storage).encode(), b"STORAGE")

    def trials(self, lab: Any) -> list[Any]:
        session = lab.session()
        journal = read_journal(session.experiment_folder / "search")
        assert journal is not None
        (name,) = study_names(session).values()
        return trials_in(journal, name, space_of(session.spec))


@pytest.fixture(scope="module")
def after(laboratory: Callable[[str], Any]) -> Aftermath:
    return Aftermath(laboratory(EXPERIMENT), laboratory(EXPERIMENT))


@pytest.mark.timeout(1800)
def test_the_driver_was_killed_and_the_same_command_came_to_the_end(after: Aftermath) -> None:
    assert after.code == 0, after.lab.log()
    assert any("killed" in each for each in after.kills), after.kills


@pytest.mark.parametrize(
    "name",
    ["table.md", "table.csv", "search/search.md", "search/trials.json", "search/trials.csv", "search/winner.yaml"],
)
def test_what_was_written_is_what_an_uninterrupted_search_writes(after: Aftermath, name: str) -> None:
    assert after.file(after.lab, name) == after.file(after.whole, name), after.kills


def test_no_trial_is_lost_doubled_or_left_running_in_optuna(after: Aftermath) -> None:
    trials, expected = after.trials(after.lab), after.trials(after.whole)
    assert [(t.number, t.state, t.point, t.values) for t in trials] == [
        (t.number, t.state, t.point, t.values) for t in expected
    ]
    assert {trial.state for trial in trials} == {"complete", "pruned"}


def test_no_training_is_lost_doubled_or_left_running_in_the_ledger(after: Aftermath) -> None:
    found = [
        {path.name: read_key(lab.storage, path.name) for path in (lab.storage / "ledger").iterdir()}
        for lab in (after.lab, after.whole)
    ]
    assert {key: state.state for key, state in found[0].items()} == {k: s.state for k, s in found[1].items()}
    assert {state.state for state in found[0].values()} == {"finished", "pruned"}
    assert [state.alarms for state in found[0].values()] == [()] * len(found[0])


def test_mlflow_has_one_run_for_each_training_and_none_that_runs(after: Aftermath) -> None:
    from mlflow import MlflowClient

    found: list[Counter[tuple[str, str, str]]] = []
    for lab in (after.lab, after.whole):
        client = MlflowClient(f"sqlite:///{lab.storage / 'mlflow.db'}")
        experiments = [each.experiment_id for each in client.search_experiments()]
        runs = client.search_runs(experiments, "tags.`rcflab.role` = 'cell'", max_results=1000)
        tags = [run.data.tags for run in runs]
        found.append(
            Counter((t["rcflab.arm"], t["rcflab.eval_key"], r.info.status) for t, r in zip(tags, runs, strict=True))
        )
        parents = client.search_runs(experiments, "tags.`rcflab.role` = 'parent'")
        assert [parent.info.status for parent in parents] == ["FINISHED"]
        assert {t["mlflow.parentRunId"] for t in tags} == {parents[0].info.run_id}
        assert {run.info.status for run, t in zip(runs, tags, strict=True) if t["rcflab.pruned"] == "true"} == {
            "KILLED"
        }
    assert found[0] == found[1]
    assert set(found[0].values()) == {1}
    assert {status for _, _, status in found[0]} == {"FINISHED", "KILLED"}
