"""The space of a search: what may be written, which points there are."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcflab.search.space import Space, read_space

CONDITIONAL = {
    "model.frames": {"choice": [0, 1, 2]},
    "model.tokens": {"choice": [1, 4]},
    "model.weight": {"choice": [True, False]},
    "training.lr": {"log_uniform": [1e-4, 1e-2]},
    "model.queries": {"int": [5, 20, 5]},
}
WHEN = {"tokens": {"frames": [1, 2]}, "weight": {"tokens": [4]}}


def space_of(space: Any, when: Any = None) -> Space:
    found, faults = read_space(space, when)
    assert faults == [] and found is not None
    return found


def faults_of(space: Any, when: Any = None) -> list[str]:
    found, faults = read_space(space, when)
    assert found is None
    return [f"{'.'.join(map(str, fault.loc))}: {fault.got}" for fault in faults]


@given(st.integers())
def test_a_field_is_in_a_point_exactly_where_its_condition_holds(seed: int) -> None:
    space, draw = space_of(CONDITIONAL, WHEN), random.Random(seed)
    point = space.points(lambda each: draw.choice(each.factor.levels))
    assert ("model.tokens" in point) == (point["model.frames"] in (1, 2))
    assert ("model.weight" in point) == (point.get("model.tokens") == 4)
    assert all(each.holds(point[each.path]) for each in space.parameters if each.path in point)


def test_a_grid_has_each_point_once() -> None:
    finite = {path: domain for path, domain in CONDITIONAL.items() if "log_uniform" not in domain}
    space = space_of(finite, WHEN)
    grid = [tuple(point.items()) for point in space.grid()]
    # frames 0: 4 queries; frames 1 and 2: (tokens 1, or tokens 4 with 2 weights) x 4 queries
    assert len(grid) == len(set(grid)) == space.size() == 4 + 2 * 3 * 4


def test_corners_are_the_ends_of_ranges_and_all_choices() -> None:
    space = space_of({"training.lr": {"uniform": [0.1, 0.5]}, "model.frames": {"choice": [0, 1, 2]}})
    assert {point["training.lr"] for point in space.corners()} == {0.1, 0.5}
    assert {point["model.frames"] for point in space.corners()} == {0, 1, 2}


def test_corners_of_a_large_space_are_a_part_with_every_level() -> None:
    space = space_of({f"f{index}": {"choice": list(range(4))} for index in range(20)})
    corners = space.corners()
    assert len(corners) < 1000
    assert all({point[f"f{index}"] for point in corners} == {0, 1, 2, 3} for index in range(20))


@pytest.mark.parametrize(
    ("domain", "got"),
    [
        ({"choice": [1, "a"]}, "values of mixed types: number, text"),
        ({"choice": [1, True]}, "values of mixed types: number, true or false"),
        ({"choice": []}, "an empty list"),
        ({"choice": [1]}, "one value only, 1"),
        ({"choice": [1, 2, 1.0]}, "1.0 a second time"),
        ({"choice": [{"a": 1}, {"b": 2}]}, "mappings"),
        ({"uniform": [1, 0]}, "[1, 0]"),
        ({"uniform": [0, "1"]}, "[0, '1']"),
        ({"log_uniform": [0, 1]}, "[0, 1]"),
        ({"int": [1, 2.5]}, "[1, 2.5]"),
        ({"int": [0, 10**9]}, "[0, 1000000000]"),
        ({"int": [0, 10, 0]}, "[0, 10, 0]"),
        ({"loguniform": [1, 2]}, "the unknown kind 'loguniform'"),
        ({"uniform": [0, 1], "int": [0, 1]}, "{'uniform': [0, 1], 'int': [0, 1]}"),
        ([1, 2], "[1, 2]"),
    ],
)
def test_what_is_no_domain_is_named(domain: Any, got: str) -> None:
    assert [fault.split(": ", 1)[1] for fault in faults_of({"training.lr": domain})] == [got]


@pytest.mark.parametrize("space", [{}, None, [], "lr"])
def test_an_empty_space_is_refused(space: Any) -> None:
    assert len(faults_of(space)) == 1


def test_all_faults_of_a_space_are_named_at_once() -> None:
    assert len(faults_of({"a": {"choice": []}, "b": {"uniform": [1, 1]}, "a.b": {"int": [0, 3]}})) == 3


def test_a_condition_on_a_range_is_refused() -> None:
    written = {"a": {"uniform": [0, 1]}, "b": {"choice": [1, 2]}}
    assert faults_of(written, {"b": {"a": [0]}})
    assert faults_of(written, {"b": {"c": [0]}}) == ["search.when.b.c: the unknown factor 'c'"]
