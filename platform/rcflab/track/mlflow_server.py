"""MLflow's server as a child process, on this machine only.

serving(store, log) --`mlflow server` in a group of its own--> Server(address), once it answers --end of block--> gone
"""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rcflab.errors import ServiceDownError
from rcflab.track.mlflow_client import CALM

HOST = "127.0.0.1"
_START_S = 180.0
_END_S = 10.0


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    process: "subprocess.Popen[bytes]"
    address: str


@contextmanager
def serving(uri: str, log: Path, port: int | None = None) -> Generator[Server]:
    """Serve the store at `uri` on `port`, or on a free one, for the block; what the server says goes to `log`.

    Raises ServiceDownError where it does not start.
    """
    number = str(port or free_port())
    where = ["--backend-store-uri", uri, "--host", HOST, "--port", number, "--workers", "1"]
    command = [sys.executable, "-m", "mlflow", "server", *where]
    environment = os.environ | CALM | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with log.open("ab") as stream:
        # A group of its own: Ctrl-C reaches this process alone, which then ends the server with its workers.
        process = subprocess.Popen(command, env=environment, stdout=stream, stderr=stream, start_new_session=True)
    server = Server(process, f"http://{HOST}:{number}")
    try:
        _await_answer(server, log)
        yield server
    finally:
        end(server)


def end(server: Server, number: signal.Signals = signal.SIGTERM) -> None:
    """End the server with what it started, by force if it takes its time."""
    for each in (number, signal.SIGKILL):
        if server.process.poll() is not None:
            return
        os.killpg(server.process.pid, each)
        try:
            server.process.wait(_END_S)
        except subprocess.TimeoutExpired:
            continue


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _await_answer(server: Server, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            code = server.process.returncode
            raise ServiceDownError(f"mlflow server ended with code {code}; what it said is in {log}")
        try:
            with urllib.request.urlopen(f"{server.address}/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise ServiceDownError(f"mlflow server did not answer at {server.address} within {_START_S:.0f} s; see {log}")
