"""What a study has found, as values: ranked, pruned and failed trials apart.

[Trial ...] + objective --find--> Found(ranked, front, pruned, failed, best so far, importance)

Pruned trials are never ranked with complete ones: the survivors of a cut are chosen for their luck as well. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rcflab.search.config import Direction
from rcflab.search.trial import Trial


@dataclass(frozen=True, slots=True)
class Found:
    """One study at its end, or so far."""

    arm: str
    study: str
    objective: Mapping[str, Direction]
    names: Mapping[str, str]
    """Path of each searched field -> its short name, in the order of the space."""
    trials: tuple[Trial, ...]
    labels: Mapping[int, str]
    """What each trial is called."""
    importance: Mapping[str, Mapping[str, float]] = field(default_factory=dict[str, Mapping[str, float]])
    """Metric -> path -> share; empty where there are too few trials."""

    def of(self, *states: str) -> tuple[Trial, ...]:
        """Trials in these states, by number."""
        return tuple(trial for trial in self.trials if trial.state in states)

    @property
    def ranked(self) -> tuple[Trial, ...]:
        """Complete trials, the best of the first objective first; of equal ones the earlier."""
        sign = self._signs[0]
        return tuple(sorted(self.of("complete"), key=lambda trial: (-sign * _values(trial)[0], trial.number)))

    @property
    def best(self) -> Trial | None:
        """The winner under one objective."""
        return self.ranked[0] if self.ranked else None

    @property
    def front(self) -> tuple[Trial, ...]:
        """Complete trials that no other one beats in an objective without losing in another; equals are kept once."""
        complete = self.ranked
        kept: list[Trial] = []
        for trial in complete:
            beaten = any(self._beats(other, trial) for other in complete)
            if not beaten and all(other.values != trial.values for other in kept):
                kept.append(trial)
        return tuple(kept)

    def best_so_far(self) -> list[tuple[Trial, float]]:
        """The first objective of each complete trial that was the best until then, in order of number."""
        steps: list[tuple[Trial, float]] = []
        for trial in self.of("complete"):
            value = _values(trial)[0]
            if not steps or self._signs[0] * (value - steps[-1][1]) > 0:
                steps.append((trial, value))
        return steps

    @property
    def _signs(self) -> tuple[int, ...]:
        return tuple(1 if each == "max" else -1 for each in self.objective.values())

    def _beats(self, one: Trial, other: Trial) -> bool:
        gains = [
            sign * (mine - theirs) for sign, mine, theirs in zip(self._signs, _values(one), _values(other), strict=True)
        ]
        return all(gain >= 0 for gain in gains) and any(gain > 0 for gain in gains)


def _values(trial: Trial) -> Sequence[float]:
    assert trial.values is not None, "a complete trial has values"
    return trial.values
