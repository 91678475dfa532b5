"""`rcflab plan`: the cells of an experiment and how far each of them is.

Session + LedgerView + sizes of checkpoints --plan_json--> JSON | rich table, design, estimate
"""

from collections import Counter
from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rcflab.commands.budgeted import budget_line, budget_state
from rcflab.commands.options import Arms, AsJson, Base, Experiment, Seeds, Set, echo_json, open_session
from rcflab.design.arms import design_of
from rcflab.design.describe import design_json, design_lines
from rcflab.estimate import Estimate, estimate
from rcflab.records import Cell, CellState, Json
from rcflab.session import LedgerView, Session, read_ledger
from rcflab.storage.opening import address_of, kept_bytes

STATE_STYLES: dict[CellState, str] = {
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

    States: done, running, missing, failed, stale (finished by other code). Below the cells: the design with what a
    fraction cannot tell apart, arms that are one training, and an estimate of the hours and bytes of what is missing,
    from finished cells of the same experiment. With `search:` the trials so far, the next ones, and the cells of the
    arms once the search is done.

    Example: rcflab plan experiments/table_5_token_size.yaml --base synth --arms tokens-1,tokens-4

    Exit codes: 0 ok, 2 bad input, 74 storage.
    """
    session = open_session(experiment, set_, arms, seeds, base)
    if session.spec.search is not None:
        _plan_search(open_session(experiment, set_, None, None, base), arms, seeds, json)
        return
    view = read_ledger(session)
    if json:
        echo_json(plan_json(session, view))
    else:
        _print(session, view, Console())


def _plan_search(session: Session, arms: str | None, seeds: int | None, json: bool) -> None:
    """The search, and the cells of the arms once it has found their values."""
    from rcflab.search_plan import search_json, search_lines
    from rcflab.searching import tuned

    told, found = search_json(session), tuned(session)
    winner = None if found is None or not found.is_winner else open_session(found.next, None, arms, seeds, None)
    if json:
        echo_json({"search": told, **({} if winner is None else plan_json(winner, read_ledger(winner)))})
        return
    console = Console()
    for line in search_lines(told):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if winner is not None:
        _print(winner, read_ledger(winner), console)


def plan_json(session: Session, view: LedgerView) -> Json:
    """The plan for programs."""
    plan, cost = session.plan, _cost(session, view)
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
        "storage": address_of(session.storage),
        "code_digest": session.provenance.code_digest,
        "design": design_json(design_of(session.spec), len(cells)),
        "levels": session.spec.arms if session.spec.factors else None,
        "cells": cells,
        "joined": [list(group) for group in plan.joined],
        "from": {arm: {"file": str(each.path), "arm": each.arm} for arm, each in session.sources.items()},
        "estimate": _cost_json(session, cost),
        "budget": [{**asdict(item), "needed": needed} for item, needed in budget_state(session, view, cost)],
    }


def _cost(session: Session, view: LedgerView) -> Estimate | None:
    """The estimate, from the sizes of what finished trainings left: their last checkpoint and the best one."""
    sizes: dict[str, float] = {}
    for key, state in view.keys.items():
        kept = {each.path for each in (state.checkpoint, state.best) if each is not None}
        size = sum(kept_bytes(session.storage, path) for path in kept)
        if state.state == "finished" and size:
            sizes[key] = size
    return estimate(session.plan, view.keys, view.states, sizes, session.provenance.code_digest)


def _cost_json(session: Session, cost: Estimate | None) -> Json:
    return None if cost is None else {**asdict(cost), "gpu_hours": _gpu_hours(session, cost)}


def _gpu_hours(session: Session, cost: Estimate) -> float | None:
    resources = session.spec.resources
    return None if cost.hours is None else cost.hours * resources.workers * resources.gpus_per_worker


def _checkpoint(session: Session, view: LedgerView, cell: Cell) -> str | None:
    """Folder of the weights of a finished cell, for `training.start_from` of another experiment."""
    state = view.keys[cell.train_key]
    if state.state != "finished" or state.checkpoint is None:
        return None
    return f"{address_of(session.storage)}/{state.checkpoint.path}"


def _print(session: Session, view: LedgerView, console: Console) -> None:
    plan = session.plan
    table = Table("arm", "seed", "trial", "state", title=f"{plan.experiment} ({plan.task})")
    for cell in plan.cells:
        state = view.states[cell.eval_key]
        reason = view.keys[cell.train_key].reason if state == "failed" else ""
        note = f" ({reason})" if reason else ""
        table.add_row(Text(cell.arm), str(cell.seed), cell.eval_key, Text(f"{state}{note}", style=STATE_STYLES[state]))
    console.print(table)
    design = design_of(session.spec)
    for line in design_lines(design, len(plan.cells)) if design else ():
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    for arm, source in session.sources.items():
        if any(cell.arm == arm for cell in plan.cells):
            console.print(f"{arm}: the arm {source.label}", markup=False, highlight=False, soft_wrap=True)
    for group in plan.joined:
        console.print(f"{' = '.join(group)}: what they differ in has no effect; trained once", markup=False)
    counts = Counter(view.states[cell.eval_key] for cell in plan.cells)
    trainings = len({cell.train_key for cell in plan.cells})
    summary = ", ".join(f"{count} {state}" for state, count in counts.items())
    console.print(f"{len(plan.cells)} cells ({trainings} trainings): {summary}", markup=False)
    cost = _cost(session, view)
    console.print(_cost_line(session, cost), markup=False, soft_wrap=True)
    for item, needed in budget_state(session, view, cost):
        console.print(budget_line(item, needed), markup=False, highlight=False, soft_wrap=True)


def _cost_line(session: Session, cost: Estimate | None) -> str:
    if cost is None:
        return "no estimate: no cell of this experiment is finished"
    if not cost.trainings:
        return "nothing to train"
    hours = "hours unknown" if cost.hours is None else f"about {cost.hours:.2g} hours one after the other"
    graphics = _gpu_hours(session, cost)
    hours += f" ({graphics:.2g} GPU-hours)" if graphics else ""
    size = "bytes unknown" if cost.bytes is None else f"{_size(cost.bytes)} of checkpoints"
    return f"left to train: {cost.trainings}, {hours}, {size} (measured on {cost.measured} finished)"


def _size(count: int) -> str:
    for unit, one in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= one:
            return f"{count / one:.3g} {unit}"
    return f"{count} bytes"
