"""Toy jobs and batches that run in this process."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rcflab.execute.batch import Batch, Resources
from rcflab.execute.job import Evaluation, Job
from rcflab.ledger.lease import this_process
from rcflab.records import Provenance
from rcflab.toy_config import ToyConfig

RESOURCES = Resources(False, workers=1, threads=1, gpus_per_worker=0, max_concurrent=None, reuse=True, retire_after=50)


def _toy_job(
    seed: int = 0, key: str = "a" * 16, trials: tuple[str, ...] = ("b" * 16,), reuse_code: bool = False, **training: Any
) -> Job:
    config = ToyConfig.model_validate({"training": {"steps": 12, **training}}).model_dump(mode="json")
    return Job(key, f"arm/{seed}", "toy", config, seed, tuple(Evaluation(each, config) for each in trials), reuse_code)


@pytest.fixture(scope="session")
def toy_job() -> Callable[..., Job]:
    """Make a toy job of 12 steps; keywords change fields of `training`."""
    return _toy_job


@pytest.fixture
def toy_batch(tmp_path: Path) -> Callable[..., Batch]:
    """Make a batch below `tmp_path`: (jobs..., code=...)."""

    def make(*jobs: Job, code: str = "code-1", storage: Path = tmp_path) -> Batch:
        provenance = Provenance(code, None, None, {}, "host", "processor")
        return Batch.create(storage, this_process(), provenance, RESOURCES, jobs)

    return make
