"""How far a search is and what it would try next, for `rcflab plan`; starts nothing.

Session, a copy of its journal --counts, first batch, estimate--> JSON --> lines

The first batch is asked of a copy: what an adaptive sampler proposes later depends on how these trials end.
"""

import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

from rcflab.estimate import Estimate, estimate
from rcflab.ledger.fold import fold
from rcflab.plan import cell_states
from rcflab.records import Cell, Json
from rcflab.search.checks import space_of
from rcflab.search.config import FIRST_SEED
from rcflab.search.report import notes, shown
from rcflab.searching import search_folder, tuned
from rcflab.session import Session, read_ledger
from rcflab.storage.opening import kept_bytes

_BATCH = 4
"""Proposals that are shown where `resources.max_concurrent` says nothing."""


def search_json(session: Session) -> Json:
    """Space, studies with their counts and first batch, and the estimate, for programs."""
    from rcflab.search.optuna_journal import JOURNAL, journal_opened
    from rcflab.search.studies import found_by, open_conductors, recorded_cells

    search = session.spec.search
    assert search is not None
    done = tuned(session)
    with tempfile.TemporaryDirectory(prefix="rcflab-plan-") as temporary:
        folder, there = Path(temporary), search_folder(session) / JOURNAL
        if there.exists():
            shutil.copy(there, folder / JOURNAL)
        with journal_opened(folder) as journal:
            chain = open_conductors(session, journal, lambda cells, may_start: None, "retrain")
            to_ask = {arm: each.to_ask for arm, each in chain.conductors.items()}
            cells = recorded_cells(session, journal)
            found = [found_by(session, arm, each) for arm, each in chain.conductors.items()]
            batch = session.spec.resources.max_concurrent or _BATCH
            first = {arm: each.propose(batch) for arm, each in chain.conductors.items()}
    return {
        "notes": notes(search),
        "space": [each.describe() for each in space_of(session.spec).parameters],
        "studies": [
            {
                "arm": each.arm,
                "study": each.study,
                "trials": dict(Counter(trial.state for trial in each.trials)),
                "to_come": to_ask[each.arm],
                "first_batch": [dict(point) for point in first[each.arm]],
                "best": _best(each.ranked[0].values) if each.ranked else None,
            }
            for each in found
        ],
        "estimate": _estimate_json(session, cells, sum(to_ask.values()) * search.seeds),
        "has_winner": len(search.objective) == 1,
        "next": None if done is None else str(done.next),
    }


def _best(values: tuple[float, ...] | None) -> list[float]:
    return list(values or ())


def _estimate_json(session: Session, cells: list[Cell], to_come: int) -> Json:
    """From the finished trials; one that is to come counts as their mean, and as a whole training."""
    config = session.plan.cells[0].config
    unknown = [Cell("to come", FIRST_SEED, config, f"unknown{index}", f"unknown{index}") for index in range(to_come)]
    view = read_ledger(session._replace(plan=replace(session.plan, cells=tuple(cells))))
    keys = {**view.keys, **{cell.train_key: fold([]) for cell in unknown}}
    plan = replace(session.plan, cells=(*cells, *unknown))
    code = session.provenance.code_digest
    sizes: dict[str, float] = {
        key: kept_bytes(session.storage, state.checkpoint.path)
        for key, state in view.keys.items()
        if state.state == "finished" and state.checkpoint
    }
    cost: Estimate | None = estimate(plan, keys, cell_states(plan, keys, (), code), sizes, code)
    return None if cost is None else asdict(cost)


def search_lines(told: Mapping[str, Json]) -> list[str]:
    """The same for people."""
    lines = [f"search: {told['notes'][0]}", *(f"  {each}" for each in told["space"])]
    for study in told["studies"]:
        counts = ", ".join(f"{count} {state}" for state, count in study["trials"].items()) or "nothing tried yet"
        lines.append(f"{study['arm']} ({study['study']}): {counts}; {study['to_come']} to come")
        for point in study["first_batch"]:
            lines.append("  next: " + ", ".join(f"{path}={shown(value)}" for path, value in point.items()))
    if any(study["first_batch"] for study in told["studies"]):
        lines.append("  proposals after these depend on how they end")
    cost = told["estimate"]
    if cost is None:
        lines.append("no estimate: no trial is finished")
    elif cost["trainings"]:
        hours = "hours unknown" if cost["hours"] is None else f"about {cost['hours']:.2g} hours one after the other"
        lines.append(f"left to train: {cost['trainings']}, {hours} (measured on {cost['measured']} finished trials)")
    if told["next"]:
        lines.append(f"done: {told['next']}")
    elif told["has_winner"]:
        lines.append("the arms are trained after it, with the values that it finds")
    return lines
