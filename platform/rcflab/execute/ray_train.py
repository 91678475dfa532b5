"""Jobs by Ray Train inside the Tune trial: where a cell wants a GPU, and where it is asked for.

    Tune trial (a sliver of a CPU) --TorchTrainer.fit--> worker: run_cell, the same loop --> ledger
                                                            `--a file of the batch--> last progress

The run is named by the train key in a folder of this batch: Train's own resume never sees an earlier run, since the
ledger and our checkpoints already know where to go on. Metrics reported without a checkpoint are not in Train's result,
so the last progress comes back through the folder that driver and workers share.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ray import train, tune
from ray.train.torch import TorchConfig, TorchTrainer

from rcflab.execute.batch import Batch
from rcflab.execute.job import JobProgress
from rcflab.execute.local import run_cell
from rcflab.execute.process_state import ProcessState

_RETRIES = 2
"""Of a worker that died."""


class TrainTrainable(tune.Trainable):
    """A Tune trial that hands its job to a Ray Train worker and waits."""

    def setup(self, config: dict[str, Any]) -> None:
        """Remember the job."""
        self._folder, self._key = Path(config["batch"]), str(config["job"])

    def step(self) -> dict[str, Any]:
        """The whole job."""
        batch = Batch.read(self._folder)
        if batch.stop_requested():
            return {"progress": asdict(JobProgress(self._key, "interrupted", 0, 0)), "done": True}
        resources = batch.resources
        needs = {"CPU": float(resources.threads), "GPU": resources.gpus_per_worker}
        trainer = TorchTrainer(
            train_worker,
            train_loop_config={"batch": str(self._folder), "job": self._key},
            torch_config=TorchConfig(backend="nccl" if resources.gpus_per_worker else "gloo"),
            scaling_config=train.ScalingConfig(
                num_workers=resources.workers,
                use_gpu=resources.gpus_per_worker > 0,
                resources_per_worker={name: value for name, value in needs.items() if value},
            ),
            run_config=train.RunConfig(
                name=self._key,
                storage_path=str(self._folder / "train"),
                failure_config=train.FailureConfig(max_failures=_RETRIES),
            ),
        )
        trainer.fit()
        return {"progress": json.loads(_outcome(self._folder, self._key).read_text()), "done": True}


def train_worker(config: dict[str, Any]) -> None:
    """One worker. Only rank 0 writes the ledger; one worker is all there is in this version."""
    assert train.get_context().get_world_rank() == 0
    batch = Batch.read(Path(config["batch"]))
    process = ProcessState()
    last: JobProgress | None = None
    for progress in run_cell(process, batch, batch.jobs[config["job"]]):
        last = progress
    assert last is not None
    process.end(batch.resources.retire_after)
    _outcome(batch.folder, last.train_key).write_text(json.dumps(asdict(last)))


def _outcome(folder: Path, key: str) -> Path:
    return folder / f"outcome-{key}.json"
