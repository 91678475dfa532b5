"""Experiments against the shipped server: it is killed with its database in mid-run, its bucket is gone, its password
wrong. Training goes on, nothing is lost or doubled, the table is the ledger's byte for byte, and no secret is anywhere.

The canaries are the passwords that all this ran with; they are looked for in whatever was written meanwhile.
"""

import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from rcflab.ledger.events import Metrics
from rcflab.ledger.reader import read_events, read_key

EXPERIMENT = """
name: {name}
task: toy
baseline: plain
arms: {{plain: {{}}, fast: {{training.lr: 0.2}}}}
training: {{steps: {steps}, step_ms: {step_ms}, evaluate_every: 10}}
table: {{metrics: [toy/score, toy/distance]}}
resources: {{max_concurrent: 1}}
tracking: {{uri: "{address}"}}
"""
KEYS = ("train/loss", "train/lr", "time/step_ms")
TABLES = [f"table.{form}" for form in ("md", "csv", "tex", "json")]

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def ana(tracking: Any) -> Generator[dict[str, str]]:
    """The environment of a user whose password is a canary. What Ray writes is kept, in a short path for sockets."""
    user = tracking.add_user(f"ana-{secrets.token_hex(3)}", f"canary-{secrets.token_hex(16)}")
    ray = tempfile.mkdtemp(prefix="r")
    try:
        yield {"MLFLOW_TRACKING_USERNAME": user[0], "MLFLOW_TRACKING_PASSWORD": user[1], "RAY_TMPDIR": ray}
    finally:
        shutil.rmtree(ray, ignore_errors=True)


