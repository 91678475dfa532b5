"""`rcflab sync`: send to MLflow what a run could not send.

Session --open_shipper--> Shipper --finish--> pending? --> shipped.json remembers what the store has
"""

import json
from pathlib import Path

import typer

from rcflab.commands.options import Arms, Base, Experiment, Seeds, Set, open_session
from rcflab.errors import ServiceDownError
from rcflab.ledger.files import replace_json
from rcflab.ledger.reader import ledger_bytes
from rcflab.records import Json
from rcflab.session import Session
from rcflab.track.mlflow_tracker import MlflowTracker, calm_mlflow
from rcflab.track.shipper import Pending, Shipper
from rcflab.track.tracker import NullTracker, Tracker

_PATIENCE_S = 120.0


def sync_command(
    experiment: Experiment, set_: Set = None, arms: Arms = None, seeds: Seeds = None, base: Base = None
) -> None:
    """Send what the ledger holds and MLflow lacks; trains nothing, sends nothing twice.

    Reads the YAML file and the ledger below storage.root. Writes to the tracking store. Needed only after the store was
    down during a run.

    Example: rcflab sync experiments/quickstart.yaml

    Exit codes: 0 everything is there, 2 bad input, 69 the store is down, 74 storage.
    """
    session = open_session(experiment, set_, arms, seeds, base)
    if session.spec.search is not None:
        from rcflab.searching import shipped_session

        session = shipped_session(session)
    if session.tracking_uri is None:
        typer.echo("tracking.uri is none: nothing to send")
        return
    pending = ship_rest(session, open_shipper(session), _PATIENCE_S)
    if not pending.clear:
        raise ServiceDownError(f"{pending.events} events wait: {pending.fault}. Run rcflab sync again later")
    typer.echo(f"{session.tracking_uri} has everything")


def open_shipper(session: Session) -> Shipper:
    """The shipper of the session's plan to its tracking store; nothing is opened yet."""
    calm_mlflow()
    uri = session.tracking_uri
    tracker: Tracker = NullTracker() if uri is None else MlflowTracker(uri, _artifacts(session))
    return Shipper(session.storage, session.plan, tracker)


def ship_rest(session: Session, shipper: Shipper, patience_s: float) -> Pending:
    """Ship what is left and remember it when all is there."""
    sizes = _sizes(session)
    pending = shipper.finish(patience_s)
    if pending.clear:
        session.experiment_folder.mkdir(parents=True, exist_ok=True)
        replace_json(_note(session), sizes)
    return pending


def is_shipped(session: Session) -> bool:
    """True when the store has all that the ledger holds, as far as can be told without opening it."""
    uri = session.tracking_uri
    if uri is None:
        return True
    database = Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None
    if database is not None and not database.exists():
        return False
    try:
        return json.loads(_note(session).read_text()) == _sizes(session)
    except (OSError, ValueError):
        return False


def _sizes(session: Session) -> dict[str, Json]:
    """Address of the store, and for each cell of the plan the size of its ledger in bytes."""
    cells = {cell.eval_key: ledger_bytes(session.storage, cell.train_key) for cell in session.plan.cells}
    return {"uri": session.tracking_uri, "cells": cells}


def _note(session: Session) -> Path:
    """Of the trials of a search apart from that of the arms, which are another plan."""
    return session.experiment_folder / ("shipped.json" if session.spec.search is None else "search_shipped.json")


def _artifacts(session: Session) -> Path | None:
    """Artifacts go beside the database of the default store; a store of its own decides for itself."""
    return session.storage / "artifacts" if session.spec.tracking.uri == "auto" else None
