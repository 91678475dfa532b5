"""A run from its plan to its table: what `rcflab run` does, and a notebook without a command line.

Session --write_plan, states--> Work --choose--> jobs --> preflight, prepare --> Ray --> ledger --> table, files
                             nothing to do? ----------------------------------------------^   `--> hooks are told
                                               `--> shipper, progress view and budget read the ledger meanwhile

Returns values and raises rcflab.errors; it prints progress on the console that it is given, and asks through `choose`.
"""

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from rich.console import Console

from rcflab.commands.announce import announced
from rcflab.commands.budgeted import allowed, budget_rules, explained
from rcflab.commands.live import shown
from rcflab.commands.publish import publish_table
from rcflab.commands.sync import AFTER_INTERRUPTION_S, AFTER_RUN_S, ask_store, is_shipped, open_shipper, ship_or_say
from rcflab.errors import BudgetSpentError, CellsFailedError, IncompleteError, InterruptedRunError
from rcflab.execute.batch import Batch, Resources, resolve
from rcflab.execute.driver import run_on_ray
from rcflab.execute.job import Job, JobProgress, ordered
from rcflab.execute.orphans import sweep
from rcflab.execute.rules import ErrorLimit, Rule
from rcflab.execute.work import Work, find_work
from rcflab.ledger.lease import this_process
from rcflab.notify import Hook, hooks_of
from rcflab.plan_file import write_plan
from rcflab.progress import Watch, Watched
from rcflab.session import LedgerView, Session, keep_results, preflight, prepare, read_ledger
from rcflab.spending import Spending
from rcflab.storage.opening import mirror_of
from rcflab.task import load_task
from rcflab.track.shipper import Pending

if TYPE_CHECKING:  # its statistics take most of a second to load
    from rcflab.ablation import AblationTable

Choice = Literal["reuse", "retrain"]
Choose = Callable[[Work], Choice]
"""What to do with the trainings in `Work.stale`, which other code finished; it may raise IncompleteError."""


class Finished(NamedTuple):
    """A run that came to its end with every cell done, or with a partial table."""

    view: LedgerView
    table: "AblationTable"
    fault: CellsFailedError | None = None
    """Of a partial table: the cells that failed."""


def run_session(
    session: Session, console: Console, choose: Choose, *, retrain_lost: bool = False, partial: bool = False
) -> Finished:
    """Train and evaluate every cell of the plan that is missing, then make the table; files, if the plan is whole.

    `retrain_lost` trains anew what is trained, has to be evaluated again, and lost its checkpoint; without it that
    raises IncompleteError. `partial` makes a table also where cells failed.

    Raises what stands in the way as rcflab.errors (CellsFailedError,
    InputError, InterruptedRunError, ServiceDownError, StorageError, whatever `choose` raises), and KeyboardInterrupt
    after Ctrl-C once checkpoints are saved: the same call goes on from there.
    """
    resources = resolve(session.spec.resources, str(session.path))
    hooks = hooks_of(session.spec.notify, os.environ)
    mirror_of(session.storage).check()
    sweep(session.storage)
    write_plan(session)
    keep_results(session)
    view = read_ledger(session, series=False)
    work = find_work(session.plan, view.keys, view.states, session.provenance.code_digest)
    choice = choose(work)
    jobs = ordered(work.jobs(session.plan, choice), session.spec.resources.order)
    if not retrain_lost:
        _refuse_lost(session, view, [job for job in jobs if choice == "reuse" or job.train_key not in work.stale])
    waiting = False
    with announced(session, hooks if jobs else (), console):
        if jobs or not is_shipped(session):
            waiting = not _run(session, view, resources, jobs, hooks, console)
            view = read_ledger(session, series=False)
        done = _finish(session, view, choice, partial)
        keep_results(session)
        if session.is_whole and not waiting and not done.table.left_out:
            _publish(session, done.table, console)
        return done


def refuse_stale(work: Work) -> Choice:
    """A `Choose` without a person to ask. Raises IncompleteError that names the stale trainings."""
    if not work.stale:
        return "reuse"
    raise IncompleteError(
        f"{stale_trainings(work)}. Run again with --on-stale reuse (footnoted in the table) or --on-stale retrain; "
        "in Python, run(on_stale=...)"
    )


def stale_trainings(work: Work) -> str:
    """The stale trainings of `work`, for people."""
    return f"{len(work.stale)} trainings were finished by other code: {', '.join(work.labels)}"


def _refuse_lost(session: Session, view: LedgerView, jobs: list[Job]) -> None:
    """Trainings are long: one that is done is not done again in silence because its weights are gone."""
    lost: list[str] = []
    mirror = mirror_of(session.storage)
    for job in jobs:
        state = view.keys[job.train_key]
        mirror.fetch(f"cells/{job.train_key}/checkpoints")
        if state.state == "finished" and state.checkpoint and not (session.storage / state.checkpoint.path).is_dir():
            lost.append(f"{job.label} is trained, but its checkpoint {session.storage / state.checkpoint.path} is gone")
    if lost:
        lost.append("They have to be evaluated again. Bring the folders back, or train anew with --on-lost retrain")
        raise IncompleteError("\n".join(lost))


