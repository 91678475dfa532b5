"""`rcflab plan`: the cells of an experiment and how far each of them is.

Session + LedgerView --plan_json--> JSON | rich table
"""

from collections import Counter

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rcflab.commands.options import Arms, AsJson, Base, Experiment, Seeds, Set, echo_json, open_session
from rcflab.records import Cell, CellState, Json
from rcflab.session import LedgerView, Session, read_ledger

_STYLES: dict[CellState, str] = {
    "done": "green", "running": "cyan", "missing": "", "failed": "red", "stale": "yellow",
}  # fmt: skip


def plan_command(
    experiment: Experiment,
    set_: Set = None,
    arms: Arms = None,
    seeds: Seeds = None,
    base: Base = None,
    json: AsJson = False,
) -> None:
    """List the cells of an experiment (arms x seeds) and how far they are; starts nothing.

    Reads the YAML file, the data (their content is part of the keys) and the ledger below storage.root. Writes
    nothing but its memory of file digests. The first look at a large data set reads every frame once.

    States: done, running, missing, failed, stale (finished by other code).

    Example: rcflab plan experiments/table_5_token_size.yaml --base synth --arms tokens-1,tokens-4

    Exit codes: 0 ok, 2 bad input, 74 storage.
    """
    session = open_session(experiment, set_, arms, seeds, base)
    view = read_ledger(session)
    if json:
        echo_json(plan_json(session, view))
    else:
        _print(session, view, Console())


def plan_json(session: Session, view: LedgerView) -> Json:
    """The plan for programs."""
    plan = session.plan
    cells = [
        {
            "arm": cell.arm,
            "seed": cell.seed,
            "train_key": cell.train_key,
            "eval_key": cell.eval_key,
            "state": view.states[cell.eval_key],
            "checkpoint": _checkpoint(session, view, cell),
        }
        for cell in plan.cells
    ]
    return {
        "experiment": plan.experiment,
        "task": plan.task,
        "baseline": plan.baseline,
        "metrics": list(plan.metrics),
        "storage": str(session.storage),
        "code_digest": session.provenance.code_digest,
        "cells": cells,
        "joined": [list(group) for group in plan.joined],
    }


def _checkpoint(session: Session, view: LedgerView, cell: Cell) -> str | None:
    """Folder of the weights of a finished cell, for `training.start_from` of another experiment."""
    state = view.keys[cell.train_key]
    return (
        None if state.state != "finished" or state.checkpoint is None else str(session.storage / state.checkpoint.path)
    )


def _print(session: Session, view: LedgerView, console: Console) -> None:
    plan = session.plan
    table = Table("arm", "seed", "trial", "state", title=f"{plan.experiment} ({plan.task})")
    for cell in plan.cells:
        state = view.states[cell.eval_key]
        reason = view.keys[cell.train_key].reason if state == "failed" else ""
        note = f" ({reason})" if reason else ""
        table.add_row(Text(cell.arm), str(cell.seed), cell.eval_key, Text(f"{state}{note}", style=_STYLES[state]))
    console.print(table)
    for group in plan.joined:
        console.print(f"{' = '.join(group)}: what they differ in has no effect; trained once", markup=False)
    counts = Counter(view.states[cell.eval_key] for cell in plan.cells)
    trainings = len({cell.train_key for cell in plan.cells})
    summary = ", ".join(f"{count} {state}" for state, count in counts.items())
    console.print(f"{len(plan.cells)} cells ({trainings} trainings): {summary}", markup=False)
