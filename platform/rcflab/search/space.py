"""The space of a search: fields, the values that each may take, and under which others it exists.

space, when --read_space--> Space | faults        Space --corners--> points that all others lie between
                                                        --grid--> every point, where that is a finite number

A point names the fields that exist in it: {training.lr: 0.001, model.reference.frames: 0}. Pure; conditions and
combinations are those of designs (rcflab.design).
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from rcflab.design.conditions import read_conditions
from rcflab.design.expand import combinations, count_arms
from rcflab.design.factor import Combination, Design, Factor
from rcflab.design.levels import label_of, likeness, shown
from rcflab.design.names import short_names
from rcflab.field_faults import Fault
from rcflab.records import Json
from rcflab.suggest import nearest
from rcflab.yaml_file import is_list, is_mapping

Kind = Literal["log_uniform", "uniform", "int", "choice"]
KINDS: tuple[Kind, ...] = ("log_uniform", "uniform", "int", "choice")
Point = Mapping[str, Json]
"""Dotted path -> value, of the fields that exist under each other's values."""

MAX_FIELDS, MAX_LEVELS, MAX_GRID, MAX_CHECKED = 50, 1000, 100_000, 512


@dataclass(frozen=True, slots=True)
class Parameter:
    """One field that is searched."""

    factor: Factor
    """Path, short name, condition, and levels: all of a choice or an int, the two ends of a range."""
    kind: Kind

    @property
    def path(self) -> str:
        """Dotted path of the field."""
        return self.factor.path

    def holds(self, value: Json) -> bool:
        """Whether the field may take this value."""
        levels = self.factor.levels
        if self.kind in ("choice", "int"):
            return any(type(value) is type(level) and value == level for level in levels)
        return isinstance(value, (int, float)) and not isinstance(value, bool) and levels[0] <= value <= levels[1]

    def describe(self) -> str:
        """For people: `lr: log uniform 0.0001 to 0.01`."""
        labels = self.factor.labels
        if self.kind == "choice":
            return f"{self.factor.name}: {', '.join(labels)}"
        return f"{self.factor.name}: {self.kind.replace('_', ' ')} {labels[0]} to {labels[-1]}"


