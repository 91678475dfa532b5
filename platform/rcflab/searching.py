"""A search from its YAML to a pinned winner: what `rcflab run` does before it trains the arms.

Session --study_names--> done before? ------------------------------------> Tuned
              `-> journal --> conductors --> Ray (rcflab.execute.ray_search) --> ledger --> search/ files --> Tuned
                                               `--> shipper and progress view read the ledger meanwhile

experiments/NAME/search/   journal.log                       the studies, by Optuna
                           search.md trials.csv trials.json  all trials
                           importance.png .svg  front.png .svg
                           winner.yaml | front.yaml          what comes next
                           state.json                        which studies these files are of
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from rich.console import Console

from rcflab.commands.budgeted import budget_rules
from rcflab.commands.live import shown
from rcflab.commands.publish import publish_table
from rcflab.commands.sync import (
    AFTER_INTERRUPTION_S,
    AFTER_RUN_S,
    ask_store,
    is_shipped,
    open_shipper,
    ship_or_say,
    ship_rest,
)
from rcflab.errors import CellsFailedError, IncompleteError, InterruptedRunError
from rcflab.execute.batch import Batch, resolve
from rcflab.execute.driver import run_on_ray
from rcflab.execute.job import JobProgress
from rcflab.execute.orphans import sweep
from rcflab.execute.rules import Rule
from rcflab.execute.source import JobSource
from rcflab.ledger.files import replace_bytes, replace_json, storage_errors
from rcflab.ledger.lease import this_process
from rcflab.notify import hooks_of
from rcflab.progress import Watch, Watched
from rcflab.records import Cell, Json
from rcflab.search.names import study_names
from rcflab.session import Session, keep_results, open_experiment, preflight, prepare
from rcflab.spending import Spending
from rcflab.storage.opening import fetch_records, mirror_of
from rcflab.task import load_task

if TYPE_CHECKING:
    from rcflab.search.chain import Chain
    from rcflab.search.within_budget import WithinTrials

OnStale = Literal["ask", "reuse", "retrain"]


class Run(Protocol):
    """Runs the jobs of a source: on Ray, or here (tests)."""

    def __call__(self, batch: Batch, rules: Sequence[Rule], source: JobSource) -> dict[str, JobProgress]:
        """The last progress of each job."""
        ...


@dataclass(frozen=True, slots=True)
class Tuned:
    """A search that came to its end."""

    text: str
    """search.md."""
    folder: Path
    next: Path
    """winner.yaml, or front.yaml under several objectives."""
    is_winner: bool
    """One objective: the arms can be trained with these values."""


def search_folder(session: Session) -> Path:
    """Where everything of the search goes."""
    return session.experiment_folder / "search"


def tuned(session: Session) -> Tuned | None:
    """What the finished search of this very session left; None where it is not finished, or was another one."""
    search, folder = session.spec.search, search_folder(session)
    assert search is not None
    try:
        state = json.loads((folder / "state.json").read_text())
        text = (folder / "search.md").read_text()
    except (OSError, ValueError):
        return None
    if state.get("studies") != study_names(session) or state.get("trials") != search.trials:
        return None
    several = len(search.objective) > 1
    return Tuned(text, folder, folder / ("front.yaml" if several else "winner.yaml"), not several)


def tuned_winner(session: Session) -> Path:
    """The file with the values that the search found. Raises IncompleteError where there is none."""
    found = tuned(session)
    if found is None:
        raise IncompleteError(f"the search of {session.spec.name} is not finished: rcflab run goes on with it")
    if not found.is_winner:
        raise IncompleteError(f"several objectives have no winner: rcflab run {found.next} has the front as arms")
    return found.next


def run_search(session: Session, console: Console, on_stale: OnStale = "ask", run: Run | None = None) -> Tuned:
    """Search until every study has its trials, then write what was found.

    Raises like rcflab.running.run_session; the same call goes on from wherever it was interrupted. CellsFailedError
    where no trial is complete.
    """
    known = tuned(session)
    if known is not None:
        _ship_again(session)
        return known
    from rcflab.search.optuna_journal import journal_opened  # Optuna takes most of a second to load
    from rcflab.search.optuna_sampler import refuse_missing_library
    from rcflab.search.studies import open_conductors, search_of

    refuse_missing_library(search_of(session), str(session.path))
    resources = resolve(session.spec.resources, str(session.path))
    mirror_of(session.storage).check()
    fetch_records(session.storage)
    sweep(session.storage)
    preflight(session)
    ask_store(session, console)
    prepare(session)  # no field of the data is searched
    with _alone(session), journal_opened(search_folder(session)) as journal:
        crowd = _Crowd(session)
        chain = open_conductors(session, journal, crowd.hear, on_stale)
        if not chain.is_done:
            rules = _rules(session, console)
            driver = this_process()
            batch = Batch.create(
                session.storage, driver, session.provenance, resources, (), session.spec.retries, session.data
            )
            paid = _paid(session, chain)
            source = _kept(session, paid or chain)
            try:
                train: Run = run or partial(run_on_ray, note=crowd.watch.note)
                _conduct(session, chain, crowd, lambda: train(batch, rules, source), console)
            finally:
                batch.delete()
            if paid is not None:
                paid.refuse_held(chain.left)
        done = _written(session, chain)
        keep_results(session)
    _ship_again(session)
    if not done.is_winner:  # otherwise the table of the arms comes, and is published with all files
        publish_table(session, None, AFTER_RUN_S)
    return done


def _alone(session: Session) -> AbstractContextManager[None]:
    """No other driver of the search: on this machine its journal is locked, over all of them only a store can tell."""
    from rcflab.search.kept import held

    mirror = mirror_of(session.storage)
    return held(session.storage, session.spec.name, this_process(), mirror) if mirror.is_remote else nullcontext()


def _kept(session: Session, source: JobSource) -> JobSource:
    """`source`, whose journal goes to the store of the storage, if it has one."""
    from rcflab.search.kept import KeptSource
    from rcflab.search.optuna_journal import JOURNAL

    mirror = mirror_of(session.storage)
    journal = search_folder(session) / JOURNAL
    return KeptSource(source, session.storage, journal, mirror) if mirror.is_remote else source


def _paid(session: Session, chain: "Chain") -> "WithinTrials | None":
    """The chain within `budget.trials`; None where that is not limited."""
    from rcflab.search.within_budget import WithinTrials

    limit = session.spec.budget.trials
    return None if limit is None else WithinTrials(chain, session.storage, session.spec.name, limit)


class _Crowd:
    """Everybody who wants to hear of the cells of a trial before they start."""

    def __init__(self, session: Session) -> None:
        assert session.spec.search is not None
        self.session = session._replace(plan=replace(session.plan, cells=()))
        self.shipper = open_shipper(self.session)
        self.watch = Watch(session.storage, (), next(iter(session.spec.search.objective)))
        self._task = load_task(session.spec.task)

    def hear(self, cells: Sequence[Cell], may_start: bool) -> None:
        """Of each trial: the store may lack what a killed driver did not send, the view follows what can still run."""
        self.shipper.add(cells)
        self.session = self.session._replace(plan=replace(self.session.plan, cells=(*self.session.plan.cells, *cells)))
        for cell in cells if may_start else ():
            steps = self._task.schedule(cell.config).steps
            self.watch.add(Watched(cell.train_key, f"{cell.arm}/{cell.seed}", steps))


def _conduct(
    session: Session, chain: "Chain", crowd: _Crowd, run: Callable[[], dict[str, JobProgress]], console: Console
) -> None:
    """Run the chain's jobs while they are shown and shipped."""
    crowd.watch.to_come = lambda: _to_come(session, chain)
    patience_s = AFTER_INTERRUPTION_S
    try:
        count, _ = _to_come(session, chain)
        console.print(f"search: {count} trainings to come; starting Ray", markup=False)
        crowd.shipper.run_in_background()
        with shown(crowd.watch, console):
            last = run()
        patience_s = AFTER_RUN_S
    finally:
        ship_or_say(crowd.session, crowd.shipper, patience_s, console)
    blocked = [each.reason for each in last.values() if each.phase == "blocked"]
    if blocked:
        raise InterruptedRunError("\n".join(blocked))


