"""Run one evaluation and make its files appear all at once.

training.evaluate(config) --> .tmp-<uuid>/{records.npz, overlays...} --os.replace under the lease--> step-00000100/
"""

import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rcflab.execute.checkpoints import Guard, folder_name
from rcflab.records import Json
from rcflab.task import Training

RECORDS = "records.npz"


@dataclass(frozen=True, slots=True)
class EvaluationFiles:
    """Where the files of one evaluation lie, and its values."""

    metrics: Mapping[str, float]
    videos_digest: str
    records: Path
    artifacts: tuple[Path, ...]


def evaluate_into(parent: Path, training: Training, config: Mapping[str, Json], guard: Guard) -> EvaluationFiles:
    """Evaluate `training` under `config`; its files end up in parent/step-<step>, replacing an earlier try.

    Raises FencedError when a newer owner took the key, and whatever the task raises: no half-written folder stays.
    """
    parent.mkdir(parents=True, exist_ok=True)
    temporary = parent / f".tmp-{uuid.uuid4().hex}"
    temporary.mkdir()
    try:
        result = training.evaluate(config, temporary)
        with (temporary / RECORDS).open("wb") as file:
            np.savez(file, allow_pickle=False, **{name: np.asarray(value) for name, value in result.records.items()})
            file.flush()
            os.fsync(file.fileno())
        target = parent / folder_name(training.step)
        with guard():
            if target.exists():  # of other code, or of a try whose event was not written any more
                target.replace(parent / f".tmp-{uuid.uuid4().hex}")
            temporary.replace(target)
            for leftover in parent.glob(".tmp-*"):
                shutil.rmtree(leftover, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    moved = tuple(target / path.relative_to(temporary) for path in result.artifacts)
    return EvaluationFiles(dict(result.metrics), result.videos_digest, target / RECORDS, moved)
