"""A trial as the rest of the package sees it: plain data, without Optuna."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from rcflab.records import Json
from rcflab.search.space import Point

TrialState = Literal["open", "complete", "pruned", "failed"]


@dataclass(frozen=True, slots=True)
class Trial:
    """One point of one study."""

    number: int
    state: TrialState
    point: Point
    values: tuple[float, ...] | None
    """One for each objective, the mean over seeds; None unless complete."""
    intermediate: Mapping[int, float] = field(default_factory=dict[int, float])
    """Step -> value on the way, where a pruner looked at it."""
    attributes: Mapping[str, Json] = field(default_factory=dict[str, Json])
    """`reason` of a failure, `imported` from which study, `told_before` (see optuna_study)."""

    @property
    def reason(self) -> str:
        """Why it failed; empty where there is nothing to say."""
        return str(self.attributes.get("reason", ""))
