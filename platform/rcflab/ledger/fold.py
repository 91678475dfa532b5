"""Events in, the state of a key out.

    attempt 1: steps 1..7, crash       attempt 2 resumes at 5: steps 6, 7 again, 8..10
               `----------- first value of each (metric, step) is kept -----------'    a later one that differs: alarm

A training that begins again at step 0 by other code is a new generation: its series start empty.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from rcflab.ledger.events import AttemptStarted, BestKept, CheckpointSaved, Evaluated, Event, Metrics, StateChanged
from rcflab.records import Json

LedgerState = Literal["empty", "started", "finished", "failed", "interrupted", "pruned"]
MAY_DIFFER = ("time/", "system/", "cost/latency_ms")
"""Durations and the load of the machine differ from run to run; everything else repeats bit for bit."""


class Point(NamedTuple):
    """One value of one metric."""

    step: int
    value: float
    ts_ms: int


@dataclass(frozen=True, slots=True)
class Alarm:
    """A step that was done twice and gave another value: training is not deterministic, or its input changed."""

    key: str
    step: int
    first: float
    later: float

    def __str__(self) -> str:
        return f"{self.key} at step {self.step} was {self.first!r} and became {self.later!r} when it was done again"


@dataclass(frozen=True, slots=True)
class KeyState:
    """All that the ledger knows of one train_key."""

    state: LedgerState
    """`started` while an attempt runs, and after one that died without a word."""
    attempts: int
    generation: int
    """How often training began anew by other code."""
    attempt: AttemptStarted | None
    """The last one, with its provenance."""
    ended: StateChanged | None
    """Why and when the last attempt ended; None while it runs."""
    step: int
    """Highest step with training metrics."""
    series: Mapping[str, tuple[Point, ...]]
    """Training metrics in order of step, each step once."""
    checkpoint: CheckpointSaved | None
    best: BestKept | None
    """The checkpoint of the best evaluation on the way; tables never use it."""
    evaluations: tuple[Evaluated, ...]
    """In order of writing; of a repeated one the first."""
    alarms: tuple[Alarm, ...]

    @property
    def reason(self) -> str:
        """Why the last attempt ended, empty where there is nothing to say."""
        return self.ended.reason if self.ended else ""

    @property
    def failure(self) -> str:
        """Class of the failure, see rcflab.ledger.events.Failure; empty where there was none."""
        return self.ended.failure if self.ended else ""

    @property
    def provenance(self) -> Mapping[str, Json]:
        """What made the last attempt; empty before the first."""
        return self.attempt.provenance if self.attempt else {}

    def final(self, eval_key: str, code_digest: str | None = None) -> Evaluated | None:
        """The final evaluation for `eval_key`: the latest by this code, or by any code where None is given."""
        found = [e for e in self.evaluations if e.final and e.eval_key == eval_key]
        fitting = [e for e in found if code_digest in (None, e.code_digest)]
        return fitting[-1] if fitting else None

    def final_before_others(self, eval_key: str, code_digest: str) -> Evaluated | None:
        """The final evaluation by this code; where it has none, the latest by any."""
        return self.final(eval_key, code_digest) or self.final(eval_key)


@dataclass(slots=True)
class _Series:
    """Points of one metric in compact arrays: the driver holds those of hundreds of cells."""

    steps: "array[int]" = field(default_factory=lambda: array("q"))
    values: "array[float]" = field(default_factory=lambda: array("d"))
    times: "array[int]" = field(default_factory=lambda: array("q"))

    def add(self, step: int, value: float, ts_ms: int) -> float | None:
        """Keep the point and return None, or return the value that this step has already."""
        place = len(self.steps) if not self.steps or step > self.steps[-1] else bisect_left(self.steps, step)
        if place < len(self.steps) and self.steps[place] == step:
            return self.values[place]
        self.steps.insert(place, step)
        self.values.insert(place, value)
        self.times.insert(place, ts_ms)
        return None

    def points(self) -> tuple[Point, ...]:
        return tuple(map(Point, self.steps, self.values, self.times))


class KeyFold:
    """The fold as it grows: add events in ledger order, ask for the state at any time."""

    def __init__(self) -> None:
        self.attempts = 0
        self.generation = 0
        self._attempt: AttemptStarted | None = None
        self._ended: StateChanged | None = None
        self._checkpoint: CheckpointSaved | None = None
        self._best: BestKept | None = None
        self._evaluations: list[Evaluated] = []
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._step = 0
        self._has_metrics = False
        self._series: dict[str, _Series] = {}
        self._eval_series: dict[tuple[str, str, str], _Series] = {}
        self._alarms: list[Alarm] = []

    def add(self, event: Event) -> Event:
        """Take `event` in and return it without the metric values that were known already for their step."""
        match event:
            case AttemptStarted():
                self._start(event)
            case Metrics():
                self._step, self._has_metrics = max(self._step, event.step), True
                fresh = {key: value for key, value in event.values.items() if self._is_new(event, key, value)}
                return replace(event, values=fresh)
            case CheckpointSaved():
                self._checkpoint = event
            case Evaluated():
                return self._evaluate(event)
            case BestKept():
                self._best = event
            case StateChanged():
                self._ended = event
        return event

    def latest(self) -> Mapping[str, Point]:
        """The last point of each training metric: cheap, for progress views."""
        return {key: Point(s.steps[-1], s.values[-1], s.times[-1]) for key, s in self._series.items()}

    def state(self, *, series: bool = True) -> KeyState:
        """The state after the events so far; without `series` it is cheap however long training has gone on."""
        return KeyState(
            state=self._ended.state if self._ended else "started" if self._attempt else "empty",
            attempts=self.attempts,
            generation=self.generation,
            attempt=self._attempt,
            ended=self._ended,
            step=self._step,
            series={key: each.points() for key, each in self._series.items()} if series else {},
            checkpoint=self._checkpoint,
            best=self._best,
            evaluations=tuple(self._evaluations),
            alarms=tuple(self._alarms),
        )

    def _start(self, event: AttemptStarted) -> None:
        before = self._attempt.provenance.get("code_digest") if self._attempt else None
        if event.step == 0 and self._has_metrics and event.provenance.get("code_digest") != before:
            self.generation += 1
            self._checkpoint = None
            self._begin_anew()
        if event.step == 0:  # no checkpoint was left to go on from
            self._best = None
        self.attempts += 1
        self._attempt, self._ended = event, None

    def _is_new(self, event: Metrics, key: str, value: float) -> bool:
        return self._keep(self._series.setdefault(key, _Series()), key, event.step, value, event.ts_ms)

    def _evaluate(self, event: Evaluated) -> Evaluated:
        fresh: dict[str, float] = {}
        for key, value in event.values.items():
            series = self._eval_series.setdefault((event.eval_key, event.code_digest, key), _Series())
            if self._keep(series, key, event.step, value, event.ts_ms):
                fresh[key] = value
        if not any(_same_evaluation(event, known) for known in self._evaluations):
            self._evaluations.append(event)
        return replace(event, values=fresh)

    def _keep(self, series: _Series, key: str, step: int, value: float, ts_ms: int) -> bool:
        known = series.add(step, value, ts_ms)
        if known is not None and known != value and not key.startswith(MAY_DIFFER):
            self._alarms.append(Alarm(key, step, known, value))
        return known is None


def _same_evaluation(one: Evaluated, other: Evaluated) -> bool:
    return (one.eval_key, one.step, one.final, one.code_digest) == (
        other.eval_key,
        other.step,
        other.final,
        other.code_digest,
    )


def fold(events: Iterable[Event]) -> KeyState:
    """The state after `events`, which are in ledger order."""
    grown = KeyFold()
    for event in events:
        grown.add(event)
    return grown.state()
