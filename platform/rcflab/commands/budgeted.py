"""The budget of one run: what may start, what is watched meanwhile, and what is said once it is spent.

jobs --allowed--> those that the budget still pays for, or BudgetSpentError before anything starts
run ends with BudgetSpentError --explained--> the same with what is done, what is left, which field to raise
"""

import functools
from collections.abc import Collection, Sequence
from dataclasses import replace

from rich.console import Console

from rcflab.budget import Item, items
from rcflab.commands.announce import announce_near
from rcflab.errors import BudgetSpentError
from rcflab.estimate import Estimate, estimate
from rcflab.execute.job import Job
from rcflab.execute.rules import Rule
from rcflab.notify import Hook
from rcflab.policy_config import BudgetConfig
from rcflab.session import LedgerView, Session, read_ledger
from rcflab.spending import BudgetRule, Spending, fault_of, within_trials


def allowed(
    session: Session, jobs: list[Job], finished: Collection[str], spending: Spending
) -> tuple[list[Job], list[Item]]:
    """The jobs that may start, and the limits that hold others back. Raises BudgetSpentError where none may.

    `finished` are the trainings that need no more steps.
    """
    budget = session.spec.budget
    fault = fault_of([item for item in items(spending.poll(), budget) if item.field != "trials"])
    if fault is not None:
        raise fault
    may, held = within_trials(jobs, finished, spending, budget)
    if not may:
        raise BudgetSpentError(held)
    return may, held


def explained(session: Session, error: BudgetSpentError) -> BudgetSpentError | None:
    """`error` with what is done and left; None where the last cells were done before the run could be stopped."""
    view = read_ledger(session)
    done = sum(state == "done" for state in view.states.values())
    cells = len(view.states)
    if done == cells:
        return None
    cost = estimate(session.plan, view.keys, view.states, {}, session.provenance.code_digest)
    hours = "" if cost is None or cost.hours is None else f" (about {cost.hours:.2g} hours one after the other)"
    left = f"{done} of {cells} trials are done, {cells - done} are left{hours}; what ran has saved a checkpoint. "
    return BudgetSpentError(error.spent, left)


def budget_rules(session: Session, spending: Spending, hooks: Sequence[Hook], console: Console) -> list[Rule]:
    """What ends a run, or a search, whose budget is spent; nothing where it has none."""
    budget = session.spec.budget
    if budget == BudgetConfig():
        return []
    return [BudgetRule(spending, budget, functools.partial(announce_near, session, hooks, console))]


def budget_state(session: Session, view: LedgerView, cost: Estimate | None) -> list[tuple[Item, float | None]]:
    """Each limit with what the rest will take of it, None where nothing tells.

    Of wall time nothing is spent, since it is counted for each run; what it needs is as if cells filled all places.
    """
    budget = session.spec.budget
    if budget == BudgetConfig():
        return []
    spending = Spending(session.storage, session.spec.name)
    spent = replace(spending.poll(), wall_hours=0.0)
    unbegun = {key for key, state in view.keys.items() if state.state != "finished" and not spending.has_begun(key)}
    hours = None if cost is None else cost.hours
    resources = session.spec.resources
    per_hour = {
        "cpu_hours": resources.workers * resources.threads,
        "gpu_hours": resources.workers * resources.gpus_per_worker,
        "wall_hours": 1 / (resources.max_concurrent or 1),
    }
    needed = {name: None if hours is None else hours * each for name, each in per_hour.items()}
    return [
        (item, float(len(unbegun)) if item.field == "trials" else needed[item.field]) for item in items(spent, budget)
    ]


def budget_line(item: Item, needed: float | None) -> str:
    """One limit for people."""
    if needed is None:
        return f"budget: {item} spent; what is left to train will show once a cell is finished"
    whole = item.spent + needed
    verdict = "it suffices" if whole <= item.limit else f"not enough: raise budget.{item.field} to {whole:.3g} or more"
    return f"budget: {item} spent, about {needed:.3g} left to do: {verdict}"
