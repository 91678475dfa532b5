"""Events that MLflow has not heard of yet: sent later, once, and without training anything."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rcflab.execute.batch import Batch, Resources
from rcflab.execute.job import jobs_of
from rcflab.execute.local import run_locally
from rcflab.ledger.lease import this_process
from rcflab.ledger.reader import ledger_bytes

EXPERIMENT = """
name: queued
task: toy
baseline: plain
arms: {plain: {}, fast: {training.lr: 0.2}}
"""
NO_RAY = {"RAY_ADDRESS": "192.0.2.1:1"}
"""An address that nobody answers: a run that starts Ray fails."""


@pytest.fixture(scope="module")
def lab(laboratory: Callable[[str], Any]) -> Any:
    """An experiment that is trained to its end, of which MLflow knows nothing."""
    lab = laboratory(EXPERIMENT)
    session = lab.session()
    jobs = jobs_of(session.plan, {cell.eval_key for cell in session.plan.cells})
    batch = Batch.create(
        lab.storage, this_process(), session.provenance, Resources(False, 1, 1, 0, None, True, 50), jobs
    )
    run_locally(batch)
    batch.delete()
    return lab


def mlflow_rows(storage: Path) -> dict[str, list[int]]:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{storage / 'mlflow.db'}")
    runs = client.search_runs([each.experiment_id for each in client.search_experiments()])
    cells = [run for run in runs if run.data.tags.get("rcflab.role") == "cell"]
    return {
        run.data.tags["rcflab.eval_key"]: [m.step for m in client.get_metric_history(run.info.run_id, "train/loss")]
        for run in cells
    }


def test_a_run_with_nothing_to_train_sends_them_without_ray_and_prints_the_table(lab: Any) -> None:
    keys = [cell.train_key for cell in lab.session().plan.cells]
    before = [ledger_bytes(lab.storage, key) for key in keys]
    assert lab.run(environment=NO_RAY) == 0, lab.log()
    assert "| plain (baseline) | 1 |" in lab.log()
    rows = mlflow_rows(lab.storage)
    assert {key: sorted(steps) for key, steps in rows.items()} == {
        cell.eval_key: list(range(1, 21)) for cell in lab.session().plan.cells
    }
    assert [ledger_bytes(lab.storage, key) for key in keys] == before


def test_the_next_run_opens_no_store_at_all(lab: Any) -> None:
    assert lab.run(environment=NO_RAY) == 0
    note = lab.storage / "experiments" / "queued" / "shipped.json"
    database = lab.storage / "mlflow.db"
    stamps = note.stat().st_mtime_ns, database.stat().st_mtime_ns
    assert lab.run(environment=NO_RAY) == 0, lab.log()
    assert (note.stat().st_mtime_ns, database.stat().st_mtime_ns) == stamps
    assert set(json.loads(note.read_text())["cells"]) == {cell.eval_key for cell in lab.session().plan.cells}


def test_sync_fills_a_store_that_was_lost_and_a_second_sync_changes_nothing(lab: Any) -> None:
    assert lab.run(environment=NO_RAY) == 0
    (lab.storage / "mlflow.db").unlink()
    assert lab.run(command="sync") == 0, lab.log()
    first = mlflow_rows(lab.storage)
    assert lab.run(command="sync") == 0, lab.log()
    assert mlflow_rows(lab.storage) == first
    assert [sorted(steps) for steps in first.values()] == [list(range(1, 21))] * 2
