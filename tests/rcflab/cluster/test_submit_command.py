"""`rcflab submit` against a real head with a token: it runs once, is found again, and is refused before it starts."""

import dataclasses
import re
import shutil
import subprocess
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rcflab.cli import app
from rcflab.cluster import submitting
from rcflab.cluster.ray_jobs import RayJobs
from rcflab.provenance import gather_provenance

from .conftest import Head, experiment

pytestmark = pytest.mark.timeout(300)


def test_an_experiment_runs_once_and_is_done_after(submit: Any, tmp_path: Path) -> None:
    path = experiment(tmp_path, "once")
    first = submit(path)
    assert first.exit_code == 0, first.output
    assert "| still (baseline) | 2 |" in first.stdout and "| moved | 2 |" in first.stdout
    assert (tmp_path / "runs" / "experiments" / "once" / "table.md").is_file()
    again = submit(path)
    assert again.exit_code == 0 and "already done" in again.stdout
    assert "to send" in first.stderr and "to send" not in again.stderr
    # Another content is another job, which finds the trained cells in the storage.
    more = submit(path, "--seeds", "1")
    assert more.exit_code == 0 and "| moved | 1 |" in more.stdout, more.output


def test_an_experiment_that_runs_is_attached_to(submit: Any, head: Head, tmp_path: Path) -> None:
    path = experiment(tmp_path, "slow", step_ms=1000)
    job = submit(path, "--detach").stdout.strip()
    assert re.fullmatch(r"rcflab-slow-[0-9a-f]{12}-1", job)
    other = submit(path)
    assert other.exit_code == 0 and "| moved | 2 |" in other.stdout, other.output
    assert [each.id for each in RayJobs(head.address, head.token).listed() if "-slow-" in each.id] == [job]


def test_a_job_that_failed_is_gone_on_with_by_the_same_command(submit: Any, head: Head, tmp_path: Path) -> None:
    path = experiment(tmp_path, "stopped", step_ms=1000)
    job = submit(path, "--detach").stdout.strip()
    jobs = RayJobs(head.address, head.token)
    assert jobs.stop(job)
    while not jobs.state(job).is_over:
        time.sleep(0.2)
    again = submit(path)
    assert again.exit_code == 0 and "| moved | 2 |" in again.stdout, again.output
    assert f"{job} stopped" in again.stderr


def test_all_that_the_nodes_lack_is_said_and_no_job_is_made(
    submit: Any, head: Head, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = dataclasses.replace(gather_provenance(), code_digest="0" * 64)
    monkeypatch.setattr(submitting, "gather_provenance", lambda: other)
    (tmp_path / "file").write_text("no folder")
    path = experiment(tmp_path, "unfit", storage=tmp_path / "file" / "runs")
    result = submit(path, "--set", "tracking.uri=http://127.0.0.1:1", "--set", "resources.threads=64")
    assert result.exit_code == 2
    for words in ("code of rcf and rcflab", "Not a directory", "does not answer", "one worker of a cell: got 64 CPUs"):
        assert words in result.stderr
    assert not [each for each in RayJobs(head.address, head.token).listed() if "-unfit-" in each.id]


@pytest.fixture
def small_disk(tmp_path: Path) -> Generator[Path]:
    """Half a megabyte, for who may mount it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("this user may not mount a disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_told_before_a_job_is_made(submit: Any, head: Head, tmp_path: Path, small_disk: Path) -> None:
    result = submit(experiment(tmp_path, "full", storage=small_disk / "runs"))
    assert result.exit_code == 2 and "No space left on device" in result.stderr, result.output
    assert str(small_disk) in result.stderr
    assert not [each for each in RayJobs(head.address, head.token).listed() if "-full-" in each.id]
    assert not list(small_disk.rglob(".rcflab-probe-*"))


def test_our_code_can_be_sent_and_its_size_is_told_before(submit: Any, tmp_path: Path) -> None:
    result = submit(experiment(tmp_path, "sent"), "--ship-code")
    assert result.exit_code == 0 and "| moved | 2 |" in result.stdout, result.output
    assert re.search(
        r"to send: rcflab/ [1-9][\d,]{5,} bytes, rcf/ [1-9][\d,]{5,} bytes, sent.yaml \d+ bytes", result.stderr
    )


def test_no_secret_becomes_a_variable_that_a_cluster_shows(
    submit: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "canary-5d1c")
    result = submit(experiment(tmp_path, "told"), "--env", "MLFLOW_TRACKING_PASSWORD", "--env", "RCFLAB_UNSET")
    assert result.exit_code == 2 and "canary" not in result.output
    assert "MLFLOW_TRACKING_PASSWORD: got what may be a secret" in result.stderr
    assert "RCFLAB_UNSET: got nothing" in result.stderr


@pytest.mark.parametrize(("token", "said"), [("wrong", "refuses our token"), ("", "asks for a token")])
def test_without_the_token_nothing_is_sent(
    submit: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str, said: str
) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", token)
    monkeypatch.setenv("HOME", str(tmp_path))
    result = submit(experiment(tmp_path, "shut"))
    assert result.exit_code == 2 and said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_cluster_that_does_not_answer_is_69(tmp_path: Path) -> None:
    command = ["submit", str(experiment(tmp_path, "far")), "--address", "http://127.0.0.1:1"]
    assert CliRunner().invoke(app, command).exit_code == 69
