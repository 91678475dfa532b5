"""A Ray head with a token, on loopback and in a folder of its own."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import psutil
import pytest
from typer.testing import CliRunner, Result

from rcflab.cli import app

_START_S = 120.0

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


class Quiet(BaseHTTPRequestHandler):
    """A server of a test, which writes no log."""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@contextmanager
def served(handler: type[Quiet]) -> Generator[str]:
    """The address of a server on loopback, for as long as the block lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@dataclass(frozen=True)
class Head:
    """A cluster of one node."""

    address: str
    token: str


def free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def answers(address: str) -> bool:
    try:
        with urlopen(f"{address}/api/jobs/", timeout=5):
            return True
    except HTTPError as error:
        return error.code == 401
    except OSError:
        return False


def end(process: "subprocess.Popen[bytes]") -> None:
    """With all that it started, each of which leads a session of its own."""
    parent = psutil.Process(process.pid)
    for each in (parent, *parent.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            each.kill()
    process.wait()


@pytest.fixture(scope="module")
def head() -> Generator[Head]:
    """Started by `ray start`, as on a machine of a cluster; `ray stop` would end those of other tests too."""
    folder = Path(tempfile.mkdtemp(prefix="ray"))  # sockets have short paths
    token = secrets.token_hex(32)
    (folder / "token").write_text(token)
    gcs, dashboard, agent, agent_grpc, runtime, metrics = free_ports(6)
    command = [
        str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", f"--port={gcs}", "--num-cpus=2",
        "--node-ip-address=127.0.0.1", "--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}",
        f"--dashboard-agent-listen-port={agent}", f"--dashboard-agent-grpc-port={agent_grpc}",
        f"--runtime-env-agent-port={runtime}", f"--metrics-export-port={metrics}", f"--temp-dir={folder}/r",
        f"--object-store-memory={128 * 2**20}", "--disable-usage-stats",
    ]  # fmt: skip
    environment = os.environ | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(folder / "token")}
    environment |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    address, limit = f"http://127.0.0.1:{dashboard}", time.monotonic() + _START_S
    try:
        while not answers(address):
            if process.poll() is not None or time.monotonic() > limit:
                pytest.fail(f"Ray's head did not start:\n{(folder / 'log').read_text()}")
            time.sleep(0.5)
        yield Head(address, token)
    finally:
        end(process)
        shutil.rmtree(folder, ignore_errors=True)


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
