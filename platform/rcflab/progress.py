"""What an operator sees of a run: read from the ledger, never asked of the workers.

    ledger --Tail, fold--> Watch.poll() -> Snapshot(done, running, left, ETA) --> live.py draws it
                                       `-> news: started, finished, failed with its reason, as lines

Pure of terminals; durations by the monotonic clock.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from rcflab.ledger.events import AttemptStarted, Evaluated, Event, StateChanged
from rcflab.ledger.fold import KeyFold
from rcflab.ledger.reader import Tail
from rcflab.metrics import METRICS


@dataclass(frozen=True, slots=True)
class Watched:
    """One training of the run."""

    key: str
    label: str
    steps: int


@dataclass(frozen=True, slots=True)
class Running:
    """A training in progress."""

    label: str
    step: int
    steps: int
    loss: float | None
    score: float | None
    """Table's first metric at its last evaluation."""
    score_label: str = ""
    """What people call that metric."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Where the run stands."""

    done: int
    failed: int
    left: int
    """Not begun."""
    running: tuple[Running, ...]
    eta_s: float | None
    """Seconds to the end at the pace so far; None before the first step."""
    pruned: int = 0
    """Stopped by the pruner of a search."""
    waiting: str = ""
    """Why cells find no room on the cluster; empty where they do."""


@dataclass(slots=True)
class _Training:
    watched: Watched
    tail: Tail
    fold: KeyFold = field(default_factory=KeyFold)
    first_step: int | None = None
    """Step at which this run took it up."""
    step: int = 0
    state: str = "left"
    score: float | None = None


class Watch:
    """Follows the ledgers of a run from the moment of its making."""

    def __init__(
        self, storage: Path, trainings: Iterable[Watched], score: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._score, self._clock = score, clock
        self._trainings = [_Training(each, Tail(storage, each.key)) for each in trainings]
        for training in self._trainings:  # what earlier runs wrote is no news
            for event in training.tail.poll():
                training.fold.add(event)
        self._began: float | None = None
        self._storage = storage
        self.to_come: Callable[[], tuple[int, int]] = lambda: (0, 0)
        """Trainings that are not known yet, and their steps: those that a search will ask for."""
        self._waiting = ""

    def add(self, watched: Watched) -> None:
        """Follow a training that came up meanwhile."""
        if all(each.watched.key != watched.key for each in self._trainings):
            self._trainings.append(_Training(watched, Tail(self._storage, watched.key)))

    def note(self, waiting: str) -> None:
        """Why cells wait for room at this moment; an empty line where they do not."""
        self._waiting = waiting

    def poll(self) -> list[str]:
        """Read what is new and return the news as lines for people.

        Nothing comes after the end of a training, and of thousands most have ended: looking at them all, each second,
        took a quarter of the driver's time.
        """
        going = [each for each in self._trainings if each.state not in ("finished", "pruned")]
        return [line for each in going for event in each.tail.poll() if (line := self._take(each, event))]

    def snapshot(self) -> Snapshot:
        """Where the run stands as of the last poll."""
        states = [each.state for each in self._trainings]
        left = states.count("left") + self.to_come()[0]
        label = METRICS[self._score].label if self._score in METRICS else self._score
        running = tuple(_running(each, label) for each in self._trainings if each.state == "running")
        pruned = states.count("pruned")
        finished, failed = states.count("finished"), states.count("failed")
        return Snapshot(finished, failed, left, running, self._eta_s(), pruned, self._waiting)

    def _take(self, training: _Training, event: Event) -> str:
        training.fold.add(event)
        training.step = max(training.step, event.step)
        label, steps = training.watched.label, training.watched.steps
        match event:
            case AttemptStarted():
                training.state, training.step = "running", event.step
                if training.first_step is None:
                    training.first_step = event.step
                if self._began is None:  # the start of Ray is no part of the pace
                    self._began = self._clock()
                return f"{label}: {'starts' if event.step == 0 else f'goes on from step {event.step}'} ({steps} steps)"
            case Evaluated():
                training.score = event.values.get(self._score)
                shown = "" if training.score is None else f" {self._score} {training.score:.2f}"
                return f"{label}: evaluated at step {event.step}:{shown}" if shown else ""
            case StateChanged():
                training.state = "left" if event.state == "interrupted" else event.state
                return f"{label}: {event.state}{f': {event.reason}' if event.reason else ''}"
            case _:
                return ""

    def _eta_s(self) -> float | None:
        """Pace of all trainings together, so that it holds for any number side by side."""
        begun = [each for each in self._trainings if each.first_step is not None]
        done = sum(each.step - (each.first_step or 0) for each in begun)
        ended = ("finished", "failed", "pruned")
        left = sum(each.watched.steps - each.step for each in self._trainings if each.state not in ended)
        left += self.to_come()[1]
        if done <= 0 or self._began is None:
            return None
        return left * (self._clock() - self._began) / done


def _running(training: _Training, score_label: str) -> Running:
    points = training.fold.latest()
    loss = points["train/loss"].value if "train/loss" in points else None
    watched = training.watched
    return Running(watched.label, training.step, watched.steps, loss, training.score, score_label)


def duration(seconds: float) -> str:
    """For people: 45 s, 12 min, 3 h 05 min."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
