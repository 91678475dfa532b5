"""The shell's way to a table: apart from the session, since what tests need takes a second to load.

build_table       Session, LedgerView --collect, tabulate; match records --resample, compare--> AblationTable
table_provenance  Session, LedgerView --> what may differ between two equal tables
"""

import time
from dataclasses import asdict, replace

from rcflab.ablation import AblationTable, tabulate
from rcflab.collect import collect
from rcflab.comparison import compare
from rcflab.design.contrasts import asked_contrasts
from rcflab.match_records import resampled_scores
from rcflab.paper import paper_tables
from rcflab.records import Json
from rcflab.session import LedgerView, Session


def build_table(session: Session, view: LedgerView, *, reuse_stale: bool = False) -> AblationTable:
    """The table of the session's plan. Raises IncompleteError naming the cells that stand in its way."""
    results = collect(session.plan, view.keys, session.provenance.code_digest, reuse_stale=reuse_stale)
    asked = session.spec.table
    table = tabulate(results, None if asked.paper is None else paper_tables()[asked.paper])
    table = replace(table, tuned=session.spec.tuned)
    found = resampled_scores(results, session.storage, asked.resamples, asked.primary)
    if found is None:
        return table
    effects = asked_contrasts(session.spec)
    planned = len(session.spec.arms) - 1 + len(effects)
    comparisons = compare(found, session.plan.baseline, asked.equivalence_margin, effects, planned)
    return replace(table, comparisons=comparisons)


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
