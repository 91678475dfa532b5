"""Run the evaluations of a step and make the files of each appear all at once.

training.evaluate(configs) --> .tmp-<uuid>/{records.npz, overlays...} --os.replace under the lease--> step-00000100/
                                one of each                                                           one of each
"""

import os
import shutil
import uuid
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rcflab.execute.checkpoints import Guard, folder_name
from rcflab.records import Json
from rcflab.storage.mirror import Mirror
from rcflab.task import EvalResult, Training

RECORDS = "records.npz"


@dataclass(frozen=True, slots=True)
class EvaluationFiles:
    """Where the files of one evaluation lie, and its values."""

    metrics: Mapping[str, float]
    videos_digest: str
    records: Path
    artifacts: tuple[Path, ...]


def evaluate_into(
    wanted: Mapping[Path, Mapping[str, Json]], training: Training, guard: Guard, mirror: Mirror
) -> Iterator[EvaluationFiles]:
    """Evaluate `training` under each configuration; its files end up in step-<step> below the path that it stands at.

    They replace those of an earlier try, one evaluation after the other. Raises FencedError when a newer owner took
    the key, and whatever the task raises: no half-written folder stays.
    """
    with ExitStack() as stack:
        folders = [stack.enter_context(_temporary(parent)) for parent in wanted]
        results = training.evaluate(list(wanted.values()), folders)
        for parent, folder, result in zip(wanted, folders, results, strict=True):
            _write_records(folder / RECORDS, result)
            target = parent / folder_name(training.step)
            with guard():
                _publish(folder, target)
            mirror.keep(target)
            moved = tuple(target / path.relative_to(folder) for path in result.artifacts)
            yield EvaluationFiles(dict(result.metrics), result.videos_digest, target / RECORDS, moved)


@contextmanager
def _temporary(parent: Path) -> Generator[Path]:
    parent.mkdir(parents=True, exist_ok=True)
    folder = parent / f".tmp-{uuid.uuid4().hex}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _publish(folder: Path, target: Path) -> None:
    if target.exists():  # of other code, or of a try whose event was not written any more
        target.replace(target.parent / f".tmp-{uuid.uuid4().hex}")
    folder.replace(target)
    for leftover in target.parent.glob(".tmp-*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _write_records(path: Path, result: EvalResult) -> None:
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **{name: np.asarray(value) for name, value in result.records.items()})
        file.flush()
        os.fsync(file.fileno())
