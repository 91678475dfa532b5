"""A job in this process: what each executor does in the end, and the simplest executor itself.

job --process state set and asserted--> run_job --> JobProgress ... --> ended phase
[job] --one after the other--> {train_key: last progress}
"""

from collections.abc import Callable, Generator
from dataclasses import replace

from rcflab.errors import LabError, exit_code_of
from rcflab.execute.batch import Batch
from rcflab.execute.failures import describe
from rcflab.execute.job import Job, JobProgress
from rcflab.execute.loop import run_job
from rcflab.execute.process_state import ProcessState
from rcflab.execute.referee import judge_of
from rcflab.task import TaskSpec, load_task


def run_cell(
    process: ProcessState, batch: Batch, job: Job, conduct: Callable[[TaskSpec], TaskSpec] = lambda task: task
) -> Generator[JobProgress]:
    """Run `job` in this process and yield after each step; close the generator to stop with a checkpoint.

    `conduct` makes a task of many processes out of the job's task. Faults that an operator can act on (lease held,
    disk full) end in a progress of phase `blocked`: they must cross processes as data. Raises AttemptLostError.
    """
    task = load_task(job.task)  # its imports belong to the process state that is set next
    provenance = replace(batch.provenance, workers=batch.resources.workers)
    try:
        process.begin(batch.resources.threads, job.seed)
        judge = judge_of(batch, job.train_key)
        yield from run_job(job, conduct(task), batch.storage, batch.driver, provenance, batch.stop_requested, judge)
    except LabError as error:
        yield JobProgress(job.train_key, "blocked", 0, 0, describe(error), exit_code_of(error))


def run_locally(batch: Batch, heard: Callable[[JobProgress], None] = lambda progress: None) -> dict[str, JobProgress]:
    """Run all jobs here, report each progress to `heard`, and return the last one of each job."""
    process = ProcessState()
    last: dict[str, JobProgress] = {}
    for key, job in batch.jobs.items():
        for progress in run_cell(process, batch, job):
            last[key] = progress
            heard(progress)
        process.end(batch.resources.retire_after)
    return last
