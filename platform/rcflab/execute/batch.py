"""What driver and workers share during one `rcflab run`: a folder that both can see.

<storage>/ray/<batch>/   batch.json  jobs, resources, provenance, retries: written once, before Ray starts
                         losses/     what each job has lost so far; see attempts.py
                         jobs/       those that came up later, one file each
                         stop        appears when the run should end: every job saves a checkpoint and ends
                         ...         Ray's own state, a cache that nothing is ever restored from
"""

import json
import os
import shutil
import sys
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from rcflab.errors import InputError, Problem
from rcflab.execute.job import Job
from rcflab.ledger.files import replace_json, storage_errors
from rcflab.ledger.lease import ProcessId
from rcflab.policy_config import RetriesConfig
from rcflab.records import Provenance
from rcflab.schema import ResourcesConfig

FILE = "batch.json"


@dataclass(frozen=True, slots=True)
class Resources:
    """How wide a cell runs, with every `auto` resolved."""

    train: bool
    """By Ray Train inside the Tune trial; otherwise inside the Tune actor itself."""
    workers: int
    threads: int
    gpus_per_worker: float
    max_concurrent: int | None
    reuse: bool
    retire_after: int
    collective_timeout_s: int = 600
    """How long a worker waits for the others."""
    grows: bool = False
    """An autoscaler brings nodes for cells that find no room."""

    @property
    def cpus(self) -> int:
        """CPUs of one cell."""
        return self.workers * self.threads

    @property
    def gpus(self) -> float:
        """GPUs of one cell."""
        return self.workers * self.gpus_per_worker


def resolve(config: ResourcesConfig, file: str, cpus: int | None = None) -> Resources:
    """Decide `auto` and refuse what can't run on `cpus` CPUs, those of this machine unless a cluster is named.

    Raises InputError. What a cluster has is known once Ray is connected.
    """
    if cpus is None:
        cpus = sys.maxsize if os.environ.get("RAY_ADDRESS") else machine_cpus()
    many = config.workers > 1
    problems: list[Problem] = []
    if many and config.executor == "inline":
        hint = "Only Ray Train starts more than one process; or set resources.workers to 1"
        problems.append(Problem(file, "resources.executor", "inline", "auto or train", hint))
    if many and config.gpus_per_worker % 1:
        hint = "Workers of one training cannot share a GPU; cells can, with one worker each"
        problems.append(Problem(file, "resources.gpus_per_worker", str(config.gpus_per_worker), "a whole number", hint))
    if config.workers * config.threads > cpus:
        got = f"{config.workers} x {config.threads} threads"
        place = "resources.workers" if config.threads <= cpus else "resources.threads"
        problems.append(Problem(file, place, got, f"at most the {cpus} CPUs of this machine"))
    if problems:
        raise InputError(problems)
    train = config.executor == "train" or (config.executor == "auto" and (many or config.gpus_per_worker > 0))
    return Resources(
        train, config.workers, config.threads, config.gpus_per_worker, config.max_concurrent, config.reuse,
        config.retire_after, config.collective_timeout_s, config.grows,
    )  # fmt: skip


def _default_retries() -> dict[str, int]:
    return RetriesConfig().model_dump()


@dataclass(frozen=True, slots=True)
class Batch:
    """All jobs of one run."""

    storage: Path
    name: str
    driver: ProcessId
    provenance: Provenance
    resources: Resources
    jobs: dict[str, Job]
    """By train_key, in the order in which they should start."""
    retries: Mapping[str, int] = field(default_factory=_default_retries)
    """How often a job is tried again, by class of failure; see rcflab.policy_config.RetriesConfig."""

    @classmethod
    def create(
        cls,
        storage: Path,
        driver: ProcessId,
        provenance: Provenance,
        resources: Resources,
        jobs: Iterable[Job],
        retries: RetriesConfig | None = None,
    ) -> Self:
        """A new batch with its folder. Raises StorageError."""
        name, by_key = f"run-{uuid.uuid4().hex[:12]}", {job.train_key: job for job in jobs}
        allowed = (retries or RetriesConfig()).model_dump()
        batch = cls(storage, name, driver, provenance, resources, by_key, allowed)
        value = {
            "storage": str(storage),
            "driver": asdict(driver),
            "provenance": asdict(provenance),
            "resources": asdict(resources),
            "jobs": [job.to_json() for job in batch.jobs.values()],
            "retries": allowed,
        }
        with storage_errors(batch.folder, "create"):
            batch.folder.mkdir(parents=True)
        replace_json(batch.folder / FILE, value)
        return batch

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The batch in `folder`."""
        value = json.loads((folder / FILE).read_text())
        jobs = [Job.from_json(each) for each in value["jobs"]]
        return cls(
            Path(value["storage"]),
            folder.name,
            ProcessId(**value["driver"]),
            Provenance(**value["provenance"]),
            Resources(**value["resources"]),
            {job.train_key: job for job in jobs},
            value["retries"],
        )

    @property
    def folder(self) -> Path:
        """Shared by driver and workers."""
        return self.storage / "ray" / self.name

    def add(self, job: Job) -> None:
        """Make a job known that came up while the batch runs: to this process, and to workers by `job`."""
        self.jobs[job.train_key] = job
        with storage_errors(self.folder, "create"):
            (self.folder / "jobs").mkdir(exist_ok=True)
        replace_json(self._job_file(job.train_key), job.to_json())

    def job(self, train_key: str) -> Job:
        """A job of the batch, whether it was known at the start or added."""
        if train_key not in self.jobs:
            return Job.from_json(json.loads(self._job_file(train_key).read_text()))
        return self.jobs[train_key]

    def _job_file(self, train_key: str) -> Path:
        return self.folder / "jobs" / f"{train_key}.json"

    def request_stop(self) -> None:
        """Ask every job to save a checkpoint and end."""
        (self.folder / "stop").touch()

    def stop_requested(self) -> bool:
        """True once the run should end, also when its folder is gone: nobody waits for the result then."""
        return (self.folder / "stop").exists() or not self.folder.exists()

    def beat(self) -> None:
        """Show workers on other machines that the driver lives. Raises StorageError."""
        with storage_errors(self.folder / FILE, "touch"):
            os.utime(self.folder / FILE)

    def last_beat(self) -> float:
        """When the driver last did, in seconds of the file system's clock; only compared. Raises OSError."""
        with (self.folder / FILE).open("rb") as file:  # opened, since a network file system looks anew only then
            return os.fstat(file.fileno()).st_mtime

    def delete(self) -> None:
        """Remove the folder: Ray's state is of no use after the run."""
        shutil.rmtree(self.folder, ignore_errors=True)


def machine_cpus() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