@pytest.fixture(scope="module")
def as_ana(ana: dict[str, str]) -> Generator[None]:
    """This process is hers too."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ana.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def restarted(tracking: Any, laboratory: Callable[[str], Any], as_ana: None) -> Any:
    """A run, of whose first cell the server and its database were killed at step 10, for 20 steps at least."""
    text = EXPERIMENT.format(name="restarted", steps=60, step_ms=100, address=tracking.address)
    lab = laboratory(text)
    run = lab.start()
    key = lab.session().plan.cells[0].train_key
    lab.wait_for("step 10", lambda: read_key(lab.storage, key).step >= 10, run)
    tracking.stop(signal.SIGKILL)
    tracking.postgres.stop()
    gone = read_key(lab.storage, key).step
    lab.wait_for("20 more steps", lambda: read_key(lab.storage, key).step >= min(gone + 20, 60), run)
    tracking.postgres.start()
    tracking.start()
    lab.code = run.wait(600)
    return lab


@pytest.fixture(scope="module")
def without_bucket(tracking: Any, laboratory: Callable[[str], Any], as_ana: None) -> Any:
    """A whole run while the object store is gone; it is there again, and empty, at the end."""
    lab = laboratory(EXPERIMENT.format(name="no-bucket", steps=20, step_ms=5, address=tracking.address))
    tracking.bucket.stop()
    try:
        lab.code = lab.run()
        lab.said = lab.log()
        lab.seen = points(lab, tracking.address)
    finally:
        tracking.bucket.start()
        tracking.bucket.client.create_bucket(Bucket="artifacts")
    return lab


def client_of(address: str) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(address)


def runs_of(client: Any, lab: Any) -> dict[str, Any]:
    """eval_key -> its run; fails where there are two of one."""
    found: dict[str, Any] = {}
    for cell in lab.session().plan.cells:
        ids = [each.experiment_id for each in client.search_experiments()]
        (found[cell.eval_key],) = client.search_runs(ids, f"tags.`rcflab.eval_key` = '{cell.eval_key}'")
    return found


def points(lab: Any, address: str) -> dict[tuple[str, str], list[tuple[int, float, int]]]:
    """All points of the cells in the store, each as often as it is there."""
    client = client_of(address)
    return {
        (eval_key, key): sorted((m.step, m.value, m.timestamp) for m in client.get_metric_history(run.info.run_id, key))
        for eval_key, run in runs_of(client, lab).items()
        for key in KEYS
    }


def points_of_ledger(lab: Any) -> dict[tuple[str, str], list[tuple[int, float, int]]]:
    found: dict[tuple[str, str], list[tuple[int, float, int]]] = {}
    for cell in lab.session().plan.cells:
        logged = [event for event in read_events(lab.storage, cell.train_key) if isinstance(event, Metrics)]
        for key in KEYS:
            found[cell.eval_key, key] = [(event.step, event.values[key], event.ts_ms) for event in logged]
    return found


def tables(lab: Any) -> dict[str, bytes]:
    folder = lab.storage / "experiments" / lab.session().spec.name
    return {name: (folder / name).read_bytes() for name in TABLES}


def same_from_mlflow(lab: Any) -> bool:
    """Whether MLflow alone gives the files that the ledger gave."""
    ledger = tables(lab)
    for name in TABLES:
        (lab.storage / "experiments" / lab.session().spec.name / name).unlink()
    assert lab.run("--from", "mlflow", command="table") == 0, lab.log()
    return tables(lab) == ledger


def test_a_run_goes_on_through_a_restart_of_server_and_database(restarted: Any) -> None:
    assert restarted.code == 0, restarted.log()
    assert "| plain (baseline) | 1 |" in restarted.log()


def test_every_point_is_there_exactly_once_after_the_restart(restarted: Any, tracking: Any) -> None:
    assert restarted.run(command="sync") == 0, restarted.log()
    assert points(restarted, tracking.address) == points_of_ledger(restarted)
    client = client_of(tracking.address)
    assert {run.info.status for run in runs_of(client, restarted).values()} == {"FINISHED"}
    experiment = client.get_experiment_by_name("restarted")
    roles = sorted(run.data.tags["rcflab.role"] for run in client.search_runs([experiment.experiment_id]))
    assert roles == ["arm", "arm", "cell", "cell", "parent"]
    assert same_from_mlflow(restarted)


def test_without_a_bucket_a_run_ends_well_with_all_numbers_in_the_store(without_bucket: Any) -> None:
    assert without_bucket.code == 0, without_bucket.said
    assert "cannot keep artifacts now" in without_bucket.said and "rcflab sync sends it later" in without_bucket.said
    assert without_bucket.seen == points_of_ledger(without_bucket)


def test_when_the_bucket_is_back_sync_sends_the_files_and_nothing_twice(without_bucket: Any, tracking: Any) -> None:
    assert without_bucket.run(command="sync") == 0, without_bucket.log()
    client = client_of(tracking.address)
    for run in runs_of(client, without_bucket).values():
        assert {"config.json", "records.npz"} <= {file.path for file in client.list_artifacts(run.info.run_id)}
    assert points(without_bucket, tracking.address) == points_of_ledger(without_bucket)
    assert same_from_mlflow(without_bucket)


@pytest.mark.parametrize("command", ["run", "sync"])
def test_a_wrong_password_ends_with_one_line_before_anything_is_trained(
    tracking: Any, laboratory: Callable[[str], Any], ana: dict[str, str], command: str
) -> None:
    lab = laboratory(EXPERIMENT.format(name="refused", steps=20, step_ms=5, address=tracking.address))
    wrong = f"canary-{secrets.token_hex(8)}"
    assert lab.run(command=command, environment={**ana, "MLFLOW_TRACKING_PASSWORD": wrong}) == 2
    error = lab.log().splitlines()[-1]
    assert "refuses the login of ana-" in error and "(401)" in error and "MLFLOW_TRACKING_PASSWORD" in error
    assert "Traceback" not in lab.log() and wrong not in lab.log()
    assert not list(lab.storage.glob("ledger/*/*.jsonl"))


def test_an_experiment_of_another_user_is_told_before_anything_is_trained(
    tracking: Any, laboratory: Callable[[str], Any], restarted: Any
) -> None:
    user = tracking.add_user(f"ben-{secrets.token_hex(3)}")
    lab = laboratory(EXPERIMENT.format(name="restarted", steps=20, step_ms=5, address=tracking.address))
    login = {"MLFLOW_TRACKING_USERNAME": user[0], "MLFLOW_TRACKING_PASSWORD": user[1]}
    assert lab.run(environment=login) == 2
    assert f"gives {user[0]} no permission (403, experiments/get-by-name)" in lab.log().splitlines()[-1]
    assert not list(lab.storage.glob("ledger/*/*.jsonl"))


def test_a_server_asked_by_a_name_that_it_does_not_know_is_told_with_the_setting(
    tracking: Any, laboratory: Callable[[str], Any], ana: dict[str, str]
) -> None:
    other = tracking.address.replace("127.0.0.1", "0.0.0.0")  # it leads to this machine, by another name
    lab = laboratory(EXPERIMENT.format(name="renamed", steps=20, step_ms=5, address=other))
    assert lab.run(environment=ana) == 2
    assert "(403, invalid Host header)" in lab.log().splitlines()[-1]
    assert "RCFLAB_MLFLOW_ALLOWED_HOSTS" in lab.log().splitlines()[-1]


def test_text_that_no_database_takes_does_not_hold_up_what_follows(tracking: Any, as_ana: None) -> None:
    from rcflab.track.mlflow_tracker import MlflowTracker

    client = client_of(tracking.address)
    experiment = client.create_experiment(f"letters-{secrets.token_hex(3)}")
    run_id = client.create_run(experiment).info.run_id
    odd = {"nul": "a\0b", "half": "a\ud83cb", "whole": "a\U0001f3c3b"}
    MlflowTracker(tracking.address, None).describe(run_id, odd, odd)
    data = client.get_run(run_id).data
    for found in (data.params, data.tags):
        assert [found[name] for name in odd] == ["a\ufffdb", "a?b", odd["whole"]]


def test_no_secret_is_in_anything_that_was_written(
    tracking: Any, ana: dict[str, str], restarted: Any, without_bucket: Any
) -> None:
    canaries = {"password of the user": ana["MLFLOW_TRACKING_PASSWORD"]}
    for name in ("admin_password", "database_password", "flask_secret_key"):
        canaries[name] = (tracking.secrets / name).read_text()
    folders = (tracking.folder, Path(ana["RAY_TMPDIR"]))
    written = {str(path): path.read_bytes() for folder in folders for path in files_below(folder)}
    for database in ("rcflab_mlflow", "rcflab_mlflow_auth"):
        written[database] = tracking.postgres.tool("pg_dump", "--inserts", database).encode()
    written |= {f"s3://{name}": body for name, body in tracking.bucket.objects().items()}
    kinds = ("ledger/", "/experiments/", "/ray/", "mlflow.log", "postgres.log", "s3://", "run-1.log", ".npz")
    assert all(any(kind in name for name in written) for kind in kinds), sorted(written)
    for name, canary in canaries.items():
        assert [place for place, text in written.items() if canary.encode() in text] == [], name


def files_below(folder: Path) -> Generator[Path]:
    """All that was written, but for the secrets themselves and the pages of the databases, which are dumped."""
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if Path(root) != folder or name not in ("secrets", "postgres")]
        for name in names:
            path = Path(root, name)
            if path.is_file() and not path.is_symlink() and name != "superuser":
                yield path


def test_no_secret_is_in_a_list_of_processes(tracking: Any) -> None:
    import psutil

    process = psutil.Process(tracking.process.pid)
    lines = [" ".join(each.cmdline()) for each in (process, *process.children(recursive=True))]
    assert any("uvicorn" in line for line in lines), lines
    for path in tracking.secrets.iterdir():
        for secret in path.read_text().split():
            assert len(secret) < 12 or not [line for line in lines if secret in line], path.name
