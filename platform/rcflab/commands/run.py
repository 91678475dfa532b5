"""`rcflab run`: train what is missing, then the table.

open --> run_session (rcflab/running.py), progress on stderr --> table on stdout
              `--> stale trainings: --on-stale, or ask the person at the terminal
"""

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from rcflab.commands.options import Arms, Base, Experiment, Partial, Seeds, Set, open_session
from rcflab.execute.work import Work
from rcflab.running import Choice, Choose, refuse_stale, run_session, stale_trainings
from rcflab.session import Session

if TYPE_CHECKING:
    from rcflab.searching import Tuned

OnStale = Literal["ask", "reuse", "retrain"]
OnLost = Literal["refuse", "retrain"]


def run_command(
    experiment: Experiment,
    set_: Set = None,
    arms: Arms = None,
    seeds: Seeds = None,
    base: Base = None,
    on_stale: Annotated[OnStale, typer.Option("--on-stale", help="Trainings that other code finished.")] = "ask",
    on_lost: Annotated[
        OnLost, typer.Option("--on-lost", help="Trainings to be evaluated again whose checkpoint is gone.")
    ] = "refuse",
    partial: Partial = False,
) -> None:
    """Train and evaluate every cell of an experiment (arms x seeds) that is missing, then print its table.

    Finished cells are skipped, also those of other experiments; interrupted and failed ones go on from their last
    checkpoint: after a crash, run the same command again. A finished cell whose match records are gone is evaluated
    again. Fields `on_trial_error`, `retries`, `budget` and `notify` of the file say when a run ends early.

    Reads the YAML file and the data, writes below storage.root and to the tracking store. `rcflab plan` tells
    beforehand what it would train.

    With `search:` the search comes first; the arms are then trained with the values that it found. Several objectives
    have no winner: the Pareto front is printed, and written as an experiment of its own.

    Example: rcflab run experiments/quickstart.yaml --set training.steps=100 --seeds 1

    A tracking server that does not answer holds nothing up; one that refuses login or permission is told at once.

    Exit codes: 0 all done, 2 bad input, 3 some cells failed, 69 Ray is down, 74 storage, 75 interrupted and resumable,
    130 interrupted by Ctrl-C.
    """
    session = open_session(experiment, set_, arms, seeds, base)
    if session.spec.search is not None:
        found = _searched(open_session(experiment, set_, None, None, base), on_stale)
        if not found.is_winner:
            typer.echo(found.text, nl=False)
            typer.echo(f"rcflab run {found.next} trains its points at fresh seeds", err=True)
            return
        session = open_session(found.next, None, arms, seeds, None)
    done = run_session(
        session, Console(stderr=True), _choose(on_stale), retrain_lost=on_lost == "retrain", partial=partial
    )

    from rcflab.report.files import render  # a second to load: nothing before the table waits for it

    typer.echo(render(done.table, "md"), nl=False)
    if done.fault is not None:
        raise done.fault


def _searched(session: Session, on_stale: OnStale) -> "Tuned":
    """Do the search of `session` and say where its results are."""
    from rcflab.searching import run_search

    found = run_search(session, Console(stderr=True), on_stale)
    typer.echo(f"search: {found.folder / 'search.md'}, {found.next}", err=True)
    return found


def _choose(on_stale: OnStale) -> Choose:
    """What to do with trainings that other code finished; without a person to ask, refuse."""
    if on_stale != "ask":
        return lambda work: on_stale
    return _ask if sys.stdin.isatty() else refuse_stale


def _ask(work: Work) -> Choice:
    if not work.stale:
        return "reuse"
    typer.echo(stale_trainings(work), err=True)
    return "retrain" if typer.confirm("Train them anew? No reuses them with a footnote", err=True) else "reuse"
