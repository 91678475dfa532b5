"""`rcflab status`, `logs`, `stop` and Ctrl-C of `submit`: what somebody does with a job that runs on a cluster."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
import ray
from ray.dashboard.modules.version import CURRENT_VERSION
from typer.testing import CliRunner, Result

from rcflab.cli import app
from rcflab.cluster.ray_jobs import RayJobs
from rcflab.errors import ServiceDownError

from .conftest import Head, Quiet, experiment, served

pytestmark = pytest.mark.timeout(300)
_PATIENCE_S = 120.0


@pytest.fixture
def ask(head: Head, submit: Any) -> Callable[..., Result]:
    """A command that speaks with the cluster; `submit` has put the token into the environment."""
    return lambda *words: CliRunner().invoke(app, [*words, "--address", head.address])


def wait_for(happened: Callable[[], bool]) -> None:
    limit = time.monotonic() + _PATIENCE_S
    while not happened():
        assert time.monotonic() < limit
        time.sleep(0.2)


def test_a_job_is_listed_stopped_and_gone_on_with(submit: Any, ask: Any, head: Head, tmp_path: Path) -> None:
    path = experiment(tmp_path, "held", step_ms=2000)
    job = submit(path, "--detach").stdout.strip()
    jobs = RayJobs(head.address, head.token)
    wait_for(lambda: jobs.state(job).status == "RUNNING")
    assert f"{job}  running" in ask("status").stdout
    stopped = ask("stop", "held")
    assert stopped.exit_code == 0 and stopped.stdout.strip() == f"{job} is told to stop"
    wait_for(lambda: jobs.state(job).is_over)
    assert {"id": job, "status": "STOPPED"} in json.loads(ask("status", "--json").stdout)
    assert ask("stop", "held").stdout.strip() == f"{job} does not run"


def test_the_log_of_a_job_that_failed_ends_with_the_exit_code_of_its_command(
    submit: Any, ask: Any, tmp_path: Path
) -> None:
    path = experiment(tmp_path, "broken")
    # The cells of one arm fail there, and the run ends with 3.
    path.write_text(path.read_text().replace("model.offset: 1.0", "training.raise_at: 2"))
    assert submit(path, "--detach").exit_code == 0
    shown = ask("logs", "broken")
    assert shown.exit_code == 3 and "failed" in shown.output, shown.output
    listed = ask("status").stdout
    assert "-broken-" in listed and "  failed" in listed


def test_what_no_cluster_has_is_refused_with_what_is_near(submit: Any, ask: Any, tmp_path: Path) -> None:
    assert submit(experiment(tmp_path, "near")).exit_code == 0
    for command in ("logs", "stop"):
        refused = ask(command, "naer")
        assert refused.exit_code == 2 and "'naer'" in refused.stderr and "rcflab status" in refused.stderr


@pytest.fixture
def at_a_terminal() -> Generator[None]:
    """Who is started in the background hears no SIGINT, and neither do those whom he starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("at_a_terminal")
def test_control_c_ends_the_following_and_not_the_job(head: Head, tmp_path: Path) -> None:
    path = experiment(tmp_path, "left", step_ms=1500)
    environment = os.environ | {"RAY_AUTH_TOKEN": head.token, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "rcflab.cli", "submit", str(path), "--address", head.address]
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=file, start_new_session=True)
    wait_for(lambda: "4 trainings to do" in log.read_text() or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0, log.read_text()
    said = log.read_text().splitlines()
    assert not [line for line in said if "packag" in line], "what Ray does with files is no news"
    jobs = RayJobs(head.address, head.token)
    (job,) = [each.id for each in jobs.listed() if "-left-" in each.id]
    assert said[-1] == f"detached: {job} goes on. `rcflab logs {job}` shows it again"
    wait_for(lambda: jobs.state(job).is_over)
    assert jobs.state(job).status == "SUCCEEDED"


class Broken(Quiet):
    """A head whose disk is full."""

    def do_GET(self) -> None:
        """Its version, and for all else what aiohttp makes of an exception."""
        is_version = self.path == "/api/version"
        self.send_response(200 if is_version else 500)
        self.end_headers()
        trace = "Traceback (most recent call last):\n  File 3\nOSError: [Errno 28] No space left on device\n"
        version = json.dumps({"version": CURRENT_VERSION, "ray_version": ray.__version__, "ray_commit": ""})
        self.wfile.write((version if is_version else trace).encode())


def test_a_head_that_fails_is_down_and_its_reason_is_told_in_one_line() -> None:
    with served(Broken) as address:
        jobs = RayJobs(address, "0123456789abcdef")
        with pytest.raises(ServiceDownError) as raised:
            jobs.listed()
    assert str(raised.value).endswith("status code 500: OSError: [Errno 28] No space left on device")
    assert len(str(raised.value).splitlines()) == 1
