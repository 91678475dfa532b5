"""What an experiment has cost, from its ledger, against what it may cost.

    events of a training --Meter.add--> begun? hours of CPUs and GPUs over its attempts    --add--> Spent
    Spent, BudgetConfig --items--> [Item(field, spent, limit)]       near: from 80 % on      spent: from 100 % on

An attempt costs from its first event to its last one: also a failed one, also one that only evaluated. Attempts that
another experiment asked for are that experiment's. Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from rcflab.ledger.events import AttemptStarted, Event, StateChanged
from rcflab.policy_config import BudgetConfig

NEAR = 0.8
"""Part of a limit from which a run warns."""
_MS_PER_HOUR = 3_600_000
_TOLD_BY_OTHERS = frozenset({"worker_lost", "node_lost", "preempted"})
"""Ends that somebody else writes down, perhaps days later."""


@dataclass(frozen=True, slots=True)
class Spent:
    """The cost of an experiment, or of a part of it."""

    trials: int = 0
    cpu_hours: float = 0.0
    gpu_hours: float = 0.0
    wall_hours: float = 0.0
    """Of the present run."""


@dataclass(frozen=True, slots=True)
class Item:
    """One limit of a budget."""

    field: str
    spent: float
    limit: float

    @property
    def is_near(self) -> bool:
        """Whether it is time for a warning."""
        return self.spent >= NEAR * self.limit

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left."""
        return self.spent >= self.limit

    def __str__(self) -> str:
        return f"{self.spent:.3g} of {self.limit:g} {self.field}"


class Meter:
    """What one training has cost one experiment; add its events in ledger order."""

    def __init__(self, experiment: str) -> None:
        self._experiment = experiment
        self._begun_ms: int | None = None
        self._last_ms = 0
        self._cpus = self._gpus = 0.0
        self._cpu_ms = self._gpu_ms = 0.0
        self.begun = False
        """Whether the experiment began this training."""

    def add(self, event: Event) -> None:
        """The next event."""
        match event:
            case AttemptStarted():
                self._close()
                self._open(event)
            case StateChanged(failure=failure) if failure in _TOLD_BY_OTHERS:
                self._close()
            case StateChanged():
                self._last_ms = event.ts_ms
                self._close()
            case _:
                self._last_ms = event.ts_ms

    def spent(self) -> Spent:
        """The cost so far, that of a running attempt up to its last event."""
        open_ms = 0 if self._begun_ms is None else max(0, self._last_ms - self._begun_ms)
        cpu_ms, gpu_ms = self._cpu_ms + open_ms * self._cpus, self._gpu_ms + open_ms * self._gpus
        return Spent(int(self.begun), cpu_ms / _MS_PER_HOUR, gpu_ms / _MS_PER_HOUR)

    def _open(self, event: AttemptStarted) -> None:
        made_by = event.provenance
        if made_by.get("made_for", "") not in ("", self._experiment):  # older versions did not say for whom
            return
        self._begun_ms = self._last_ms = event.ts_ms
        self._cpus = float(made_by.get("workers", 1) * made_by.get("threads", 1))
        self._gpus = float(made_by.get("gpus", 0))
        self.begun |= event.step == 0

    def _close(self) -> None:
        if self._begun_ms is not None:
            self._cpu_ms += max(0, self._last_ms - self._begun_ms) * self._cpus
            self._gpu_ms += max(0, self._last_ms - self._begun_ms) * self._gpus
            self._begun_ms = None


def total(parts: Iterable[Spent], wall_hours: float = 0.0) -> Spent:
    """The sum of the trainings of an experiment, in a run that has taken `wall_hours`."""
    found = list(parts)
    return Spent(
        sum(each.trials for each in found),
        sum(each.cpu_hours for each in found),
        sum(each.gpu_hours for each in found),
        wall_hours,
    )


def items(spent: Spent, budget: BudgetConfig) -> list[Item]:
    """The limits of `budget` that are set, in the order of its fields."""
    found = {name: getattr(budget, name) for name in type(budget).model_fields}
    return [Item(name, float(getattr(spent, name)), float(limit)) for name, limit in found.items() if limit is not None]
