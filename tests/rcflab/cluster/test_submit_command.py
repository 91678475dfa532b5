"""`rcflab submit` against a real head with a token: it runs once, is found again, and is refused before it starts."""

import dataclasses
import re
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from rcflab.cli import app
from rcflab.cluster import submitting
from rcflab.cluster.ray_jobs import RayJobs
from rcflab.provenance import gather_provenance

from .conftest import Head

pytestmark = pytest.mark.timeout(300)

TRIED = """
task: toy
name: {name}
seeds: 2
baseline: still
arms:
  still: {{training.steps: 3}}
  moved: {{training.steps: 3, model.offset: 1.0}}
training: {{step_ms: {step_ms}}}
storage: {{root: {storage}}}
tracking: {{uri: none}}
"""


def experiment(folder: Path, name: str, storage: Path | None = None, step_ms: int = 0) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(TRIED.format(name=name, storage=storage or folder / "runs", step_ms=step_ms))
    return path


@pytest.fixture
def submit(head: Head, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command, with the token in the environment."""
    monkeypatch.setenv("RAY_AUTH_TOKEN", head.token)
    # Neither of them may win over --address.
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", "http://127.0.0.1:1")

    def run(path: Path, *more: str) -> Result:
        return CliRunner().invoke(app, ["submit", str(path), "--address", head.address, *more])

    return run


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


def test_our_code_can_be_sent(submit: Any, tmp_path: Path) -> None:
    result = submit(experiment(tmp_path, "sent"), "--ship-code")
    assert result.exit_code == 0 and "| moved | 2 |" in result.stdout, result.output


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
