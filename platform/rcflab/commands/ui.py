"""`rcflab ui`: MLflow's page, opened on the charts of an experiment.

Session --tracking store--> a database: `mlflow server` as a child, on this machine only --> URL of the prepared view
                        --> a server that runs already: its URL
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated

import typer

from rcflab.commands.options import AsJson, Base, Experiment, Set, open_session
from rcflab.commands.publish import open_tracker
from rcflab.errors import InputError, Problem, ServiceDownError
from rcflab.session import Session
from rcflab.track.dashboard import page_url
from rcflab.track.describe import note
from rcflab.track.mlflow_client import CALM
from rcflab.track.schema_check import refuse_other_schema

HOST = "127.0.0.1"
_START_S = 120.0
_END_S = 10.0


def ui_command(
    experiment: Experiment,
    set_: Set = None,
    base: Base = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port; a free one if none is given.")] = None,
    browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    json_: AsJson = False,
) -> None:
    """Show an experiment in MLflow's page, on charts grouped by arm. Ends with Ctrl-C.

    Starts a server on this machine, which nobody else can reach, and prints the address of the page; where tracking.uri
    is a server, it prints that server's. Reads the YAML file and the tracking store; writes the view into it.

    Example: rcflab ui experiments/quickstart.yaml --open

    Exit codes: 0 ended, 2 bad input, 69 the server did not start or the store does not answer.
    """
    session = open_session(experiment, set_, None, None, base)
    uri = session.tracking_uri
    if uri is None:
        wanted = "a tracking store to show"
        raise InputError([Problem(str(experiment), "tracking.uri", "none", wanted, "Set tracking.uri to auto")])
    refuse_other_schema(uri)
    page = open_tracker(session).open_experiment(session.plan, note(session.plan)).experiment_id
    if uri.startswith(("http://", "https://")):
        _tell(page_url(uri, page), browser, as_json=json_)
        return
    with _server(session, uri, port) as (process, address):
        _tell(page_url(address, page), browser, as_json=json_)
        _wait(process)


def _tell(url: str, browser: bool, *, as_json: bool) -> None:
    typer.echo(json.dumps({"url": url}) if as_json else url)
    sys.stdout.flush()
    if browser:
        webbrowser.open(url)


@contextmanager
def _server(session: Session, uri: str, port: int | None) -> Generator[tuple["subprocess.Popen[bytes]", str]]:
    """MLflow's server on `uri`, once it answers; gone at the end of the block. Raises ServiceDownError."""
    port = port or _free_port()
    address = f"http://{HOST}:{port}"
    where = ["--backend-store-uri", uri, "--host", HOST, "--port", str(port), "--workers", "1"]
    command = [sys.executable, "-m", "mlflow", "server", *where]
    environment = os.environ | CALM | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    session.experiment_folder.mkdir(parents=True, exist_ok=True)
    log = session.experiment_folder / ".ui.log"
    with log.open("wb") as stream:
        # A group of its own: Ctrl-C reaches this process alone, which then ends the server with its workers.
        process = subprocess.Popen(command, env=environment, stdout=stream, stderr=stream, start_new_session=True)
    try:
        _await_answer(process, address, str(log))
        yield process, address
    finally:
        _end(process)


def _await_answer(process: "subprocess.Popen[bytes]", address: str, log: str) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServiceDownError(f"mlflow server ended with code {process.returncode}; what it said is in {log}")
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise ServiceDownError(f"mlflow server did not answer at {address} within {_START_S:.0f} s; see {log}")


def _wait(process: "subprocess.Popen[bytes]") -> None:
    """Until Ctrl-C or SIGTERM, or the server's own end."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        process.wait()
    except KeyboardInterrupt:
        return
    finally:
        signal.signal(signal.SIGTERM, before)
    raise ServiceDownError(f"mlflow server ended with code {process.returncode}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """The server and what it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, number)
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            continue


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
