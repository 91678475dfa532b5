"""What driver and workers share during one `rcflab run`: a folder that both can see.

<storage>/ray/<batch>/   batch.json  jobs, resources, provenance, retries, data: written once, before Ray starts
                         losses/     what each job has lost so far; see attempts.py
                         jobs/       those that came up later, one file each
                         beat        rewritten while the driver lives, where no file could be touched
                         stop        appears when the run should end: every job saves a checkpoint and ends
                         ...         Ray's own state, a cache that nothing is ever restored from

Where the storage is a store of objects, each of these files is one, and every node's folder follows them.
"""

import json
import os
import shutil
import sys
import time
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from rcflab.errors import InputError, Problem, StorageError
from rcflab.execute.job import Job
from rcflab.ledger.files import storage_errors
from rcflab.ledger.lease import ProcessId
from rcflab.policy_config import RetriesConfig
from rcflab.records import Provenance
from rcflab.schema import ResourcesConfig
from rcflab.storage.address import cache_of, placed, unplaced
from rcflab.storage.opening import address_of, mirror_of
from rcflab.storage.pace import Pace

FILE = "batch.json"
_BEAT = "beat"
_LOOK_EVERY_S = 5.0
"""A node asks a store for what others have written; a request each."""


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


def _look_pace() -> Pace:
    return Pace(_LOOK_EVERY_S)


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
    data: Mapping[str, str] = field(default_factory=dict[str, str])
    """Address of a set in a store -> digest of its content, as the driver has it."""
    _look: Pace = field(default_factory=_look_pace, compare=False, repr=False)

    @classmethod
    def create(
        cls,
        storage: Path,
        driver: ProcessId,
        provenance: Provenance,
        resources: Resources,
        jobs: Iterable[Job],
        retries: RetriesConfig | None = None,
        data: Mapping[str, str] | None = None,
    ) -> Self:
        """A new batch with its folder. Raises StorageError."""
        name, by_key = f"run-{uuid.uuid4().hex[:12]}", {job.train_key: job for job in jobs}
        allowed = (retries or RetriesConfig()).model_dump()
        batch = cls(storage, name, driver, provenance, resources, by_key, allowed, data or {})
        value = {
            "driver": asdict(driver),
            "provenance": asdict(provenance),
            "resources": asdict(resources),
            "jobs": [unplaced(job.to_json()) for job in batch.jobs.values()],
            "retries": allowed,
            "data": dict(batch.data),
        }
        with storage_errors(batch.folder, "create"):
            batch.folder.mkdir(parents=True)
        batch.write(batch.folder / FILE, json.dumps(value, indent=1, allow_nan=False))
        return batch

    @property
    def address(self) -> dict[str, str]:
        """What `reach` finds it by, on any node."""
        return {"storage": address_of(self.storage), "batch": self.name}

    @classmethod
    def reach(cls, address: Mapping[str, str]) -> Self:
        """The batch with this address, from any node. Raises StorageError."""
        storage = cache_of(address["storage"], "storage")
        mirror_of(storage).fetch(f"ray/{address['batch']}")
        return cls.read(storage / "ray" / address["batch"])

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The batch in `folder`."""
        value = json.loads((folder / FILE).read_text())
        jobs = [Job.from_json(placed(each)) for each in value["jobs"]]
        return cls(
            folder.parents[1],
            folder.name,
            ProcessId(**value["driver"]),
            Provenance(**value["provenance"]),
            Resources(**value["resources"]),
            {job.train_key: job for job in jobs},
            value["retries"],
            value["data"],
        )

    @property
    def folder(self) -> Path:
        """Shared by driver and workers."""
        return self.storage / "ray" / self.name

    def add(self, job: Job) -> None:
        """Make a job known that came up while the batch runs: to this process, and to workers by `job`."""
        self.jobs[job.train_key] = job
        self.write(self._job_file(job.train_key), json.dumps(unplaced(job.to_json()), indent=1, allow_nan=False))

    def job(self, train_key: str) -> Job:
        """A job of the batch, whether it was known at the start or added."""
        if train_key not in self.jobs:
            if not self._job_file(train_key).exists():
                self.look(at_once=True)
            return Job.from_json(placed(json.loads(self._job_file(train_key).read_text())))
        return self.jobs[train_key]

    def _job_file(self, train_key: str) -> Path:
        return self.folder / "jobs" / f"{train_key}.json"

    def request_stop(self) -> None:
        """Ask every job to save a checkpoint and end."""
        self.write(self.folder / "stop", "")

    def stop_requested(self) -> bool:
        """True once the run should end, also when the batch is gone: nobody waits for the result then."""
        self.look()
        return (self.folder / "stop").exists() or not (self.folder / FILE).exists()

    def write(self, path: Path, text: str) -> None:
        """Make a file of the batch, for every node to see. Raises StorageError."""
        with storage_errors(path.parent, "create"):
            path.parent.mkdir(parents=True, exist_ok=True)
        mirror_of(self.storage).write(path, text.encode())

    def remove(self, path: Path) -> None:
        """Take a file of the batch away, if it is there. Raises StorageError."""
        mirror_of(self.storage).drop(path)
        with storage_errors(path, "remove"):
            path.unlink(missing_ok=True)

    def look(self, *, at_once: bool = False) -> None:
        """See what other nodes have written: `at_once`, or some seconds after the last look. Raises StorageError."""
        mirror = mirror_of(self.storage)
        if mirror.is_remote and (at_once or self._look.is_due()):
            mirror.fetch(f"ray/{self.name}")

    def beat(self) -> None:
        """Show workers on other machines that the driver lives. Raises StorageError."""
        if mirror_of(self.storage).is_remote:
            self.write(self.folder / _BEAT, str(time.time_ns()))
            return
        with storage_errors(self.folder / FILE, "touch"):
            os.utime(self.folder / FILE)

    def last_beat(self) -> float:
        """When the driver last did, as this machine has seen it, in seconds; only compared. Raises OSError."""
        self.look()
        path = self.folder / (_BEAT if mirror_of(self.storage).is_remote else FILE)
        with path.open("rb") as file:  # opened, since a network file system looks anew only then
            return os.fstat(file.fileno()).st_mtime

    def delete(self) -> None:
        """Remove the folder: Ray's state is of no use after the run."""
        with suppress(StorageError):  # the next run sweeps
            mirror_of(self.storage).drop(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)


def machine_cpus() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
