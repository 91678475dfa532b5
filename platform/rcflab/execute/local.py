"""The simplest executor: jobs one after the other in this process. Tests compare the others with it.

[Job] --process state set--> run_job --> JobProgress ...
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from rcflab.execute.job import Job, JobProgress
from rcflab.execute.loop import Stop, run_job
from rcflab.execute.process_state import ProcessState
from rcflab.ledger.lease import ProcessId, this_process
from rcflab.records import Provenance
from rcflab.task import load_task


def run_cell(
    process: ProcessState,
    job: Job,
    storage: Path,
    driver: ProcessId,
    provenance: Provenance,
    *,
    threads: int,
    should_stop: Stop = lambda: False,
) -> Iterator[JobProgress]:
    """One job in this process, whose state is set and asserted first: what each executor does with a job."""
    load_task(job.task)  # its imports belong to the state that is set
    process.begin(threads, job.seed)
    return run_job(job, storage, driver, provenance, should_stop)


def run_locally(
    jobs: Iterable[Job],
    storage: Path,
    provenance: Provenance,
    *,
    threads: int = 1,
    heard: Callable[[JobProgress], None] = lambda progress: None,
) -> list[JobProgress]:
    """Run `jobs` here, report each progress to `heard`, and return the last progress of each job."""
    process = ProcessState()
    last: dict[str, JobProgress] = {}
    for job in jobs:
        for progress in run_cell(process, job, storage, this_process(), provenance, threads=threads):
            last[job.train_key] = progress
            heard(progress)
    return list(last.values())
