"""`rcflab run`: train what is missing, then the table.

open, resolve --> states --> nothing to do? ---------------------------> table
                    `-> preflight, prepare --> jobs --> Ray --> summary --> table --> hooks are told
                                                `--> shipper, progress view and budget read the ledger meanwhile
"""

import os
import sys
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Literal

import typer
from rich.console import Console

from rcflab.commands.announce import announce_near, announced
from rcflab.commands.budgeted import allowed, explained
from rcflab.commands.live import shown
from rcflab.commands.options import Arms, Base, Experiment, Seeds, Set, open_session
from rcflab.commands.sync import is_shipped, open_shipper, ship_rest
from rcflab.errors import BudgetSpentError, CellsFailedError, IncompleteError, InterruptedRunError
from rcflab.execute.batch import Batch, Resources, resolve, sweep
from rcflab.execute.driver import run_on_ray
from rcflab.execute.job import Job, JobProgress
from rcflab.execute.rules import ErrorLimit, Rule
from rcflab.execute.work import Work, find_work
from rcflab.identity import digest
from rcflab.ledger.lease import this_process
from rcflab.notify import Hook, hooks_of
from rcflab.policy_config import BudgetConfig
from rcflab.progress import Watch, Watched
from rcflab.session import LedgerView, Session, preflight, read_ledger
from rcflab.spending import BudgetRule, Spending
from rcflab.task import load_task

OnStale = Literal["ask", "reuse", "retrain"]
_PATIENCE_S = 60.0
"""For the tracking store after a run, in seconds: what it does not take by then is sent by the next run or sync."""
_IMPATIENCE_S = 10.0
"""The same after an interruption: somebody waits."""


def run_command(
    experiment: Experiment,
    set_: Set = None,
    arms: Arms = None,
    seeds: Seeds = None,
    base: Base = None,
    on_stale: Annotated[OnStale, typer.Option("--on-stale", help="Trainings that other code finished.")] = "ask",
) -> None:
    """Train and evaluate every cell of an experiment (arms x seeds) that is missing, then print its table.

    Finished cells are skipped, also those of other experiments; interrupted and failed ones go on from their last
    checkpoint: after a crash, run the same command again. Reads the YAML file and the data, writes below storage.root
    and to the tracking store. `rcflab plan` tells beforehand what it would train.

    Example: rcflab run experiments/quickstart.yaml --set training.steps=100 --seeds 1

    Exit codes: 0 all done, 2 bad input, 3 some cells failed, 69 Ray is down, 74 storage, 75 interrupted and resumable,
    130 interrupted by Ctrl-C.
    """
    session = open_session(experiment, set_, arms, seeds, base)
    resources = resolve(session.spec.resources, str(experiment))
    hooks = hooks_of(session.spec.notify, os.environ)
    sweep(session.storage)
    view = read_ledger(session)
    work = find_work(session.plan, view.keys, view.states, session.provenance.code_digest)
    choice = _choose(work, on_stale)
    jobs = work.jobs(session.plan, choice)
    console = Console(stderr=True)
    whole = arms is None and seeds is None
    with announced(session, hooks if jobs else (), console):
        if jobs or not is_shipped(session):
            _run(session, resources, jobs, hooks, console)
            view = read_ledger(session)
        _finish(session, view, choice, whole=whole)


def _run(session: Session, resources: Resources, jobs: list[Job], hooks: Sequence[Hook], console: Console) -> None:
    try:
        _run_and_ship(session, resources, jobs, hooks, console)
    except BudgetSpentError as error:
        more = explained(session, error)
        if more is not None:
            raise more from error


