"""A run from its plan to its table: what `rcflab run` does, and a notebook without a command line.

Session --states--> Work --choose--> jobs --> preflight, prepare --> Ray --> ledger --> table, files
                             nothing to do? ----------------------------------------------^
                                               `--> shipper and progress view read the ledger meanwhile

Returns values and raises rcflab.errors; it prints progress on the console that it is given, and asks through `choose`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple

from rich.console import Console

from rcflab.commands.live import shown
from rcflab.commands.sync import is_shipped, open_shipper, ship_rest
from rcflab.errors import CellsFailedError, IncompleteError, InterruptedRunError
from rcflab.execute.batch import Batch, Resources, resolve, sweep
from rcflab.execute.driver import run_on_ray
from rcflab.execute.job import Job, JobProgress
from rcflab.execute.work import Work, find_work
from rcflab.identity import digest
from rcflab.ledger.lease import this_process
from rcflab.progress import Watch, Watched
from rcflab.session import LedgerView, Session, preflight, read_ledger
from rcflab.task import load_task

if TYPE_CHECKING:  # its statistics take most of a second to load
    from rcflab.ablation import AblationTable

Choice = Literal["reuse", "retrain"]
Choose = Callable[[Work], Choice]
"""What to do with the trainings in `Work.stale`, which other code finished; it may raise IncompleteError."""

_PATIENCE_S = 60.0
"""For the tracking store after a run, in seconds: what it does not take by then is sent by the next run or sync."""
_IMPATIENCE_S = 10.0
"""The same after an interruption: somebody waits."""


class Finished(NamedTuple):
    """A run that came to its end with every cell done."""

    view: LedgerView
    table: "AblationTable"


def run_session(session: Session, console: Console, choose: Choose) -> Finished:
    """Train and evaluate every cell of the plan that is missing, then make the table; files, if the plan is whole.

    Raises what stands in the way as rcflab.errors (CellsFailedError,
    InputError, InterruptedRunError, ServiceDownError, StorageError, whatever `choose` raises), and KeyboardInterrupt
    after Ctrl-C once checkpoints are saved: the same call goes on from there.
    """
    resources = resolve(session.spec.resources, str(session.path))
    sweep(session.storage)
    view = read_ledger(session)
    work = find_work(session.plan, view.keys, view.states, session.provenance.code_digest)
    choice = choose(work)
    jobs = work.jobs(session.plan, choice)
    if jobs or not is_shipped(session):
        _run(session, resources, jobs, console)
        view = read_ledger(session)
    return _finish(session, view, choice)


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


def _run(session: Session, resources: Resources, jobs: list[Job], console: Console) -> None:
    if jobs:
        preflight(session)
        _prepare(session)
    shipper = open_shipper(session)
    last: dict[str, JobProgress] = {}
    patience_s = _IMPATIENCE_S
    try:
        if jobs:
            shipper.run_in_background()
            last = _train(session, resources, jobs, console)
        patience_s = _PATIENCE_S
    finally:
        pending = ship_rest(session, shipper, patience_s)
        if not pending.clear:
            console.print(
                f"{pending.events} events wait for {session.tracking_uri} ({pending.fault}); "
                "rcflab sync sends them later",
                markup=False, soft_wrap=True,
            )  # fmt: skip
    blocked = [f"{_label(jobs, key)}: {each.reason}" for key, each in last.items() if each.phase == "blocked"]
    if blocked:
        raise InterruptedRunError("\n".join(blocked))


def _train(session: Session, resources: Resources, jobs: list[Job], console: Console) -> dict[str, JobProgress]:
    task = load_task(session.plan.task)
    watched = [Watched(job.train_key, job.label, task.schedule(job.config).steps) for job in jobs]
    watch = Watch(session.storage, watched, session.plan.metrics[0])
    batch = Batch.create(session.storage, this_process(), session.provenance, resources, jobs)
    console.print(f"{len(jobs)} trainings to do; starting Ray")
    with shown(watch, console):
        return run_on_ray(batch)


def _prepare(session: Session) -> None:
    """Make generated data once, before workers would race for it."""
    prepare = load_task(session.plan.task).prepare
    distinct = {digest(cell.config): cell.config for cell in session.plan.cells}
    for config in distinct.values():
        prepare(config)


def _finish(session: Session, view: LedgerView, choice: Choice) -> Finished:
    # Tests and figures take a second to load: nothing before the table waits for them.
    from rcflab.report.files import write_tables
    from rcflab.tables import build_table, table_provenance

    failed = [cell for cell in session.plan.cells if view.states[cell.eval_key] == "failed"]
    if failed:
        lines = [f"{cell.arm} seed {cell.seed}: {view.keys[cell.train_key].reason}" for cell in failed]
        raise CellsFailedError(
            f"{len(failed)} of {len(session.plan.cells)} cells failed, no table is made:\n" + "\n".join(lines)
        )
    table = build_table(session, view, reuse_stale=choice == "reuse")
    if session.is_whole:
        write_tables(session.experiment_folder, table, table_provenance(session, view))
    return Finished(view, table)


def _label(jobs: list[Job], key: str) -> str:
    """The label of the job with train_key `key`."""
    return next(job.label for job in jobs if job.train_key == key)
