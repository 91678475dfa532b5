"""`rcflab sync`: send to MLflow what a run could not send.

Session --open_shipper--> Shipper --finish--> pending? --> shipped.json remembers what the store has
        --publish_table--> runs of arms, tables and figures
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from rcflab.commands.options import Arms, Base, Experiment, Seeds, Set, open_session
from rcflab.commands.publish import open_tracker, publish_table, store_is_gone
from rcflab.errors import IncompleteError, ServiceDownError
from rcflab.ledger.files import replace_json
from rcflab.ledger.reader import ledger_bytes
from rcflab.records import Json
from rcflab.session import Session, read_ledger
from rcflab.track.cursor import FORM
from rcflab.track.inputs import inputs_of
from rcflab.track.mlflow_access import refuse_closed_store
from rcflab.track.mlflow_client import calm_mlflow
from rcflab.track.schema_check import refuse_other_schema
from rcflab.track.shipper import Pending, Shipper
from rcflab.track.tracker import TrackingAccessError

if TYPE_CHECKING:
    from rcflab.ablation import AblationTable

_PATIENCE_S = 120.0
"""For a store that takes nothing, in seconds."""
AFTER_RUN_S = 60.0
"""For the tracking store after a run, in seconds: what it does not take by then is sent by the next run or sync."""
AFTER_INTERRUPTION_S = 10.0
"""The same after an interruption: somebody waits."""


def sync_command(
    experiment: Experiment, set_: Set = None, arms: Arms = None, seeds: Seeds = None, base: Base = None
) -> None:
    """Send what the ledger holds and MLflow lacks; trains nothing, sends nothing twice.

    With a finished table its arms go too, and the files of storage.root/experiments/NAME. Reads the YAML file and the
    ledger below storage.root. Writes to the tracking store. Needed only after the store was down during a run.

    Example: rcflab sync experiments/quickstart.yaml

    Exit codes: 0 everything is there, 2 bad input or a login that the store refuses, 69 the store is down, 74 storage.
    """
    session = open_session(experiment, set_, arms, seeds, base)
    if session.spec.search is not None:
        from rcflab.searching import shipped_session

        session = shipped_session(session)
    if session.tracking_uri is None:
        typer.echo("tracking.uri is none: nothing to send")
        return
    pending = ship_rest(session, open_shipper(session), _PATIENCE_S, to_the_end=True)
    if pending.refused:
        raise TrackingAccessError(f"{pending}. Then run rcflab sync again")
    if not pending.clear:
        raise ServiceDownError(f"{pending}. Run rcflab sync again later")
    if session.is_whole:
        fault = publish_table(session, _table(session), _PATIENCE_S)
        if fault is not None:
            raise ServiceDownError(f"the table and its files wait: {fault}. Run rcflab sync again later")
    typer.echo(f"{session.tracking_uri} has everything")


def _table(session: Session) -> "AblationTable | None":
    """The table as `run` would make it; None while a cell is missing."""
    from rcflab.tables import build_table

    try:
        return build_table(session, read_ledger(session, series=False), reuse_stale=True)
    except IncompleteError:
        return None


def open_shipper(session: Session) -> Shipper:
    """The shipper of the session's plan to its tracking store; nothing is opened yet.

    Raises InputError for a store that the installed MLflow cannot use.
    """
    calm_mlflow()
    uri = session.tracking_uri
    if uri is not None:
        refuse_other_schema(uri)
    configs = {cell.arm: cell.config for cell in session.plan.cells}
    inputs = {arm: inputs_of(config, session.fingerprints[arm]) for arm, config in configs.items()}
    return Shipper(session.storage, session.plan, open_tracker(session), inputs)


def ask_store(session: Session, console: Console) -> None:
    """Before anything is trained: whether the tracking store would take what is found. One that does not answer holds
    nothing up. Raises TrackingAccessError for one that lets us not in.
    """
    fault = refuse_closed_store(session.tracking_uri or "none", session.plan.experiment)
    if fault is not None:
        text = f"{fault}. The training goes on without it: the ledger keeps everything, and it is sent later"
        console.print(text, markup=False, soft_wrap=True)


def ship_rest(session: Session, shipper: Shipper, patience_s: float, *, to_the_end: bool = False) -> Pending:
    """Ship what is left and remember it when all is there; see Shipper.finish."""
    sizes = _sizes(session)
    pending = shipper.finish(patience_s, to_the_end=to_the_end)
    if pending.clear:
        session.experiment_folder.mkdir(parents=True, exist_ok=True)
        replace_json(_note(session), sizes)
    return pending


def ship_or_say(session: Session, shipper: Shipper, patience_s: float, console: Console) -> Pending:
    """`ship_rest`, and a line on what has to wait."""
    pending = ship_rest(session, shipper, patience_s)
    if not pending.clear:
        text = f"for {session.tracking_uri} {pending}. rcflab sync sends it later"
        console.print(text, markup=False, soft_wrap=True)
    return pending


def is_shipped(session: Session) -> bool:
    """True when the store has all that the ledger holds, as far as can be told without opening it."""
    uri = session.tracking_uri
    if uri is None:
        return True
    if store_is_gone(uri):
        return False
    try:
        return json.loads(_note(session).read_text()) == _sizes(session)
    except (OSError, ValueError):
        return False


def _sizes(session: Session) -> dict[str, Json]:
    """Address of the store, and for each cell of the plan the size of its ledger in bytes."""
    cells = {cell.eval_key: ledger_bytes(session.storage, cell.train_key) for cell in session.plan.cells}
    return {"uri": session.tracking_uri, "cells": cells, "form": FORM}


def _note(session: Session) -> Path:
    """Of the trials of a search apart from that of the arms, which are another plan."""
    return session.experiment_folder / ("shipped.json" if session.spec.search is None else "search_shipped.json")
