"""What the arms of an experiment differ in: the columns that a paper's ablation table has in the place of names.

    resolved configuration of each arm, without what has no effect --fields that differ--> Knob(path, label, values)
    {none, predicted} --> off, on       false, true --> off, on       1, 4, 16 --> as they are

Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePath

from rcflab.design.names import short_names
from rcflab.differences import leaves
from rcflab.identity import effective_view
from rcflab.records import Cell, Json
from rcflab.yaml_file import is_list, is_mapping


class Switch(Enum):
    """A position of a knob that has two."""

    ON = "on"
    OFF = "off"


_OFF = ("none", "off")
"""Words that switch a part off, as false and null do."""


@dataclass(frozen=True, slots=True)
class Knob:
    """One field in which arms differ."""

    path: str
    """Dotted."""
    label: str
    """The shortest end of the path that no other knob ends in; of a choice between none and one way, with that way."""
    values: Mapping[str, Json]
    """By arm; an arm in which the field has no effect is not there."""

    @property
    def is_switch(self) -> bool:
        """Whether it has two positions, one of them off: a table shows a tick or a cross."""
        return _way(list(self.values.values())) is not None

    def shown(self, arm: str) -> Switch | str | None:
        """What a table shows: a switch as on or off, all else as text; None where the field has no effect."""
        if arm not in self.values:
            return None
        value = self.values[arm]
        if self.is_switch:
            return Switch.OFF if _is_off(value) else Switch.ON
        return as_words(value)

    def number(self, arm: str) -> float | None:
        """The value where it is a number, which a switch is not."""
        value = self.values.get(arm)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def knobs_of(task: str, cells: Sequence[Cell]) -> tuple[Knob, ...]:
    """The fields in which the arms of `cells` differ, in the order of the configuration."""
    fields: dict[str, dict[str, Json]] = {}
    configs = {cell.arm: cell.config for cell in cells}
    for arm, config in configs.items():
        for path, value in leaves(effective_view(task, config)):
            fields.setdefault(path, {})[arm] = value
    differing = {path: values for path, values in fields.items() if _differ(values, len(configs))}
    names = short_names(list(differing))
    return tuple(Knob(path, _label(names[path], values), values) for path, values in differing.items())


def as_words(value: Json) -> str:
    """A value as a table prints it; of an absolute path its last part, for the rest is another on each machine."""
    if isinstance(value, str):
        return PurePath(value).name if value.startswith("/") else value
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, int | float):
        return (f"{value:g}" if isinstance(value, float) else str(value)).replace("-", "\u2212")
    if is_list(value):
        return ", ".join(map(as_words, value))
    if is_mapping(value):
        return ", ".join(f"{name} {as_words(inner)}" for name, inner in value.items()) or "none"
    return str(value)


def _differ(values: Mapping[str, Json], arms: int) -> bool:
    first, *others = values.values()
    return len(values) < arms or any(type(other) is not type(first) or other != first for other in others)


def _is_off(value: Json) -> bool:
    # Not `in`: 0 is equal to False, and a number of frames is no switch.
    return value is None or value is False or (isinstance(value, str) and value in _OFF)


def _way(values: Sequence[Json]) -> str | None:
    """The name of the only way to be on, empty for true; None where there is none such, or no way to be off."""
    on = {as_words(value): value for value in values if not _is_off(value)}
    if len(on) != 1 or len(on) == len({as_words(value) for value in values}):
        return None
    word, value = next(iter(on.items()))
    return "" if value is True else word if isinstance(value, str) else None


def _label(name: str, values: Mapping[str, Json]) -> str:
    way = _way(list(values.values()))
    words = name.replace("_", " ")
    return f"{words} ({way})" if way else words
