"""The seam between the platform and what it trains: a TaskSpec is a handful of callables.

    rcf_task.TASK   the network            (imports rcf, torch)
    toy_task.TASK   two parameters, no torch; the whole platform in seconds, for tests and benchmarks

A task is found by its registry name, never by a pickled callable.
"""

import importlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rcf.train.ranks import SINGLE, Ranks
from rcflab.errors import Problem
from rcflab.records import Json

Records = Mapping[str, NDArray[np.generic]]
"""Match records of one evaluation, arrays by name, saved as npz; what they mean is the task's affair."""


@dataclass(frozen=True, slots=True)
class EvalResult:
    """What one evaluation returns. Files (overlays, results.json) were written below the folder it was given."""

    metrics: Mapping[str, float]
    records: Records
    videos_digest: str
    artifacts: Sequence[Path] = ()


@dataclass(frozen=True, slots=True)
class Schedule:
    """When the loop logs, saves and evaluates, in steps; 0 means only at the end."""

    steps: int
    log_every: int
    checkpoint_every: int
    evaluate_every: int


class Training(Protocol):
    """A training in progress: pure of files but for `save` and `restore`, which get a folder of their own.

    With many ranks each holds a training of its own with equal weights, and all do the same calls in the same order,
    with two exceptions: only rank 0 saves, and while it evaluates, the others assist.
    """

    @property
    def step(self) -> int:
        """Finished optimisation steps."""
        ...

    def advance(self) -> Mapping[str, float]:
        """Do one optimisation step and return its metrics, those of the whole batch on every rank.

        Raises rcf.errors.NonFiniteLossError, on all ranks alike.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write all that `restore` needs into the existing, empty `folder`."""
        ...

    def restore(self, folder: Path) -> None:
        """Continue from a folder that `save` wrote."""
        ...

    def evaluate(self, configs: Sequence[Mapping[str, Json]], folders: Sequence[Path]) -> list[EvalResult]:
        """Evaluate the present weights under the evaluation part of each of `configs`; with many ranks, on rank 0 only.

        Files go into the folder at the same place of `folders`. Configurations come together so that they can share
        what they have in common; no result depends on the others, nor on the number of ranks.
        """
        ...

    def assist(self, configs: Sequence[Mapping[str, Json]]) -> None:
        """Do this rank's share of the evaluations that rank 0 does at the same time."""
        ...


class Start(Protocol):
    """Makes trainings."""

    def __call__(self, config: Mapping[str, Json], seed: int, ranks: Ranks = SINGLE) -> Training:
        """A fresh training at step 0, this rank's part of it. Must not touch global random state that matters."""
        ...


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """Everything the platform knows of what it trains. Configurations are resolved dictionaries (Cell.config)."""

    name: str
    schedule: Callable[[Mapping[str, Json]], Schedule]
    start: Start
    check: Callable[[Mapping[str, Json]], Sequence[Problem]]
    """Preflight without training: data folders, annotation files, weights. Every problem at once."""
    prepare: Callable[[Mapping[str, Json]], None]
    """Make what the configuration generates (synthetic data on disk); idempotent, safe against a second process."""
    resume_files: Sequence[str]
    """Files of a checkpoint that only a resume needs (optimiser state): deleted when a cell is finished."""
    best: str
    """Metric of an evaluation that tells which checkpoint on the way is the best; its direction is in METRICS."""
    load: Callable[[Path], object]
    """The trained model in a folder that `save` wrote, in whatever form its users want."""


@dataclass(frozen=True, slots=True)
class ByCategory:
    """The categories of match records."""

    videos: Callable[[Records], Mapping[str, int]]
    """Videos with a true track of each category that has one, by its name."""
    only: Callable[[Records, str], Records]
    """The records of one of these categories, as if there were no other."""


@dataclass(frozen=True, slots=True)
class Resampling:
    """How a task's match records are scored on other samples of the videos; loads nothing that trains."""

    known: tuple[str, ...]
    """Metrics that match records can give."""
    videos: Callable[[Records], int]
    """How many videos stand in the records."""
    metrics: Callable[[Records, NDArray[np.float64], Collection[str]], Mapping[str, NDArray[np.float64]]]
    """The wanted ones of `known` for each column of video weights (V, B), whole numbers that say how often a video
    counts, at once: (B,) by metric. NaN where a column leaves nothing to score."""
    modules: tuple[str, ...]
    """Names of the modules that make these scores: kept scores of other sources are made again."""
    groups: tuple[str, ...]
    """Groups of metrics that an evaluation reports, `known` ones among them: a table can hold no others."""
    by_category: ByCategory | None = None
    """None for a task without categories."""


_MODULES = {"rcf": "rcflab.rcf_task", "toy": "rcflab.toy_task"}


def load_task(name: str) -> TaskSpec:
    """The TaskSpec registered as `name`; imports torch only for the tasks that use it."""
    task = importlib.import_module(_MODULES[name]).TASK
    assert isinstance(task, TaskSpec)
    return task


_RECORDS = {"rcf": "rcflab.rcf_records", "toy": "rcflab.toy_task"}


def load_resampling(name: str) -> Resampling:
    """What is registered as `name`; imports no torch."""
    found = importlib.import_module(_RECORDS[name]).RESAMPLING
    assert isinstance(found, Resampling)
    return found
