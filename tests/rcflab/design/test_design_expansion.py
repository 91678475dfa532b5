"""Designs become arms: the same ones each time, no two equal, as many as were counted."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcflab.design.expand import combinations, count_arms, reference
from rcflab.design.factor import KINDS, Combination, Design, DesignKind
from rcflab.design.names import longest_name, name_arms, short_names
from rcflab.design.read import read_design

Make = Callable[..., Design]
_LISTED: tuple[DesignKind, ...] = ("one_at_a_time", "factorial", "leave_one_out")


def designs(kinds: tuple[DesignKind, ...], *, conditions: bool = True) -> st.SearchStrategy[Design]:
    """Designs of up to five factors, some of them under a condition on one above."""

    @st.composite
    def strategy(draw: st.DrawFn) -> Design:
        kind = draw(st.sampled_from(kinds))
        count = draw(st.integers(1, 5))
        most = 2 if kind == "leave_one_out" else 4
        sizes = draw(st.lists(st.integers(2, most), min_size=count, max_size=count))
        factors = {f"part.{'abcde'[place]}": list(range(size)) for place, size in enumerate(sizes)}
        when: dict[str, dict[str, list[int]]] = {}
        for place in range(1, count):
            if conditions and draw(st.booleans()):
                parent = draw(st.integers(0, place - 1))
                allowed = draw(st.sets(st.integers(0, sizes[parent] - 1), min_size=1))
                # A design that changes one factor of the baseline needs each factor in it.
                allowed |= {"one_at_a_time": {0}, "leave_one_out": {sizes[parent] - 1}}.get(kind, set())
                when["abcde"[place]] = {"abcde"[parent]: sorted(allowed)}
        design, faults = read_design({"factors": factors, "design": kind, "when": when or None})
        assert design is not None, faults
        return design

    return strategy()


def changed(design: Design, arm: Combination) -> set[str]:
    """Factors that have another level in `arm` than in the reference, of those that exist in both."""
    start = reference(design)
    return {path for path in arm.keys() & start.keys() if arm[path] != start[path]}


@given(designs(_LISTED))
def test_the_count_is_the_number_of_arms(design: Design) -> None:
    assert count_arms(design) == len(combinations(design))


@given(designs(_LISTED))
def test_no_two_arms_are_equal_and_no_two_names(design: Design) -> None:
    arms = combinations(design)
    assert len({tuple(sorted(arm.items())) for arm in arms}) == len(arms) == len(name_arms(design))


@given(designs(_LISTED))
def test_expansion_is_the_same_each_time(design: Design) -> None:
    assert list(name_arms(design).items()) == list(name_arms(design).items())


@given(designs(_LISTED))
def test_a_factor_is_in_an_arm_exactly_where_it_exists(design: Design) -> None:
    for arm in combinations(design):
        assert {factor.path for factor in design.factors if factor.exists(arm)} == set(arm)


@given(designs(("one_at_a_time", "leave_one_out")))
def test_arms_differ_from_the_reference_in_one_factor(design: Design) -> None:
    assert [len(changed(design, arm)) for arm in combinations(design)[1:]] == [1] * (count_arms(design) - 1)


@given(designs(("one_at_a_time",)))
def test_each_level_has_its_arm_one_at_a_time(design: Design) -> None:
    found = {(path, arm[path]) for arm in combinations(design) for path in changed(design, arm)}
    assert found == {(factor.path, level) for factor in design.factors for level in range(1, len(factor.levels))}


@given(designs(("leave_one_out",)))
def test_leave_one_out_starts_with_everything_on(design: Design) -> None:
    assert set(reference(design).values()) == {1}
    assert set(reference(design)) == {factor.path for factor in design.factors}


@given(designs(("factorial",), conditions=False))
def test_a_factorial_is_the_whole_product(design: Design) -> None:
    whole = product(*(range(len(factor.levels)) for factor in design.factors))
    assert [tuple(arm.values()) for arm in combinations(design)] == list(whole)


@given(designs(("factorial",)))
def test_a_factorial_under_conditions_is_the_product_without_the_levels_that_do_not_exist(design: Design) -> None:
    """By the slow way: each row of the product, with the factors that do not exist in it struck out."""
    rows: set[tuple[tuple[str, int], ...]] = set()
    for levels in product(*(range(len(factor.levels)) for factor in design.factors)):
        kept: dict[str, int] = {}
        for factor, level in zip(design.factors, levels, strict=True):
            if factor.exists(kept):
                kept[factor.path] = level
        rows.add(tuple(kept.items()))
    assert {tuple(arm.items()) for arm in combinations(design)} == rows


@given(designs(_LISTED))
def test_no_name_is_longer_than_was_foreseen(design: Design) -> None:
    names = list(name_arms(design))[1:]
    assert max(map(len, names), default=0) <= longest_name(design)


def test_a_design_of_a_milliard_milliard_arms_is_counted_without_being_listed(design_of: Make) -> None:
    design = design_of(factors={f"f{place}": list(range(10)) for place in range(18)}, design="factorial")
    assert count_arms(design) == 10**18


_TWO: dict[str, Any] = {"model.reference.tokens": [4, 16], "model.queries": [10, 20]}


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("one_at_a_time", ["baseline", "tokens=16", "queries=20"]),
        ("leave_one_out", ["baseline", "tokens=4", "queries=10"]),
        ("factorial", ["baseline", "tokens=4 queries=20", "tokens=16 queries=10", "tokens=16 queries=20"]),
    ],
)
def test_names_say_what_changes_or_every_level_of_a_crossed_design(
    design_of: Make, kind: str, names: list[str]
) -> None:
    assert list(name_arms(design_of(factors=_TWO, design=kind))) == names


def test_the_baseline_may_have_a_name_of_its_own(design_of: Make) -> None:
    assert next(iter(name_arms(design_of(factors=_TWO, design="factorial"), "rcf"))) == "rcf"


def test_where_another_arm_is_the_baseline_the_first_one_is_called_by_its_levels(design_of: Make) -> None:
    design = design_of(factors=_TWO, design="one_at_a_time")
    assert list(name_arms(design, "tokens=16")) == ["tokens=4 queries=10", "tokens=16", "queries=20"]


def test_a_factor_without_its_parents_level_makes_no_arm_and_stands_in_no_name(design_of: Make) -> None:
    factors = {"model.reference.frames": [0, 1], "model.reference.tokens": [1, 4]}
    design = design_of(factors=factors, design="factorial", when={"tokens": {"frames": [1]}})
    assert list(name_arms(design)) == ["baseline", "frames=1 tokens=1", "frames=1 tokens=4"]


def test_levels_of_every_kind_are_readable_in_names(design_of: Make) -> None:
    levels = [0.5, 6e-4, True, None, "full", [48, 64], []]
    names = list(name_arms(design_of(factors={"x": levels}, design="one_at_a_time")))
    assert names == ["baseline", "x=0.0006", "x=true", "x=null", "x=full", "x=48+64", "x=none"]


def test_short_names_are_the_shortest_ends_that_are_unique() -> None:
    paths = ["model.encoder.layers", "model.decoder.layers", "model.queries"]
    assert list(short_names(paths).values()) == ["encoder.layers", "decoder.layers", "queries"]


def test_every_kind_of_design_is_tried_here() -> None:
    assert {*_LISTED, "fractional"} == set(KINDS)
