"""A search that begins no more trainings than its budget pays for.

JobSource.next --new training, and budget.trials are begun?--> done; the trial stays open, and a later run takes it up
"""

from pathlib import Path
from typing import Literal

from rcflab.budget import Item
from rcflab.errors import BudgetSpentError
from rcflab.execute.job import Job, JobProgress
from rcflab.execute.source import JobSource
from rcflab.ledger.reader import read_key
from rcflab.spending import Spending


class WithinTrials:
    """`source` until `limit` trainings of the experiment are begun; see rcflab.execute.source.JobSource.

    What goes on with a begun training, or only evaluates a finished one, is free, as it is in a run without a search.
    """

    def __init__(self, source: JobSource, storage: Path, experiment: str, limit: int) -> None:
        self._source, self._storage, self._limit = source, storage, limit
        self._spending = Spending(storage, experiment)  # its own: rules of the budget read theirs in another thread
        self._given: set[str] = set()
        self._is_held = False
        """Whether a new training was not begun."""

    def next(self) -> Job | Literal["wait", "done"]:
        """The next job of the source that is paid for. Raises StorageError."""
        if self._is_held:
            return "done"
        job = self._source.next()
        if isinstance(job, str):
            return job
        begun = self._spending.poll().trials
        if self._is_new(job):
            coming = sum(not self._spending.has_begun(key) for key in self._given)
            if begun + coming >= self._limit:
                self._is_held = True
                return "done"
            self._given.add(job.train_key)
        return job

    def ended(self, progress: JobProgress) -> None:
        """Told on."""
        self._source.ended(progress)

    def judge(self, train_key: str, step: int) -> bool:
        """Asked on."""
        return self._source.judge(train_key, step)

    def refuse_held(self, left: int) -> None:
        """Raises BudgetSpentError where a training was held back; `left` are the trainings that the search lacks."""
        if self._is_held:
            spent = Item("trials", self._spending.poll().trials, self._limit)
            raise BudgetSpentError([spent], f"{left} trainings of the search are left. ")

    def _is_new(self, job: Job) -> bool:
        if self._spending.has_begun(job.train_key) or job.train_key in self._given:
            return False
        return read_key(self._storage, job.train_key, series=False).state != "finished"
