"""A job in this process: what each executor does in the end, and the simplest executor itself.

job --process state set and asserted--> run_job --> JobProgress ... --> ended phase
[job] --one after the other--> {train_key: last progress}
"""

from collections.abc import Callable, Generator
from dataclasses import replace

from rcflab.errors import LabError, exit_code_of
from rcflab.execute.attempts import Attempts
from rcflab.execute.batch import Batch
from rcflab.execute.endings import record_loss
from rcflab.execute.failures import describe
from rcflab.execute.job import Job, JobProgress, Stop
from rcflab.execute.loop import run_job
from rcflab.execute.notices import never, stop_of
from rcflab.execute.process_state import ProcessState
from rcflab.execute.referee import judge_of
from rcflab.ledger.files import file_lock, storage_errors
from rcflab.storage.data import check_data
from rcflab.storage.opening import mirror_of
from rcflab.task import TaskSpec, load_task

_PREPARE_S = 3600.0


def run_cell(
    process: ProcessState,
    batch: Batch,
    job: Job,
    conduct: Callable[[TaskSpec], TaskSpec] = lambda task: task,
    notice: Stop = never,
) -> Generator[JobProgress]:
    """Run `job` in this process and yield after each step; close the generator to stop with a checkpoint.

    A job that lost too many processes before is not begun again: that is recorded. `conduct` makes a task of many
    processes out of the job's task, `notice` knows whether this machine will be taken away. Faults that an operator
    can act on (lease held, disk full) end in a progress of phase `blocked`: they must cross processes as data. Raises
    AttemptLostError.
    """
    task = load_task(job.task)  # its imports belong to the process state that is set next
    wide = batch.resources
    provenance = replace(batch.provenance, workers=wide.workers, threads=wide.threads, gpus=wide.gpus)
    try:
        lost = Attempts(batch, job.train_key).last
        if lost is not None and lost.final:
            yield record_loss(batch, job, lost.reason, lost.failure, gone=lost.attempt)
            return
        make_ready(batch, job)
        process.begin(wide.threads, job.seed)
        stop, judge = stop_of(batch, notice), judge_of(batch, job.train_key)
        yield from run_job(job, conduct(task), batch.storage, batch.driver, provenance, stop, lost, judge)
    except LabError as error:
        yield JobProgress(job.train_key, "blocked", 0, 0, describe(error), exit_code_of(error))


def make_ready(batch: Batch, job: Job) -> None:
    """Bring to this machine what only the driver's has: data of stores, and generated sets. Raises StorageError.

    Where driver and workers share the storage folder, the driver has made generated sets before.
    """
    check_data(batch.data)
    if mirror_of(batch.storage).is_remote:
        with storage_errors(batch.storage, "create"):
            batch.storage.mkdir(parents=True, exist_ok=True)
        with file_lock(batch.storage / "prepare.lock", _PREPARE_S):
            load_task(job.task).prepare(job.config)


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