def _run_and_ship(
    session: Session, resources: Resources, jobs: list[Job], hooks: Sequence[Hook], console: Console
) -> None:
    if jobs:
        preflight(session)
        _prepare(session)
    shipper = open_shipper(session)
    last: dict[str, JobProgress] = {}
    patience_s = _IMPATIENCE_S
    try:
        if jobs:
            shipper.run_in_background()
            last = _train(session, resources, jobs, hooks, console)
        patience_s = _PATIENCE_S
    finally:
        pending = ship_rest(session, shipper, patience_s)
        if not pending.clear:
            console.print(
                f"{pending.events} events wait for {session.tracking_uri} ({pending.fault}); "
                "rcflab sync sends them later",
                markup=False, soft_wrap=True,
            )  # fmt: skip
    blocked = [f"{session_label(jobs, key)}: {each.reason}" for key, each in last.items() if each.phase == "blocked"]
    if blocked:
        raise InterruptedRunError("\n".join(blocked))


def _train(
    session: Session, resources: Resources, wanted: list[Job], hooks: Sequence[Hook], console: Console
) -> dict[str, JobProgress]:
    task = load_task(session.plan.task)
    finished = {key for key, state in read_ledger(session).keys.items() if state.state == "finished"}
    spending = Spending(session.storage, session.spec.name)
    jobs, held_back = allowed(session, wanted, finished, spending)
    watched = [Watched(job.train_key, job.label, task.schedule(job.config).steps) for job in jobs]
    watch = Watch(session.storage, watched, session.plan.metrics[0])
    rules = _rules(session, jobs, spending, hooks, console)
    batch = Batch.create(session.storage, this_process(), session.provenance, resources, jobs, session.spec.retries)
    console.print(f"{len(jobs)} trainings to do; starting Ray")
    with shown(watch, console):
        last = run_on_ray(batch, rules)
    if held_back:
        raise BudgetSpentError(held_back)
    return last


def _rules(
    session: Session, jobs: list[Job], spending: Spending, hooks: Sequence[Hook], console: Console
) -> list[Rule]:
    """What may end the run early."""
    stop_after, budget = session.spec.on_trial_error.stop_after, session.spec.budget
    rules: list[Rule] = []
    if stop_after is not None:
        rules.append(ErrorLimit(stop_after, {job.train_key: job.label for job in jobs}))
    if budget != BudgetConfig():
        rules.append(BudgetRule(spending, budget, partial(announce_near, session, hooks, console)))
    return rules


def _prepare(session: Session) -> None:
    """Make generated data once, before workers would race for it."""
    prepare = load_task(session.plan.task).prepare
    distinct = {digest(cell.config): cell.config for cell in session.plan.cells}
    for config in distinct.values():
        prepare(config)


def _choose(work: Work, on_stale: OnStale) -> Literal["reuse", "retrain"]:
    """What to do with trainings that other code finished; without a person to ask, refuse."""
    if on_stale != "ask":
        return on_stale
    if not work.stale:
        return "reuse"
    text = f"{len(work.stale)} trainings were finished by other code: {', '.join(work.labels)}"
    if not sys.stdin.isatty():
        raise IncompleteError(f"{text}. Run again with --on-stale reuse (footnoted in the table) or --on-stale retrain")
    typer.echo(text, err=True)
    return "retrain" if typer.confirm("Train them anew? No reuses them with a footnote", err=True) else "reuse"


def _finish(session: Session, view: LedgerView, choice: str, *, whole: bool) -> None:
    # Tests and figures take a second to load: nothing before the table waits for them.
    from rcflab.report.files import render, write_tables
    from rcflab.tables import build_table, table_provenance

    failed = [cell for cell in session.plan.cells if view.states[cell.eval_key] == "failed"]
    if failed:
        lines = [f"{cell.arm} seed {cell.seed}: {view.keys[cell.train_key].reason}" for cell in failed]
        raise CellsFailedError(
            f"{len(failed)} of {len(session.plan.cells)} cells failed, no table is made:\n" + "\n".join(lines)
        )
    table = build_table(session, view, reuse_stale=choice == "reuse")
    if whole:
        write_tables(session.experiment_folder, table, table_provenance(session, view))
    typer.echo(render(table, "md"), nl=False)


def session_label(jobs: list[Job], key: str) -> str:
    """The label of the job with train_key `key`."""
    return next(job.label for job in jobs if job.train_key == key)
