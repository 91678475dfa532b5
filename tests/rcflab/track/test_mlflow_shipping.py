"""Shipping into a real MLflow store, through crashes of the process that ships."""

import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from rcflab.faults import FAULT_VARIABLE
from rcflab.track.mlflow_tracker import MlflowTracker
from rcflab.track.shipper import Pending, Shipper

SHIP = """
from pathlib import Path
from rcflab.records import Cell, RunPlan
from rcflab.track.mlflow_tracker import MlflowTracker
from rcflab.track.shipper import Shipper
{ready}
cell = {cell!r}
plan = RunPlan("toy-table", "toy", "a", (cell,), ("toy/score",))
pending = Shipper(Path({storage!r}), plan, MlflowTracker({uri!r}, None)).finish(60)
assert pending.clear, pending
"""


@pytest.fixture
def one(new_cell):
    return new_cell()


@pytest.fixture
def client(mlflow_uri):
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=mlflow_uri)


def shipping(tmp_path, uri, cell, fault="", ready=""):
    """A process that ships the plan once; with `fault` at the named point."""
    code = SHIP.format(cell=cell, storage=str(tmp_path), uri=uri, ready=ready)
    environment = {key: value for key, value in os.environ.items() if key != FAULT_VARIABLE}
    environment |= {FAULT_VARIABLE: fault} if fault else {}
    return subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )


def runs_of(client, eval_key):
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    return client.search_runs(ids, f"tags.`rcflab.eval_key` = '{eval_key}'")


def steps_of(client, eval_key, key):
    (run,) = runs_of(client, eval_key)
    return [metric.step for metric in client.get_metric_history(run.info.run_id, key)]


def test_a_whole_life_with_a_crash_and_a_resume_reaches_mlflow_exactly_once(
    life, one, client, mlflow_uri, tmp_path, new_plan
):
    def shipper():
        return Shipper(tmp_path, new_plan(one), MlflowTracker(mlflow_uri, tmp_path / "artifacts"))

    life.begin(one)
    life.steps(one, 1, 6)
    shipper().ship()
    life.begin(one, attempt=2, step=4)
    life.steps(one, 5, 8)
    life.checkpoint(one, 8)
    life.evaluate(one, 8, 77.5)
    life.end(one, 8)
    for _ in range(2):
        assert shipper().finish(30) == Pending(0, None)
    (run,) = runs_of(client, one.eval_key)
    for key in ("train/loss", "train/lr", "time/step_ms"):
        assert steps_of(client, one.eval_key, key) == list(range(1, 9))
    assert (run.info.status, run.data.metrics["toy/score"]) == ("FINISHED", 77.5)
    assert {file.path for file in client.list_artifacts(run.info.run_id)} == {
        "config.json", "overlays", "records.npz", "results.json",
    }  # fmt: skip


def test_sigkill_between_the_creation_of_a_run_and_its_acknowledgement_leaves_one_run(
    life, one, client, mlflow_uri, tmp_path
):
    life.whole(one)
    first = shipping(tmp_path, mlflow_uri, one, fault="ship.run_created:kill:1")
    first.communicate()
    assert first.returncode == -signal.SIGKILL
    assert len(runs_of(client, one.eval_key)) == 1
    assert not list(tmp_path.glob(f"ship/*/{one.eval_key}.json"))
    second = shipping(tmp_path, mlflow_uri, one)
    _, complaint = second.communicate()
    assert second.returncode == 0, complaint
    assert len(runs_of(client, one.eval_key)) == 1
    assert steps_of(client, one.eval_key, "train/loss") == [1, 2, 3]


def test_two_processes_that_meet_on_an_empty_database_make_one_of_everything(life, one, tmp_path):
    life.whole(one)
    uri = f"sqlite:///{tmp_path / 'new' / 'mlflow.db'}"
    children = [shipping(tmp_path, uri, one, ready="import mlflow; input()") for _ in range(2)]
    for child in children:
        child.stdin.write(b"go\n")
        child.stdin.flush()
    complaints = [child.communicate()[1] for child in children]
    assert [child.returncode for child in children] == [0, 0], complaints
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    assert sorted(experiment.name for experiment in client.search_experiments()) == ["Default", "toy-table"]
    assert len(client.search_runs([client.get_experiment_by_name("toy-table").experiment_id])) == 2
    assert steps_of(client, one.eval_key, "train/loss") == [1, 2, 3]


def test_a_database_held_by_another_writer_delays_and_loses_nothing(life, one, client, mlflow_uri, tmp_path, new_plan):
    life.begin(one)
    shipper = Shipper(tmp_path, new_plan(one), MlflowTracker(mlflow_uri, tmp_path / "artifacts"))
    shipper.ship()
    life.steps(one, 1, 3)
    blocker = sqlite3.connect(tmp_path / "mlflow.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    pending = shipper.finish(1.0)
    assert not pending.clear
    blocker.execute("ROLLBACK")
    blocker.close()
    deadline = time.monotonic() + 60
    while not shipper.finish(5).clear and time.monotonic() < deadline:
        pass
    assert steps_of(client, one.eval_key, "train/loss") == [1, 2, 3]


def test_a_cell_reached_from_a_second_experiment_stays_one_run(life, one, client, mlflow_uri, tmp_path, new_plan):
    life.whole(one)
    for name in ("first", "second"):
        tracker = MlflowTracker(mlflow_uri, tmp_path / "artifacts")
        assert Shipper(tmp_path, new_plan(one, name=name), tracker).finish(30).clear
    (run,) = runs_of(client, one.eval_key)
    second = client.get_experiment_by_name("second")
    (parent,) = client.search_runs([second.experiment_id])
    assert run.data.tags["rcflab.experiment"] == "first"
    assert parent.data.tags["rcflab.linked.a.seed0"] == run.info.run_id
