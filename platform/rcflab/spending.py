"""Watches what an experiment costs, from the ledger on disk, and ends its run when the budget is spent.

    <storage>/ledger/* --Tail, Meter--> Spending.poll() -> Spent --items--> warning at 80 % | BudgetSpentError

Every ledger below the storage root is read once: also trainings that the experiment's file does not name any more cost.
A look takes a fiftieth of the time at most: with thousands of trainings the next one waits.
"""

import time
from collections.abc import Callable, Collection
from pathlib import Path

from rcflab.budget import Item, Meter, Spent, items, total
from rcflab.errors import BudgetSpentError, LabError
from rcflab.execute.job import Job, JobProgress
from rcflab.ledger.files import storage_errors
from rcflab.ledger.lines import decode_without_values
from rcflab.ledger.reader import Tail
from rcflab.policy_config import BudgetConfig

_PAUSE = 50
"""Between two looks, in durations of a look."""


class Spending:
    """What the experiment called `name` has cost so far; the wall clock starts with it."""

    def __init__(self, storage: Path, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder, self._storage, self._name, self.clock = storage / "ledger", storage, name, clock
        self._began_s = clock()
        self._ledgers: dict[str, tuple[Tail, Meter]] = {}

    def poll(self) -> Spent:
        """Read what is new. Raises StorageError."""
        with storage_errors(self._folder, "list"):
            keys = sorted(path.name for path in self._folder.iterdir()) if self._folder.is_dir() else []
        for key in keys:
            tail = Tail(self._storage, key, decode_without_values)
            tail, meter = self._ledgers.setdefault(key, (tail, Meter(self._name)))
            for event in tail.poll():
                meter.add(event)
        meters = [meter.spent() for _, meter in self._ledgers.values()]
        return total(meters, (self.clock() - self._began_s) / 3600)

    def has_begun(self, key: str) -> bool:
        """Whether this experiment began the training `key`, as of the last poll."""
        return key in self._ledgers and self._ledgers[key][1].begun


class BudgetRule:
    """Ends a run once its hours are spent; see rcflab.execute.rules.Rule. Trials are counted before it starts."""

    def __init__(self, spending: Spending, budget: BudgetConfig, warn: Callable[[Item], None]) -> None:
        """`warn` is told once of each limit that is nearly reached; it must not take long."""
        self._spending, self._budget, self._warn = spending, budget, warn
        self._warned: set[str] = set()
        self._next_s = 0.0

    def heard(self, progress: JobProgress) -> LabError | None:
        """The ledger says it all."""
        return None

    def tick(self) -> LabError | None:
        """Warn, or say what is spent. Raises StorageError."""
        began_s = self._spending.clock()
        if began_s < self._next_s:
            return None
        found = items(self._spending.poll(), self._budget)
        self._next_s = self._spending.clock() + _PAUSE * (self._spending.clock() - began_s)
        fault = fault_of([item for item in found if item.field != "trials"])
        for item in found:
            is_news = item.is_near and not item.is_spent and item.field not in self._warned
            if fault is None and is_news:
                self._warned.add(item.field)
                self._warn(item)
        return fault


def fault_of(found: list[Item]) -> BudgetSpentError | None:
    """What to say where any of these limits is reached."""
    spent = [item for item in found if item.is_spent]
    return BudgetSpentError(spent) if spent else None


def within_trials(
    jobs: list[Job], finished: Collection[str], spending: Spending, budget: BudgetConfig
) -> tuple[list[Job], list[Item]]:
    """The jobs that `budget.trials` allows, in order, and that limit where it leaves some of them out.

    Jobs that go on with a training of this experiment, or only evaluate one that is `finished`, are always allowed.
    Raises StorageError.
    """
    if budget.trials is None:
        return jobs, []
    left = budget.trials - spending.poll().trials
    allowed: list[Job] = []
    for job in jobs:
        is_new = job.train_key not in finished and not spending.has_begun(job.train_key)
        if is_new and left <= 0:
            continue
        left -= is_new
        allowed.append(job)
    if len(allowed) == len(jobs):
        return jobs, []
    return allowed, [Item("trials", budget.trials, budget.trials)]
