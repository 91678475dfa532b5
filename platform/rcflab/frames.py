"""What the ledger says of a plan, as tidy tables of pandas: one observation a row.

Session + LedgerView --plan_frame-->     arm, seed, state, reason, keys, checkpoint
                     --results_frame-->  arm, seed, metric, value, step, state, keys     (wide: a column a metric)
                     --history_frame-->  arm, seed, metric, step, value

Where the arms are made from factors, each table has a column for each factor after the seed, called by its short name
or, where a column has that name already, by its path. Nothing is averaged.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from rcflab.curves import cell_series
from rcflab.design.names import short_names
from rcflab.errors import InputError, Problem
from rcflab.ledger.events import Evaluated
from rcflab.records import Cell
from rcflab.session import LedgerView, Session
from rcflab.suggest import nearest

_WITH_RESULT = ("done", "stale")
_COLUMNS = ("arm", "seed", "metric", "value", "step", "state", "reason", "baseline", "checkpoint")
"""Which a factor may not be called."""


def plan_frame(session: Session, view: LedgerView) -> pd.DataFrame:
    """One row a cell, in the order of the table. `checkpoint` is the folder of the weights, empty before there are."""
    rows: list[dict[str, Any]] = []
    for cell, labels in _cells(session):
        key, state = view.keys[cell.train_key], view.states[cell.eval_key]
        checkpoint = str(session.storage / key.checkpoint.path) if key.checkpoint else ""
        facts = {"baseline": cell.arm == session.plan.baseline, "state": state}
        facts |= {"reason": key.reason if state == "failed" else "", "step": key.step}
        rows.append({**labels, **facts, **_keys(cell), "checkpoint": checkpoint})
    names = ("baseline", "state", "reason", "step", "train_key", "eval_key", "checkpoint")
    return pd.DataFrame(rows, columns=[*_labels(session), *names])


def results_frame(
    session: Session, view: LedgerView, metrics: Sequence[str] | None = None, *, wide: bool = False
) -> pd.DataFrame:
    """The final evaluations of the cells that have one; `state` is `stale` where other code made it.

    `metrics` chooses keys like `val/ap`; all by default. Raises InputError for one that no cell reports.
    """
    found = [(cell, labels, final) for cell, labels, final in _finals(session, view)]
    reported = list(dict.fromkeys(key for _, _, final in found for key in final.values))
    chosen = _chosen(metrics, reported)
    facts = ("step", "state", "train_key", "eval_key", "code_digest")
    rows: list[dict[str, Any]] = []
    for cell, labels, final in found:
        rest = {"step": final.step, "state": view.states[cell.eval_key], **_keys(cell)}
        rest["code_digest"] = final.code_digest
        values = {key: final.values[key] for key in chosen if key in final.values}
        if wide:
            rows.append({**labels, **values, **rest})
        else:
            rows += [{**labels, "metric": key, "value": value, **rest} for key, value in values.items()]
    middle = chosen if wide else ["metric", "value"]
    return pd.DataFrame(rows, columns=[*_labels(session), *middle, *facts])


def history_frame(session: Session, view: LedgerView, metrics: Sequence[str] | None = None) -> pd.DataFrame:
    """Metrics over the steps of the training, and of the evaluations on the way, of every cell that has begun.

    `metrics` chooses keys like `train/loss`; all by default. Raises InputError for one that no cell reports.
    """
    rows: list[dict[str, Any]] = []
    for cell, labels in _cells(session):
        series = cell_series(view.keys[cell.train_key], cell.eval_key)
        rows += [
            {**labels, "metric": metric, "step": step, "value": value}
            for metric, points in series.items()
            for step, value in points.items()
        ]
    chosen = _chosen(metrics, list(dict.fromkeys(row["metric"] for row in rows)))
    rows = [row for row in rows if row["metric"] in chosen]
    return pd.DataFrame(rows, columns=[*_labels(session), "metric", "step", "value"])


def _cells(session: Session) -> Iterator[tuple[Cell, dict[str, Any]]]:
    """Each cell with what its row begins with: arm, seed, levels of the factors."""
    factors = _factors(session)
    for cell in session.plan.cells:
        levels = session.spec.arms[cell.arm]
        yield cell, {"arm": cell.arm, "seed": cell.seed, **{name: levels.get(path) for path, name in factors.items()}}


def _labels(session: Session) -> list[str]:
    return ["arm", "seed", *_factors(session).values()]


def _factors(session: Session) -> dict[str, str]:
    """Path of each factor -> its column."""
    names = short_names(list(session.spec.factors or ()))
    return {path: path if name in _COLUMNS else name for path, name in names.items()}


def _finals(session: Session, view: LedgerView) -> Iterator[tuple[Cell, dict[str, Any], Evaluated]]:
    code = session.provenance.code_digest
    for cell, labels in _cells(session):
        key = view.keys[cell.train_key]
        final = key.final_before_others(cell.eval_key, code)
        if final is not None and view.states[cell.eval_key] in _WITH_RESULT:
            yield cell, labels, final


def _keys(cell: Cell) -> Mapping[str, str]:
    return {"train_key": cell.train_key, "eval_key": cell.eval_key}


def _chosen(metrics: Sequence[str] | None, reported: Collection[str]) -> list[str]:
    if metrics is None:
        return list(reported)
    known = ", ".join(reported) or "none yet"
    problems = [
        Problem("metrics", "", repr(key), f"a metric that cells report: {known}{nearest(key, reported)}")
        for key in metrics
        if key not in reported
    ]
    if problems:
        raise InputError(problems)
    return list(metrics)
