"""The values that travel from step to step.

    ExperimentSpec --plan--> RunPlan(Cell ...) --run--> ledger --collect--> ResultSet --tabulate--> AblationTable

All frozen, all plain data: JSON in, JSON out; no torch, ray or mlflow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Json = Any
"""A value that json can hold (dict, list, str, int, float, bool, None)."""

CellState = Literal["done", "running", "missing", "failed", "stale"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One arm at one seed: the unit of the table."""

    arm: str
    seed: int
    config: Mapping[str, Json]
    """Fully resolved task configuration (training and evaluation)."""
    train_key: str
    """16 hex digits: training-relevant effective configuration + seed + training data."""
    eval_key: str
    """16 hex digits: train_key + evaluation configuration + validation data. The "trial"."""


@dataclass(frozen=True, slots=True)
class RunPlan:
    """Every cell that the experiment's table needs, in table order (arms as written, then seeds)."""

    experiment: str
    task: str
    baseline: str
    cells: tuple[Cell, ...]
    metrics: tuple[str, ...]
    """Metric keys of the table."""
    joined: tuple[tuple[str, ...], ...] = ()
    """Groups of arm names whose cells are one and the same, since their difference has no effect."""
    more_baselines: tuple[str, ...] = ()
    """Further arms that all others are compared with."""
    family: int = 0
    """Pairs of an arm and a baseline that the whole experiment has, also where the plan is narrowed; joined arms count
    as one."""

    @property
    def baselines(self) -> tuple[str, ...]:
        """All of them; differences in the main table are to the first."""
        return (self.baseline, *self.more_baselines)


@dataclass(frozen=True, slots=True)
class Provenance:
    """What made a result, beside its keys."""

    code_digest: str
    git_commit: str | None
    git_dirty: bool | None
    packages: Mapping[str, str]
    host: str
    processor: str
    workers: int = 1
    """Processes that trained it together: sums over them are rounded in another order."""
    threads: int = 1
    """CPU threads of each of them."""
    gpus: float = 0
    """Of all of them together."""
    made_for: str = ""
    """Name of the experiment that asked for it; its budget pays."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A cell that a partial table goes without."""

    arm: str
    seed: int
    why: str
    """In a word or two: missing, failed (non_finite), stale."""


@dataclass(frozen=True, slots=True)
class CellResult:
    """The final evaluation of a cell, as the ledger has it."""

    cell: Cell
    metrics: Mapping[str, float]
    code_digest: str
    checkpoint: str
    """Path of the final checkpoint folder."""
    checkpoint_sha256: str
    records: str
    """Path of the match records (npz)."""
    videos_digest: str
    """Digest of the evaluated videos: arms are comparable only where it is equal."""
    on_gpu: bool = False
    """Whether a GPU trained it."""
