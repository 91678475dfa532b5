"""Jobs by Ray Train inside the Tune trial: where a cell wants a GPU or many workers, and where it is asked for.

    Tune trial (asks for no CPU) --TorchTrainer.fit--> worker 0: run_cell, the same loop --> ledger
                                                         worker r: follows               `--> last progress

A run is named by the train key and the number of the try, in a folder of this batch: Train's own resume never sees an
earlier one, since the ledger and our checkpoints already know where to go on.

A worker that dies, hangs or raises ends its group. Whether another one is started, which goes on from the newest
checkpoint, depends on what it failed of (attempts.py). Where a machine is announced to go, the group saves a checkpoint
first and ends by itself.
"""

from dataclasses import asdict
from functools import partial
from typing import Any

import ray
from fsspec.core import url_to_fs
from pyarrow.fs import FSSpecHandler, PyFileSystem
from ray import train, tune
from ray.train.torch import TorchConfig, TorchTrainer

from rcf.train.process_ranks import ProcessRanks
from rcf.train.ranks import SINGLE
from rcflab.errors import first_line
from rcflab.execute.attempts import Attempts, goes_on
from rcflab.execute.batch import Batch
from rcflab.execute.conducting import run_rank
from rcflab.execute.endings import record_loss
from rcflab.execute.failures import blame, is_out_of_reach
from rcflab.execute.job import Halt, Job, JobProgress
from rcflab.execute.process_state import ProcessState
from rcflab.execute.ray_nodes import going, leaving, leaving_here, living_ids, one_is_gone
from rcflab.execute.ray_tune import AgainError
from rcflab.execute.room import worker_needs
from rcflab.storage.address import url_of


class TrainTrainable(tune.Trainable):
    """A Tune trial that hands its job to Ray Train workers and waits."""

    def setup(self, config: dict[str, Any]) -> None:
        """Remember the job."""
        self._config = config

    def step(self) -> dict[str, Any]:
        """The whole job."""
        batch = Batch.reach(self._config)
        progress = _train(batch, batch.job(str(self._config["job"])))
        return {"progress": asdict(progress), "done": True}


def _train(batch: Batch, job: Job) -> JobProgress:
    """Start groups of workers until the job has ended, or failed in a way that is not tried again.

    Raises AgainError where this very process has to move to another machine.
    """
    attempts = Attempts(batch, job.train_key)
    while not batch.stop_requested():
        before = attempts.last
        if before is not None and before.final:
            return record_loss(batch, job, before.reason, before.failure, gone=before.attempt)
        if (halt := leaving_here()) is not None:
            raise AgainError(halt.reason)
        progress = _try(batch, job, attempts)
        if progress is not None:
            return progress
    return JobProgress(job.train_key, "interrupted", 0, 0)


def _try(batch: Batch, job: Job, attempts: Attempts) -> JobProgress | None:
    """One group of workers: the last progress of the job, None where another group should go on."""
    nodes = living_ids()
    try:
        last = _trainer(batch, job, len(attempts.losses())).fit().return_value
    except train.PreemptionError as error:
        attempts.lost("preempted", first_line(error))
        return None
    except train.WorkerGroupError as error:
        reason, failure = blame(error.worker_failures)
        if failure == "worker_lost" and is_out_of_reach(reason) and one_is_gone(nodes):
            failure = "node_lost"
        loss = attempts.lost(failure, reason)
        if not loss.final:
            return None
        # In place of the workers: each of them only knows that its attempt was lost.
        return record_loss(batch, job, loss.reason, loss.failure, str(error), loss.attempt)
    assert last is not None, "worker 0 returns its last progress"
    progress = JobProgress(**last)
    return None if goes_on(attempts, progress) else progress


def _trainer(batch: Batch, job: Job, tries: int) -> TorchTrainer:
    resources, (place, filesystem) = batch.resources, _place(batch)
    return TorchTrainer(
        train_worker,
        train_loop_config={
            **batch.address,
            "job": job.train_key,
            "home": ray.get_runtime_context().get_node_id(),
        },
        torch_config=TorchConfig(
            backend="nccl" if resources.gpus_per_worker else "gloo", timeout_s=resources.collective_timeout_s
        ),
        scaling_config=train.ScalingConfig(
            num_workers=resources.workers,
            use_gpu=resources.gpus_per_worker > 0,
            resources_per_worker=worker_needs(resources),  # packed on one node where it has room for all of them
        ),
        run_config=train.RunConfig(
            name=f"{job.train_key}-{tries}",
            storage_path=place,
            storage_filesystem=filesystem,
            # attempts.py decides, by class.
            failure_config=train.FailureConfig(max_failures=0, max_preemption_failures=0),
        ),
    )


def _place(batch: Batch) -> tuple[str, PyFileSystem | None]:
    """Where Train keeps its state, which all workers must see: a folder, or a place in a store and the way to it."""
    url = url_of(batch.folder, "storage")
    if url is None:
        return str(batch.folder / "train"), None
    system, path = url_to_fs(f"{url}/train")
    return path, PyFileSystem(FSSpecHandler(system))


def train_worker(config: dict[str, Any]) -> dict[str, Any] | None:
    """One worker; that of rank 0 returns the last progress. Raises AttemptLostError, or the defect of this rank.

    Ray Train has started the process group, and chosen this process's GPU as the current one.
    """
    batch = Batch.reach(config)
    alone = train.get_context().get_world_size() == 1
    ranks = SINGLE if alone else ProcessRanks(batch.resources.collective_timeout_s)
    notice = partial(_notice, config["home"])
    last = run_rank(ProcessState(), batch, batch.job(config["job"]), ranks, notice)
    return None if last is None else asdict(last)


def _notice(home: str) -> Halt | None:
    """Whether a machine of this group will be taken away, or the one that `home` names, from where it is led.

    All ranks meet here, since Ray Train has it so.
    """
    info = train.get_preemption_info()
    return leaving(home) if info is None else going(info.deadline_ms)