def _run(
    session: Session, view: LedgerView, resources: Resources, jobs: list[Job], hooks: Sequence[Hook], console: Console
) -> bool:
    """Whether the tracking store has it all in the end."""
    try:
        return _run_and_ship(session, view, resources, jobs, hooks, console).clear
    except BudgetSpentError as error:
        more = explained(session, error)
        if more is not None:
            raise more from error
        return is_shipped(session)


def _run_and_ship(
    session: Session, view: LedgerView, resources: Resources, jobs: list[Job], hooks: Sequence[Hook], console: Console
) -> Pending:
    if jobs:
        preflight(session)
        ask_store(session, console)
    shipper = open_shipper(session)
    if jobs:
        prepare(session)
    last: dict[str, JobProgress] = {}
    patience_s = AFTER_INTERRUPTION_S
    try:
        if jobs:
            shipper.run_in_background()
            last = _train(session, view, resources, jobs, hooks, console)
        patience_s = AFTER_RUN_S
    finally:
        pending = ship_or_say(session, shipper, patience_s, console)
    blocked = [f"{_label(jobs, key)}: {each.reason}" for key, each in last.items() if each.phase == "blocked"]
    if blocked:
        raise InterruptedRunError("\n".join(blocked))
    return pending


def _publish(session: Session, table: "AblationTable", console: Console) -> None:
    """Arms and files of the table go to the store; one that does not take them has not spoilt the run."""
    fault = publish_table(session, table, AFTER_RUN_S)
    if fault is not None:
        text = f"the table waits for {session.tracking_uri} ({fault}); rcflab sync sends it later"
        console.print(text, markup=False, soft_wrap=True)


def _train(
    session: Session, view: LedgerView, resources: Resources, wanted: list[Job], hooks: Sequence[Hook], console: Console
) -> dict[str, JobProgress]:
    task = load_task(session.plan.task)
    finished = {key for key, state in view.keys.items() if state.state == "finished"}
    spending = Spending(session.storage, session.spec.name)
    jobs, held_back = allowed(session, wanted, finished, spending)
    watched = [Watched(job.train_key, job.label, task.schedule(job.config).steps) for job in jobs]
    watch = Watch(session.storage, watched, session.plan.metrics[0])
    rules = _rules(session, jobs, spending, hooks, console)
    batch = Batch.create(
        session.storage, this_process(), session.provenance, resources, jobs, session.spec.retries, session.data
    )
    console.print(f"{len(jobs)} trainings to do; starting Ray")
    with shown(watch, console):
        last = run_on_ray(batch, rules, note=watch.note)
    if held_back:
        raise BudgetSpentError(held_back)
    return last


def _rules(
    session: Session, jobs: list[Job], spending: Spending, hooks: Sequence[Hook], console: Console
) -> list[Rule]:
    """What may end the run early."""
    stop_after = session.spec.on_trial_error.stop_after
    rules: list[Rule] = budget_rules(session, spending, hooks, console)
    if stop_after is None:
        return rules
    return [ErrorLimit(stop_after, {job.train_key: job.label for job in jobs}), *rules]


def _finish(session: Session, view: LedgerView, choice: Choice, partial: bool) -> Finished:
    # Tests and figures take a second to load: nothing before the table waits for them.
    from rcflab.pages import Told, write_report
    from rcflab.report.files import write_tables
    from rcflab.tables import build_table, table_folder, table_provenance

    fault: CellsFailedError | None = None
    failed = [cell for cell in session.plan.cells if view.states[cell.eval_key] == "failed"]
    if failed:
        lines = [f"{cell.arm} seed {cell.seed}: {view.keys[cell.train_key].reason}" for cell in failed]
        made = "the table goes without them" if partial else "no table is made"
        text = f"{len(failed)} of {len(session.plan.cells)} cells failed, {made}:\n" + "\n".join(lines)
        fault = CellsFailedError(text)
        if not partial:
            raise fault
    table = build_table(session, view, reuse_stale=choice == "reuse", partial=partial)
    if session.is_whole:
        write_tables(table_folder(session, table), table, table_provenance(session, view))
        faults = tuple(f"{each.arm} seed {each.seed}: {each.why}" for each in table.left_out)
        # Pictures of the way need the curves, which nothing before them reads.
        write_report(session, read_ledger(session), Told(table, faults))
    return Finished(view, table, fault)


def _label(jobs: list[Job], key: str) -> str:
    """The label of the job with train_key `key`."""
    return next(job.label for job in jobs if job.train_key == key)
