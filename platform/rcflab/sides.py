"""The two sides of a comparison: arms of experiments, or trials of a storage root.

arm   --> configuration, keys at seed 0
trial --> configuration, keys, provenance (code, packages, machine, data), results
          --compare--> what differs in each part
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rcflab.differences import FieldDifference, differing_fields, leaves
from rcflab.ledger.events import Evaluated
from rcflab.ledger.fold import KeyState
from rcflab.records import Json
from rcflab.trials import Trial


@dataclass(frozen=True, slots=True)
class Side:
    """One side."""

    label: str
    config: Mapping[str, Json]
    """Resolved, with the task."""
    keys: Mapping[str, str]
    """train_key and eval_key; empty where they are not known."""
    reason: str = ""
    """Why the keys are not known."""
    provenance: Mapping[str, Json] = field(default_factory=dict[str, Json])
    """What made the result, flat; empty for an arm."""
    results: Mapping[str, float] = field(default_factory=dict[str, float])
    """The final evaluation; empty where there is none, and for an arm."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Two sides and what differs between them."""

    sides: tuple[Side, Side]
    fields: tuple[FieldDifference, ...]
    provenance: tuple[FieldDifference, ...]
    """Where both sides know what made them."""
    results: Mapping[str, tuple[float, float]]
    """Metric -> its value on both sides, of those that both have; equal ones too."""

    @property
    def keys(self) -> dict[str, tuple[str, str]]:
        """Name -> the key of both; empty where one of them is not known."""
        first, second = (side.keys for side in self.sides)
        return {name: (first[name], second[name]) for name in first if name in second}

    def rows(self) -> list[tuple[str, str, Json, Json]]:
        """(part, field, value of the first side, of the second): all that differs, and all results.

        None where a side has no such field.
        """
        parts = {"configuration": self.fields, "provenance": self.provenance}
        found = [(part, each.path, *map(_value, each.sides)) for part, fields in parts.items() for each in fields]
        found += [("key", name, *pair) for name, pair in self.keys.items() if pair[0] != pair[1]]
        return [*found, *(("result", key, *pair) for key, pair in self.results.items())]

    @property
    def reason(self) -> str:
        """Why the keys are not known."""
        return next((side.reason for side in self.sides if side.reason), "")


def _value(values: tuple[Json, ...]) -> Json:
    return values[0] if values else None


def compare(one: Side, other: Side) -> Compared:
    """What differs between `one` and `other`."""
    made = differing_fields(one.provenance, other.provenance) if one.provenance and other.provenance else ()
    results = {key: (value, other.results[key]) for key, value in one.results.items() if key in other.results}
    return Compared((one, other), differing_fields(one.config, other.config), made, results)


def side_of_trial(trial: Trial) -> Side:
    """A trial as one side."""
    config = {"task": trial.task, **trial.config, "seed": trial.seed}
    keys = {"train_key": trial.train_key, "eval_key": trial.eval_key}
    made = provenance_of(trial.state, trial.final, trial.fingerprints)
    return Side(trial.label, config, keys, "", made, trial.final.values if trial.final else {})


def provenance_of(state: KeyState, final: Evaluated | None, prints: Mapping[str, str]) -> dict[str, Json]:
    """What made a result, flat: code, packages, machine, content of data; empty before the first attempt."""
    if not state.provenance:
        return {}
    made = dict(leaves(state.provenance))
    made |= {name: digest for name, digest in prints.items() if digest}
    if final is not None:
        made |= {"evaluated_by": final.code_digest, "videos_digest": final.videos_digest}
    return made