def _rules(session: Session, console: Console) -> list[Rule]:
    """The budget ends a search as it ends a run. A failed trial does not: that is a result."""
    hooks = hooks_of(session.spec.notify, os.environ)
    return budget_rules(session, Spending(session.storage, session.spec.name), hooks, console)


def _to_come(session: Session, chain: "Chain") -> tuple[int, int]:
    """Trainings that are not asked for yet, and their steps."""
    count, steps = 0, 0
    for arm, conductor in chain.conductors.items():
        left = conductor.to_ask * conductor.seeds
        count += left
        steps += left * load_task(session.spec.task).schedule(_config(session, arm)).steps
    return count, steps


def _config(session: Session, arm: str) -> Mapping[str, Json]:
    return next(cell.config for cell in session.plan.cells if cell.arm == arm)


def trial_session(session: Session) -> Session:
    """The session with the cells of its trials as its plan."""
    from rcflab.search.optuna_journal import read_journal
    from rcflab.search.studies import recorded_cells

    journal = read_journal(search_folder(session))
    cells = () if journal is None else tuple(recorded_cells(session, journal))
    return session._replace(plan=replace(session.plan, cells=cells))


def shipped_session(session: Session) -> Session:
    """The same with the cells of the arms, once they are known."""
    cells, found = trial_session(session).plan.cells, tuned(session)
    arms = open_experiment(found.next).plan.cells if found is not None and found.is_winner else ()
    return session._replace(plan=replace(session.plan, cells=(*cells, *arms)))


def _ship_again(session: Session) -> None:
    """Send what an earlier run could not send."""
    trials = trial_session(session)
    if not is_shipped(trials):
        ship_rest(trials, open_shipper(trials), AFTER_INTERRUPTION_S)


def _written(session: Session, chain: "Chain") -> Tuned:
    """Write all files; state.json last, since it says that the others are whole."""
    from rcflab.search.results import search_files
    from rcflab.search.studies import found_by

    found = [found_by(session, arm, conductor) for arm, conductor in chain.conductors.items()]
    empty = [each for each in found if not each.ranked]
    if empty:
        reasons = sorted({trial.reason for each in empty for trial in each.of("failed")})
        raise CellsFailedError(
            f"no trial of the search is complete (arms {', '.join(each.arm for each in empty)}): "
            + ("; ".join(reasons) or "all were pruned")
        )
    folder = search_folder(session)
    for name, content in search_files(session, found).items():
        path = folder / name
        if content is None:
            with storage_errors(path, "remove"):
                path.unlink(missing_ok=True)
        else:
            replace_bytes(path, content)
    assert session.spec.search is not None
    replace_json(folder / "state.json", {"studies": study_names(session), "trials": session.spec.search.trials})
    done = tuned(session)
    assert done is not None, "the files were just written"
    return done