@dataclass(frozen=True, slots=True)
class Space:
    """All fields that are searched, each below those that it depends on."""

    parameters: tuple[Parameter, ...]

    @property
    def design(self) -> Design:
        """The levels of all fields, crossed."""
        return Design("factorial", tuple(each.factor for each in self.parameters))

    def points(self, take: Callable[[Parameter], Json]) -> dict[str, Json]:
        """One point, each value by `take`, which is asked for existing fields only, parents first."""
        chosen: dict[str, Json] = {}
        for each in self.parameters:
            if self.exists(each, chosen):
                chosen[each.path] = take(each)
        return chosen

    def exists(self, parameter: Parameter, point: Point) -> bool:
        """Whether the field is one under the values of the fields above it."""
        condition = parameter.factor.condition
        if condition is None:
            return True
        if condition.parent not in point:
            return False
        above = next(each.factor for each in self.parameters if each.path == condition.parent)
        wanted = {likeness(above.levels[index]) for index in condition.levels}
        return likeness(point[condition.parent]) in wanted

    def is_finite(self) -> bool:
        """Whether all points can be listed."""
        return all(each.kind in ("choice", "int") for each in self.parameters)

    def size(self) -> int:
        """Points of a finite space."""
        return count_arms(self.design)

    def grid(self) -> list[dict[str, Json]]:
        """Every point of a finite space, the last field changing fastest."""
        return [self._point(each) for each in combinations(self.design)]

    def corners(self) -> list[dict[str, Json]]:
        """Points at the ends of ranges and at each choice: all of them where they are few, else a fair part."""
        if self.size() <= MAX_CHECKED:
            return self.grid()
        once = combinations(Design("one_at_a_time", tuple(each.factor for each in self.parameters)))
        draw = random.Random(0)
        drawn = [self.points(lambda each: draw.choice(each.factor.levels)) for _ in range(MAX_CHECKED // 2)]
        return [*map(self._point, once), *drawn]

    def _point(self, combination: Combination) -> dict[str, Json]:
        levels = {each.path: each.factor.levels for each in self.parameters}
        return {path: levels[path][index] for path, index in combination.items()}

    def to_json(self) -> Json:
        """All that tells one space from another."""
        return [
            {
                "path": each.path,
                "kind": each.kind,
                "levels": list(each.factor.levels),
                "when": None
                if each.factor.condition is None
                else [each.factor.condition.parent, sorted(each.factor.condition.levels)],
            }
            for each in self.parameters
        ]


def read_space(space: Json, when: Json) -> tuple[Space | None, list[Fault]]:
    """The space in these two fields of `search`, and what is wrong with them; no space where there are faults."""
    if not is_mapping(space) or not space:
        got = "an empty space" if is_mapping(space) else shown(space)
        return None, [Fault(("search", "space"), got, "at least one field, as {dotted.path: {uniform: [low, high]}}")]
    if len(space) > MAX_FIELDS:
        return None, [Fault(("search", "space"), f"{len(space)} fields", f"at most {MAX_FIELDS}")]
    names = short_names(list(space))
    kinds: dict[str, Kind] = {}
    factors: list[Factor] = []
    faults = [fault for path in space for fault in _inside(path, space)]
    for path, domain in space.items():
        found, more = _domain(path, domain)
        faults += more
        if found is not None:
            kinds[path], levels = found
            factors.append(Factor(path, names[path], levels, tuple(label_of(level) for level in levels)))
    if len(factors) == len(space):  # a clause on a field with faults would be called unknown
        factors, more = read_conditions(factors, when)
        faults += [_of_search(fault) for fault in more]
        faults += list(_unlisted_parents(factors, kinds))
    if faults:
        return None, faults
    return Space(tuple(Parameter(factor, kinds[factor.path]) for factor in factors)), []


def _of_search(fault: Fault) -> Fault:
    return Fault(
        ("search", *fault.loc), fault.got, fault.wanted.replace("factor", "field"),
        fault.hint.replace("`factors`", "`search.space`"),
    )  # fmt: skip


def _unlisted_parents(factors: list[Factor], kinds: Mapping[str, Kind]) -> Iterator[Fault]:
    for factor in factors:
        above = factor.condition.parent if factor.condition else None
        if above is not None and kinds[above] not in ("choice", "int"):
            got = f"a condition on {above}, which is {kinds[above]}"
            yield Fault(("search", "when", factor.path), got, "a condition on a field with `choice` or `int`")


def _inside(path: str, space: Mapping[str, Json]) -> Iterator[Fault]:
    for other in space:
        if other.startswith(f"{path}."):
            yield Fault(("search", "space", path), f"a field that holds the field {other!r}", "fields of one value")


def _domain(path: str, domain: Json) -> tuple[tuple[Kind, tuple[Json, ...]] | None, list[Fault]]:
    loc = ("search", "space", path)
    wanted = "one of {log_uniform: [low, high]}, {uniform: [low, high]}, {int: [low, high]}, {choice: [...]}"
    if not is_mapping(domain) or len(domain) != 1:
        return None, [Fault(loc, shown(domain), wanted)]
    ((kind, values),) = domain.items()
    if kind not in KINDS:
        hint = nearest(str(kind), KINDS).removeprefix("; ")
        return None, [Fault((*loc, kind), f"the unknown kind {kind!r}", f"one of {', '.join(KINDS)}", hint)]
    if not is_list(values):
        return None, [Fault((*loc, kind), shown(values), "a list")]
    faults = list(_choice_faults((*loc, kind), values) if kind == "choice" else _range_faults((*loc, kind), values))
    if faults:
        return None, faults
    if kind == "choice":
        return (kind, tuple(values)), []
    if kind == "int":
        return (kind, tuple(range(values[0], values[1] + 1, values[2] if len(values) > 2 else 1))), []
    return (kind, (float(values[0]), float(values[1]))), []


def _choice_faults(loc: tuple[str | int, ...], values: list[Json]) -> Iterator[Fault]:
    if len(values) < 2:
        got = "an empty list" if not values else f"one value only, {shown(values[0])}"
        yield Fault(loc, got, "at least two values", "" if not values else "Set the field itself instead")
        return
    if len(values) > MAX_LEVELS:
        yield Fault(loc, f"{len(values)} values", f"at most {MAX_LEVELS}")
    types = {_type_name(value) for value in values}
    if len(types) > 1:
        got = f"values of mixed types: {', '.join(sorted(types))}"
        yield Fault(loc, got, "values of one type", "Compare values of another type as arms, or in a search each")
        return
    if "mapping" in types:
        yield Fault(loc, "mappings", "numbers, texts, true and false, or lists of them", "Search their fields instead")
        return
    seen: set[str] = set()
    for index, value in enumerate(values):
        if likeness(value) in seen:
            yield Fault((*loc, index), f"{shown(value)} a second time", "values that differ")
        seen.add(likeness(value))


def _type_name(value: Json) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "number"
    return {"str": "text", "list": "list", "dict": "mapping"}.get(type(value).__name__, "null")


def _range_faults(loc: tuple[str | int, ...], values: list[Json]) -> Iterator[Fault]:
    kind = loc[-1]
    whole = kind == "int"
    length = (2, 3) if whole else (2,)
    wanted = "[low, high] or [low, high, step]" if whole else "[low, high]"
    if len(values) not in length or any(not _is_number(value, whole) for value in values):
        yield Fault(loc, shown(values), f"{wanted} as {'whole ' if whole else ''}numbers")
        return
    if not values[0] < values[1]:
        yield Fault(loc, shown(values), f"{wanted} with low below high")
    elif kind == "log_uniform" and values[0] <= 0:
        yield Fault(loc, shown(values), "a low end above 0, since it is searched on a logarithmic scale")
    elif whole and len(values) > 2 and values[2] < 1:
        yield Fault(loc, shown(values), "a step of at least 1")
    elif whole and (values[1] - values[0]) // (values[2] if len(values) > 2 else 1) >= MAX_LEVELS:
        hint = "Take a larger step, or uniform for a field that is no whole number"
        yield Fault(loc, shown(values), f"at most {MAX_LEVELS} whole numbers", hint)


def _is_number(value: Json, whole: bool) -> bool:
    return isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
