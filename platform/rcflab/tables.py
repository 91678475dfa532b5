"""The shell's way to a table: apart from the session, since what tests need takes a second to load.

build_table(s)    Session, LedgerView --collect, tabulate; match records --resample, compare--> AblationTable
table_provenance  Session, LedgerView --> what may differ between two equal tables, and the MLflow run of each cell
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from rcflab.ablation import AblationTable, tabulate
from rcflab.collect import ResultSet, collect
from rcflab.comparing import compare
from rcflab.comparison import Rules
from rcflab.countdown import Countdown
from rcflab.decimals import with_decimals
from rcflab.design.contrasts import asked_contrasts
from rcflab.errors import IncompleteError
from rcflab.looks import SeedsExtended, extension
from rcflab.looks_file import first_trial, read_looks, remember_look, seeds_of
from rcflab.match_records import (
    Progress,
    UnitScores,
    category_scores,
    primary_metric,
    resampled_scores,
    video_scores,
)
from rcflab.metrics import METRICS
from rcflab.paper import paper_tables
from rcflab.records import Json
from rcflab.session import LedgerView, Session
from rcflab.storage.opening import address_of
from rcflab.task import load_resampling
from rcflab.track.cursor import run_ids
from rcflab.unit_tests import ArmTest, arm_tests


def build_table(
    session: Session, view: LedgerView, *, reuse_stale: bool = False, partial: bool = False
) -> AblationTable:
    """The table of the session's plan. Raises IncompleteError naming the cells that stand in its way.

    `partial` leaves such cells out, and says so in the table. What takes longer than some seconds says so on stderr.
    Who sees a table of two seeds or more has looked, which is remembered (rcflab.looks).
    """
    asked = session.spec.table
    lost = view.lost if asked.resamples else ()
    code = session.provenance.code_digest
    results = collect(session.plan, view.keys, code, reuse_stale=reuse_stale, partial=partial, lost=lost)
    table = tabulate(results, None if asked.paper is None else paper_tables()[asked.paper])
    table = replace(table, layout=asked.layout, tuned=session.spec.tuned)
    return with_decimals(_compared(session, results, table, Countdown("scoring match records")))


def _compared(session: Session, results: ResultSet, table: AblationTable, progress: Progress) -> AblationTable:
    """`table` with what may be said of its arms, where match records can tell."""
    asked, plan = session.spec.table, session.plan
    found = resampled_scores(results, session.storage, asked.resamples, asked.primary, progress)
    if found is None:
        return table
    effects = asked_contrasts(session.spec)
    rules = Rules(asked.equivalence_margin, plan.family + len(effects), plan.joined, asked.seed_variance)
    first, *more = compare(found, plan.baselines, effects, rules) or (None,)
    tests = _asked_tests(session, results, progress)
    extended = _look(session)
    return replace(table, comparisons=first, more_comparisons=tuple(more), tests=tests, extended=extended)


def _look(session: Session) -> SeedsExtended | None:
    """Remember that this table is seen; returns what has to be said of its seeds."""
    trial, folder = first_trial(session.plan), session.experiment_folder
    if trial is None:
        return None
    extended = extension(read_looks(folder), seeds_of(session.plan), trial)
    remember_look(folder, session.plan, session.spec.seeds_planned)
    return extended


def _asked_tests(session: Session, results: ResultSet, progress: Progress) -> tuple[ArmTest, ...]:
    """Those of `table.tests`, in its order."""
    asked, plan = session.spec.table, session.plan
    primary = primary_metric(plan.metrics, load_resampling(plan.task), asked.primary)
    found: list[ArmTest] = []
    for test in asked.tests:
        metric = test.statistic or primary
        assert metric is not None, "a table with comparisons has a primary metric"
        match test.unit:
            case "video":
                scores = video_scores(results, session.storage, metric, progress)
            case "category":
                scores = category_scores(results, session.storage, metric, progress)
            case "seed":
                scores = _seed_scores(results, metric)
        found += arm_tests(scores, plan.baselines, test.unit, METRICS[metric], test.paired)
    return tuple(found)


def _seed_scores(results: ResultSet, metric: str) -> UnitScores:
    """As measured; seeds without a value are left out."""
    scores: dict[str, dict[int, np.ndarray[tuple[int], np.dtype[np.float64]]]] = {}
    for result in results.results:
        if metric in result.metrics:
            scores.setdefault(result.cell.arm, {})[result.cell.seed] = np.array([result.metrics[metric]])
    return scores


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
        "storage": address_of(session.storage),
        "fingerprints": {arm: asdict(prints) for arm, prints in session.fingerprints.items()},
        "trainings": trainings,
        "runs": run_ids(session.storage, session.tracking_uri, [cell.eval_key for cell in session.plan.cells]),
    }
