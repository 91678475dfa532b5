"""What the shipper needs of a tracking store, and the store for those who want none.

Shipper --> Tracker:  open_experiment -> parent run      find_cells / create_cell -> cell run      publish_arms
                      describe, log_rows, log_data, register, write_text, upload, set_status
                      `------------------- each may safely be repeated -------------------'
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from rcflab.errors import LabError, ServiceDownError
from rcflab.records import Cell, RunPlan
from rcflab.track.inputs import CheckpointModel, DataSet

RunStatus = Literal["RUNNING", "FINISHED", "FAILED", "KILLED"]


class TrackingRefusedError(LabError):
    """The store answered, and said no: repeating alone will not help."""


class TrackingAccessError(TrackingRefusedError):
    """It said no because of who asks, or by what name: a login, a permission or a setting is wrong."""

    exit_code = 2


class ArtifactsDownError(ServiceDownError):
    """The store answers, but what keeps its artifacts does not: all but files can still be sent."""


class Row(NamedTuple):
    """One finite value of one metric; equal rows are stored once however often they are sent."""

    key: str
    step: int
    value: float
    ts_ms: int


@dataclass(frozen=True, slots=True)
class ParentRun:
    """The run that stands for a whole experiment."""

    run_id: str
    experiment_id: str
    status: str


@dataclass(frozen=True, slots=True)
class CellRun:
    """The run of one eval_key, perhaps made for another experiment."""

    run_id: str
    experiment: str
    arm: str
    seed: int
    eval_key: str
    generation: int
    """Which of several trainings by different code; see rcflab.ledger.fold."""
    status: str = "RUNNING"
    """As it was when the run was found."""


DIFFERENCE = "difference"
"""Group of the metrics that say how far an arm is from the baseline."""


@dataclass(frozen=True, slots=True)
class ArmAggregate:
    """What the table says of one arm; see rcflab.track.aggregates."""

    arm: str
    metrics: Mapping[str, float]
    tags: Mapping[str, str]


class Tracker(Protocol):
    """A tracking store. Every method raises ServiceDownError when the store does not answer, TrackingRefusedError when
    it refuses; those that send files ArtifactsDownError, where the store itself answers.
    """

    @property
    def uri(self) -> str:
        """Address of the store: two trackers with one address write to the same store."""
        ...

    def open_experiment(self, plan: RunPlan, note: str) -> ParentRun:
        """Find or make the parent run of `plan.experiment` and its prepared view; `note` is markdown for people."""
        ...

    def publish_arms(self, parent: ParentRun, plan: RunPlan, arms: Sequence[ArmAggregate]) -> None:
        """Bring the runs of the arms up to date: one each, none for an arm that is not in the table any more."""
        ...

    def find_cells(self, eval_key: str) -> Sequence[CellRun]:
        """Every run of `eval_key` in the whole store, oldest first."""
        ...

    def create_cell(self, parent: ParentRun, plan: RunPlan, cell: Cell, generation: int, started_ms: int) -> CellRun:
        """Make the run of a cell. Not repeatable: look with `find_cells` first."""
        ...

    def describe(self, run_id: str, params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        """Add the params that the run lacks (they can never change) and set the tags."""
        ...

    def log_rows(self, run_id: str, rows: Sequence[Row]) -> None:
        """Store metric values; a row that is there already is left alone."""
        ...

    def log_data(self, run_id: str, data: Sequence[DataSet]) -> None:
        """Name the data that the run has read."""
        ...

    def register(self, run_id: str, models: Sequence[CheckpointModel]) -> None:
        """Make checkpoints known as outputs of the run; they stay where they are."""
        ...

    def write_text(self, run_id: str, name: str, text: str) -> None:
        """Store `text` as the artifact `name`."""
        ...

    def upload(self, run_id: str, file: Path, folder: str) -> None:
        """Store a copy of `file` in the artifact folder `folder` (empty: the top)."""
        ...

    def set_status(self, run_id: str, status: RunStatus, ended_ms: int | None) -> None:
        """Set the run's status, with its end in milliseconds since 1970 unless it runs."""
        ...


class NullTracker:
    """Takes everything and keeps nothing: `tracking.uri: none`."""

    uri = "none"

    def open_experiment(self, plan: RunPlan, note: str) -> ParentRun:
        """A parent in name only."""
        del note
        return ParentRun(f"none-{plan.experiment}", "none", "RUNNING")

    def publish_arms(self, parent: ParentRun, plan: RunPlan, arms: Sequence[ArmAggregate]) -> None:
        """Nothing to keep."""

    def find_cells(self, eval_key: str) -> Sequence[CellRun]:
        """Nothing was ever kept."""
        del eval_key
        return ()

    def create_cell(self, parent: ParentRun, plan: RunPlan, cell: Cell, generation: int, started_ms: int) -> CellRun:
        """A run in name only."""
        del parent, started_ms
        return CellRun(f"none-{cell.eval_key}", plan.experiment, cell.arm, cell.seed, cell.eval_key, generation)

    def describe(self, run_id: str, params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        """Nothing to keep."""

    def log_rows(self, run_id: str, rows: Sequence[Row]) -> None:
        """Nothing to keep."""

    def log_data(self, run_id: str, data: Sequence[DataSet]) -> None:
        """Nothing to keep."""

    def register(self, run_id: str, models: Sequence[CheckpointModel]) -> None:
        """Nothing to keep."""

    def write_text(self, run_id: str, name: str, text: str) -> None:
        """Nothing to keep."""

    def upload(self, run_id: str, file: Path, folder: str) -> None:
        """Nothing to keep."""

    def set_status(self, run_id: str, status: RunStatus, ended_ms: int | None) -> None:
        """Nothing to keep."""
