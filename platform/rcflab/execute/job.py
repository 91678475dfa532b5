"""What an executor is handed and what it hands back: plain data, so that it can cross processes as JSON.

RunPlan + states --jobs_of--> [Job: one training + every evaluation that needs it] --executor--> JobProgress ...
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from rcflab.ledger.events import Failure
from rcflab.records import Cell, Json, RunPlan

Phase = Literal["training", "evaluating", "finished", "failed", "pruned", "interrupted", "blocked"]
"""`failed` is the task's fault and recorded; `blocked`: it could not run (lease held elsewhere or lost, disk full)."""
ENDED: frozenset[Phase] = frozenset({"finished", "failed", "pruned", "interrupted", "blocked"})


@dataclass(frozen=True, slots=True)
class Halt:
    """Why a job should save a checkpoint and end before its time."""

    reason: str
    failure: Failure | Literal[""] = ""
    """`preempted`: it should go on at once, on another machine."""


Stop = Callable[[], Halt | None]
"""Asked between steps; a reason ends the job with a checkpoint."""
ASKED = Halt("asked to stop")
Verdict = Literal["go", "prune", "stop"]
Judge = Callable[[int], Verdict]
"""Asked after an evaluation on the way, with its step; `stop`: the run ends before anybody has decided."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One way to evaluate a training."""

    eval_key: str
    config: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Job:
    """One training with all evaluations that need it: trained once, evaluated for each."""

    train_key: str
    label: str
    """For people: the first cell that wants it, as arm/seed."""
    task: str
    config: Mapping[str, Json]
    seed: int
    evaluations: tuple[Evaluation, ...]
    reuse_code: bool = False
    """Go on from checkpoints that other code made (--on-stale reuse) instead of training anew."""

    def to_json(self) -> dict[str, Json]:
        """A dictionary that json can hold."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Json]) -> Self:
        """The inverse of to_json."""
        fields: dict[str, Any] = dict(value)
        fields["evaluations"] = tuple(Evaluation(**each) for each in fields["evaluations"])
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class JobProgress:
    """Where a job stands; the last one of a job has an ended phase."""

    train_key: str
    phase: Phase
    step: int
    steps: int
    reason: str = ""
    """Why it failed or was blocked: exception class and first line of its message."""
    exit_code: int = 0
    """Of what blocked it."""
    failure: Failure | Literal[""] = ""
    """Class of what it failed of."""


def jobs_of(plan: RunPlan, wanted: Collection[str], *, reuse_code: bool = False) -> list[Job]:
    """Jobs for the cells whose eval_key is in `wanted`, in table order; equal trainings are joined."""
    cells: dict[str, list[Cell]] = {}
    for cell in plan.cells:
        if cell.eval_key in wanted:
            cells.setdefault(cell.train_key, []).append(cell)
    return [_job(plan.task, group, reuse_code) for group in cells.values()]


def _job(task: str, cells: list[Cell], reuse_code: bool) -> Job:
    first = cells[0]
    evaluations = {cell.eval_key: Evaluation(cell.eval_key, cell.config) for cell in cells}
    label = f"{first.arm}/{first.seed}"
    return Job(first.train_key, label, task, first.config, first.seed, tuple(evaluations.values()), reuse_code)


def ordered(jobs: Iterable[Job], order: Literal["arms", "seeds"]) -> list[Job]:
    """Jobs in the order in which they should start: as they are, or all of one seed before those of the next."""
    return list(jobs) if order == "arms" else sorted(jobs, key=lambda job: job.seed)
