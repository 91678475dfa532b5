"""Fractions: which arms, what resolution, what cannot be told apart."""

from collections.abc import Callable
from itertools import combinations as subsets
from math import prod

import pytest

from rcflab.design.expand import combinations, count_arms, reference
from rcflab.design.factor import Design
from rcflab.design.fraction import alias_lines, aliases, resolution
from rcflab.design.names import name_arms

Make = Callable[..., Design]
FRACTIONS = {
    "2^(3-1)": ("abc", {"c": "a*b"}, 3),
    "2^(4-1)": ("abcd", {"d": "a*b*c"}, 4),
    "2^(5-1)": ("abcde", {"e": "a*b*c*d"}, 5),
    "2^(5-2)": ("abcde", {"d": "a*b", "e": "a*c"}, 3),
    "2^(6-2)": ("abcdef", {"e": "a*b*c", "f": "b*c*d"}, 4),
    "2^(7-4)": ("abcdefg", {"d": "a*b", "e": "a*c", "f": "b*c", "g": "a*b*c"}, 3),
    "2^(3-1), other half": ("abc", {"c": "-a*b"}, 3),
    "2^(5-2), signs": ("abcde", {"d": "-a*b", "e": "a*c"}, 3),
}
"""Factors, generators, resolution: the table of fractions in Box, Hunter and Hunter, Statistics for Experimenters."""


@pytest.fixture(params=FRACTIONS.values(), ids=FRACTIONS)
def fraction(request: pytest.FixtureRequest, design_of: Make) -> tuple[Design, int]:
    """One of FRACTIONS with its resolution."""
    names, generators, number = request.param
    design = design_of(factors={name: [0, 1] for name in names}, design="fractional", generators=generators)
    return design, number


def column(design: Design, paths: tuple[str, ...]) -> tuple[int, ...]:
    """Signs of an effect over the arms."""
    return tuple(prod(2 * arm[path] - 1 for path in paths) for arm in combinations(design))


def test_a_fraction_has_the_resolution_of_the_table(fraction: tuple[Design, int]) -> None:
    assert resolution(fraction[0]) == fraction[1]


def test_a_fraction_has_as_many_arms_as_its_basic_factors_have_combinations(fraction: tuple[Design, int]) -> None:
    design, _ = fraction
    arms = combinations(design)
    assert count_arms(design) == len(arms) == 2 ** len(design.basic) == len(name_arms(design))
    assert len({tuple(arm.items()) for arm in arms}) == len(arms)


def test_each_pair_of_factors_has_each_pair_of_levels_equally_often(fraction: tuple[Design, int]) -> None:
    design, _ = fraction
    names = [factor.path for factor in design.factors]
    assert all(sum(column(design, (name,))) == 0 for name in names)
    assert all(sum(column(design, pair)) == 0 for pair in subsets(names, 2))


def test_aliases_are_the_effects_whose_columns_are_equal_or_opposite(fraction: tuple[Design, int]) -> None:
    design, _ = fraction
    names = [factor.path for factor in design.factors]
    effects = [paths for size in (1, 2) for paths in subsets(names, size)]
    found = {
        (one.paths, other.paths, one.sign * other.sign) for group in aliases(design) for one, other in subsets(group, 2)
    }
    equal = {
        (one, other, sign)
        for one, other in subsets(effects, 2)
        for sign in (1, -1)
        if column(design, one) == tuple(sign * value for value in column(design, other))
    }
    assert found == equal


def test_no_main_effect_is_aliased_from_resolution_4_on_and_no_pair_from_5_on(fraction: tuple[Design, int]) -> None:
    design, number = fraction
    sizes = {len(effect.paths) for group in aliases(design) for effect in group}
    assert sizes == {3: {1, 2}, 4: {2}, 5: set[int]()}[number]


def test_the_alias_table_reads_like_an_equation(design_of: Make) -> None:
    factors = {name: [0, 1] for name in ("model.a", "model.b", "training.c")}
    assert alias_lines(design_of(factors=factors, design="fractional", generators={"c": "-a*b"})) == (
        "a = -b*c",
        "b = -a*c",
        "c = -a*b",
    )


def test_the_first_arm_has_the_low_levels_of_the_basic_factors_and_what_follows_from_them(design_of: Make) -> None:
    factors = {name: [0, 1] for name in "abc"}
    halves = [design_of(factors=factors, design="fractional", generators={"c": text}) for text in ("a*b", "-a*b")]
    assert [dict(reference(half)) for half in halves] == [{"a": 0, "b": 0, "c": 1}, {"a": 0, "b": 0, "c": 0}]


def test_a_whole_factorial_has_neither_resolution_nor_aliases(design_of: Make) -> None:
    design = design_of(factors={"a": [0, 1], "b": [0, 1]}, design="factorial")
    assert (resolution(design), aliases(design)) == (None, ())
