"""MLflow's server is killed in mid-run: training goes on, and later every point is there exactly once.

How long a step takes meanwhile is measured in benchmarks/tracking_outage.py.
"""

import os
import signal
from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from rcflab.ledger.events import Metrics
from rcflab.ledger.reader import read_events, read_key
from rcflab.track.mlflow_server import end, free_port, serving

EXPERIMENT = """
name: outage
task: toy
baseline: plain
arms: {{plain: {{}}, fast: {{training.lr: 0.2}}}}
training: {{steps: 60, step_ms: 100, evaluate_every: 10}}
table: {{metrics: [toy/score, toy/distance]}}
resources: {{max_concurrent: 1}}
tracking: {{uri: "http://127.0.0.1:{port}"}}
"""
KEYS = ("train/loss", "train/lr", "time/step_ms")

pytestmark = pytest.mark.timeout(900)


class After:
    """The run, of whose first cell an outage began at step 10 and was seen to be passed by 20 steps."""

    def __init__(self, lab: Any, folder: Path, port: int, servers: ExitStack) -> None:
        self.lab, self.address = lab, f"http://127.0.0.1:{port}"
        store, log = f"sqlite:///{folder / 'server.db'}", folder / "server.log"
        first = servers.enter_context(serving(store, log, port))
        run = lab.start()
        key = lab.session().plan.cells[0].train_key
        lab.wait_for("step 10", lambda: read_key(lab.storage, key).step >= 10, run)
        end(first, signal.SIGKILL)
        gone = read_key(lab.storage, key).step
        lab.wait_for("20 more steps", lambda: read_key(lab.storage, key).step >= min(gone + 20, 60), run)
        servers.enter_context(serving(store, log, port))
        self.code = run.wait(300)


@pytest.fixture(scope="module")
def after(laboratory: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory) -> Generator[After]:
    folder, port, before = tmp_path_factory.mktemp("server"), free_port(), Path.cwd()
    os.chdir(folder)  # where MLflow's server keeps artifacts
    with ExitStack() as servers:
        servers.callback(os.chdir, before)
        yield After(laboratory(EXPERIMENT.format(port=port)), folder, port, servers)


def test_the_run_ends_as_if_nothing_had_happened(after: After) -> None:
    assert after.code == 0, after.lab.log()
    assert "| plain (baseline) | 1 |" in after.lab.log()


def test_every_point_is_there_exactly_once(after: After) -> None:
    from mlflow import MlflowClient

    if after.lab.run(command="sync") != 0:
        raise AssertionError(after.lab.log())
    client = MlflowClient(after.address)
    ids = [each.experiment_id for each in client.search_experiments()]
    for cell in after.lab.session().plan.cells:
        (run,) = client.search_runs(ids, f"tags.`rcflab.eval_key` = '{cell.eval_key}'")
        logged = [e for e in read_events(after.lab.storage, cell.train_key) if isinstance(e, Metrics)]
        for key in KEYS:
            found = [(m.step, m.value, m.timestamp) for m in client.get_metric_history(run.info.run_id, key)]
            assert sorted(found) == [(e.step, e.values[key], e.ts_ms) for e in logged]
        assert run.info.status == "FINISHED"
    assert client.search_runs(["0"]) == []


def test_the_table_from_mlflow_has_the_bytes_of_the_ledgers(after: After) -> None:
    folder = after.lab.storage / "experiments" / "outage"
    names = [f"table.{form}" for form in ("md", "csv", "tex", "json")]
    ledger = {name: (folder / name).read_bytes() for name in names}
    for name in names:
        (folder / name).unlink()
    assert after.lab.run("--from", "mlflow", command="table") == 0, after.lab.log()
    assert {name: (folder / name).read_bytes() for name in names} == ledger


def test_tables_and_arms_are_in_the_store(after: After) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(after.address)
    experiment = client.get_experiment_by_name("outage")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    roles = sorted(run.data.tags["rcflab.role"] for run in runs)
    assert roles == ["arm", "arm", "cell", "cell", "parent"]
    (parent,) = [run for run in runs if run.data.tags["rcflab.role"] == "parent"]
    assert {"table.md", "table.json"} <= {file.path for file in client.list_artifacts(parent.info.run_id)}
