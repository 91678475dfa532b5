"""Jobs that are not known beforehand: each is asked for when there is room, and what came of it is told.

JobSource.next --> Job --> Batch.add --> actor --> ledger --> JobSource.ended
                                           `-- after an evaluation: question --> JobSource.judge --> answer
"""

from collections.abc import Callable
from typing import Literal, Protocol

from rcflab.execute.batch import Batch
from rcflab.execute.job import ENDED, Job, JobProgress
from rcflab.execute.local import run_cell
from rcflab.execute.process_state import ProcessState
from rcflab.execute.referee import refereed


class JobSource(Protocol):
    """Where jobs come from while a batch runs. `judge` may be called from another thread than the others."""

    def next(self) -> Job | Literal["wait", "done"]:
        """A job that can start now, `wait` while one that runs decides what comes, `done` where none comes any more."""
        ...

    def ended(self, progress: JobProgress) -> None:
        """A job that `next` gave has come to this end."""
        ...

    def judge(self, train_key: str, step: int) -> bool:
        """Whether a running job ends after the evaluation of `step`, as pruned."""
        ...


def run_source_locally(batch: Batch, source: JobSource, stop: Callable[[], bool]) -> dict[str, JobProgress]:
    """Run the jobs of `source` here, one after the other; returns the last progress of each."""
    process, last = ProcessState(), dict[str, JobProgress]()
    with refereed(batch, source.judge):
        while not stop():
            job = source.next()
            if isinstance(job, str):
                assert job == "done", "nothing runs that could decide what comes"
                break
            batch.add(job)
            for progress in run_cell(process, batch, job):
                last[job.train_key] = progress
            process.end(batch.resources.retire_after)
            assert last[job.train_key].phase in ENDED, "a job's last progress has an ended phase"
            source.ended(last[job.train_key])
    return last
