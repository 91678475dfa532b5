"""The shell's way to a table: apart from the session, since what tests need takes a second to load.

build_table(s)    Session, LedgerView --collect, tabulate; match records --resample, compare--> AblationTable
table_provenance  Session, LedgerView --> what may differ between two equal tables
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from rcflab.ablation import AblationTable, tabulate
from rcflab.collect import collect
from rcflab.comparison import compare
from rcflab.design.contrasts import asked_contrasts
from rcflab.errors import IncompleteError
from rcflab.match_records import resampled_scores
from rcflab.paper import paper_tables
from rcflab.records import Json
from rcflab.session import LedgerView, Session


def build_table(
    session: Session, view: LedgerView, *, reuse_stale: bool = False, partial: bool = False
) -> AblationTable:
    """The table of the session's plan. Raises IncompleteError naming the cells that stand in its way.

    `partial` leaves such cells out, and says so in the table.
    """
    asked = session.spec.table
    lost = view.lost if asked.resamples else ()
    code = session.provenance.code_digest
    results = collect(session.plan, view.keys, code, reuse_stale=reuse_stale, partial=partial, lost=lost)
    table = tabulate(results, None if asked.paper is None else paper_tables()[asked.paper])
    table = replace(table, layout=asked.layout)
    found = resampled_scores(results, session.storage, asked.resamples, asked.primary)
    if found is None:
        return table
    effects = asked_contrasts(session.spec)
    planned = len(session.spec.arms) - 1 + len(effects)
    comparisons = compare(found, session.plan.baseline, asked.equivalence_margin, effects, planned)
    return replace(table, comparisons=comparisons)


def build_tables(
    asked: Sequence[tuple[Session, LedgerView]], *, reuse_stale: bool = False, partial: bool = False
) -> tuple[AblationTable, ...]:
    """The tables of several experiments, each on its own. Raises IncompleteError with all that stands in their way."""
    tables: list[AblationTable] = []
    faults: list[IncompleteError] = []
    for session, view in asked:
        try:
            tables.append(build_table(session, view, reuse_stale=reuse_stale, partial=partial))
        except IncompleteError as error:
            faults.append(error)
    if faults:
        raise IncompleteError("\n".join(map(str, faults)))
    return tuple(tables)


def table_folder(session: Session, table: AblationTable) -> Path:
    """Where the files of `table` go: those of a partial one never take the place of the whole one's."""
    return session.experiment_folder / "partial" if table.left_out else session.experiment_folder


def table_provenance(session: Session, view: LedgerView) -> dict[str, Json]:
    """What may differ between two equal tables: time, machine, code, and where each cell's files are."""
    trainings = {
        key: {
            "attempts": state.attempts,
            "checkpoint": state.checkpoint.path if state.checkpoint else None,
            "checkpoint_sha256": state.checkpoint.sha256 if state.checkpoint else None,
            "made_by": dict(state.provenance),
        }
        for key, state in view.keys.items()
    }
    return {
        "written_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "written_by": asdict(session.provenance),
        "storage": str(session.storage),
        "fingerprints": {arm: asdict(prints) for arm, prints in session.fingerprints.items()},
        "trainings": trainings,
    }
