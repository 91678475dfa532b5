"""What a training was asked to do, beside its files: enough to do it again without the experiment's file.

cells/<train_key>/job.json    task, seed, resolved configuration; for each eval_key the configuration of its evaluation

Places of data and weights are in it as paths; the keys tell whether their content is still the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from rcflab.execute.checkpoints import Guard
from rcflab.execute.job import Job
from rcflab.ledger.files import read_versioned, replace_json, storage_errors
from rcflab.records import Json
from rcflab.storage.mirror import PLAIN, Mirror

FILE = "job.json"
_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One training as it was asked for."""

    train_key: str
    task: str
    seed: int
    config: Mapping[str, Json]
    evaluations: Mapping[str, Mapping[str, Json]]
    """By eval_key: the whole configuration under which it was scored."""

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """That of the cell in `folder`; None where there is none, or one of another version."""
        fields = read_versioned(folder / FILE, _SCHEMA)
        try:
            return None if fields is None else cls(**fields)
        except TypeError:
            return None


def write_job(folder: Path, job: Job, guard: Guard, mirror: Mirror = PLAIN) -> None:
    """Record `job` below `folder`; evaluations of earlier jobs of this training stay.

    Raises StorageError, FencedError.
    """
    known = JobRecord.read(folder)
    evaluations = {} if known is None else dict(known.evaluations)
    evaluations |= {each.eval_key: each.config for each in job.evaluations}
    found = JobRecord(job.train_key, job.task, job.seed, job.config, evaluations)
    if found == known:
        return
    with storage_errors(folder, "create"):
        folder.mkdir(parents=True, exist_ok=True)
    value: dict[str, Json] = {
        "schema": _SCHEMA,
        "train_key": found.train_key,
        "task": found.task,
        "seed": found.seed,
        "config": dict(found.config),
        "evaluations": {key: dict(config) for key, config in found.evaluations.items()},
    }
    with guard():
        replace_json(folder / FILE, value)
    mirror.keep(folder / FILE)
