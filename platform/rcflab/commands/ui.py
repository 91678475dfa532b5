"""`rcflab ui`: MLflow's page, opened on the charts of an experiment.

Session --tracking store--> a database: `mlflow server` as a child, on this machine only --> URL of the prepared view
                        --> a server that runs already: its URL
"""

import json
import signal
import sys
import webbrowser
from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated

import typer

from rcflab.commands.options import AsJson, Base, Experiment, Set, open_session
from rcflab.commands.publish import open_tracker
from rcflab.errors import InputError, Problem, ServiceDownError
from rcflab.track.dashboard import page_url
from rcflab.track.describe import note
from rcflab.track.mlflow_server import Server, serving
from rcflab.track.schema_check import refuse_other_schema


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
    session.experiment_folder.mkdir(parents=True, exist_ok=True)
    with _ended_like_ctrl_c(), serving(uri, session.experiment_folder / ".ui.log", port) as server:
        _tell(page_url(server.address, page), browser, as_json=json_)
        _wait(server)


def _tell(url: str, browser: bool, *, as_json: bool) -> None:
    typer.echo(json.dumps({"url": url}) if as_json else url)
    sys.stdout.flush()
    if browser:
        webbrowser.open(url)


def _wait(server: Server) -> None:
    """Until Ctrl-C, or the server's own end."""
    try:
        server.process.wait()
    except KeyboardInterrupt:
        return
    raise ServiceDownError(f"mlflow server ended with code {server.process.returncode}")


@contextmanager
def _ended_like_ctrl_c() -> Generator[None]:
    """SIGTERM ends the block too, with the server, which would be left behind; and SIGINT also where a shell has put
    the command into the background, whose children ignore it.
    """
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
