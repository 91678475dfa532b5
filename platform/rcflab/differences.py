"""What differs between two resolved configurations.

    {model: {queries: 10, width: 64}}, {model: {queries: 20, width: 64}}  -->  model.queries: 10 -> 20

Pure. Lists are values; a field that only one of the two has (another kind of data) is told apart from one that is null.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rcflab.records import Json
from rcflab.yaml_file import is_mapping


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """One field in which two configurations differ."""

    path: str
    """Dotted path."""
    sides: tuple[tuple[Json, ...], tuple[Json, ...]]
    """The value on each side, in a tuple of its own: empty where that side has no such field."""


def differing_fields(one: Mapping[str, Json], other: Mapping[str, Json]) -> tuple[FieldDifference, ...]:
    """The fields whose values are not equal, in order of `one`, then those that only `other` has."""
    first, second = dict(leaves(one)), dict(leaves(other))
    found: list[FieldDifference] = []
    for path in [*first, *(path for path in second if path not in first)]:
        sides = tuple((values[path],) if path in values else () for values in (first, second))
        if sides[0] != sides[1]:
            found.append(FieldDifference(path, (sides[0], sides[1])))
    return tuple(found)


def leaves(value: Mapping[str, Json], prefix: str = "") -> Iterator[tuple[str, Json]]:
    """Every field by its dotted path; an empty section is a value."""
    for name, inner in value.items():
        if is_mapping(inner) and inner:
            yield from leaves(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", inner
