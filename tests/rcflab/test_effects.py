"""Main effects and interactions: exact values, and what they are not mixed with."""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcflab.stats.effects import contrasts, interaction, main_effect, simple_effect

TOLERANCE = 1e-12


def score(a: int, b: int, c: int = 0) -> float:
    """The test case: A does 2, B does 1, C does nothing, A and B together 1.5 more."""
    return 10 + 2 * a + 1 * b + 0 * c + 1.5 * a * b


def table(levels: list[tuple[int, ...]]) -> tuple[dict[str, list[int]], np.ndarray[Any, Any]]:
    """Columns A, B, ... and the scores of the arms with these levels."""
    columns = {"ABC"[place]: [row[place] for row in levels] for place in range(len(levels[0]))}
    return columns, np.array([score(*row) for row in levels])


WHOLE = table(list(product((0, 1), repeat=2)))
WHOLE_3 = table(list(product((0, 1), repeat=3)))
HALF = table([(a, b, int(a == b)) for a, b in product((0, 1), repeat=2)])
"""2^(3-1) with C = AB."""


@pytest.mark.parametrize("design", [WHOLE, WHOLE_3], ids=["2^2", "2^3"])
@pytest.mark.parametrize(("factor", "effect"), [("A", 2.75), ("B", 1.75)])
def test_a_main_effect_is_the_mean_over_the_other_factors(design: Any, factor: str, effect: float) -> None:
    columns, scores = design
    assert main_effect(columns, factor) @ scores == pytest.approx(effect, abs=TOLERANCE)


@pytest.mark.parametrize("design", [WHOLE, WHOLE_3], ids=["2^2", "2^3"])
def test_an_interaction_is_the_difference_of_differences(design: Any) -> None:
    columns, scores = design
    assert interaction(columns, ("A", "B")) @ scores == pytest.approx(1.5, abs=TOLERANCE)


@pytest.mark.parametrize(("factor", "effect"), [("A", 2.0), ("B", 1.0)])
def test_one_at_a_time_from_all_off_leaves_the_interaction_out(factor: str, effect: float) -> None:
    columns, scores = table([(0, 0), (1, 0), (0, 1)])
    assert simple_effect(columns, 0, factor) @ scores == pytest.approx(effect, abs=TOLERANCE)


@pytest.mark.parametrize(("factor", "effect"), [("A", 3.5), ("B", 2.5)])
def test_leave_one_out_from_all_on_counts_the_interaction_in(factor: str, effect: float) -> None:
    columns, scores = table([(1, 1), (0, 1), (1, 0)])
    assert simple_effect(columns, 0, factor) @ scores == pytest.approx(effect, abs=TOLERANCE)


@pytest.mark.parametrize(("factor", "effect"), [("C", 0.75), ("A", 2.75), ("B", 1.75)])
def test_a_fraction_returns_the_sum_of_what_is_aliased(factor: str, effect: float) -> None:
    """C does nothing: what its column returns is half of the contrast of A and B."""
    columns, scores = HALF
    assert main_effect(columns, factor) @ scores == pytest.approx(effect, abs=TOLERANCE)


def test_a_factor_that_does_nothing_has_no_effect_in_the_whole_design() -> None:
    columns, scores = WHOLE_3
    found = {contrast.factors: np.array(contrast.weights) @ scores for contrast in contrasts(columns)}
    expected = {("A",): 2.75, ("B",): 1.75, ("C",): 0, ("A", "B"): 1.5, ("A", "C"): 0, ("B", "C"): 0}
    assert found == pytest.approx(expected, abs=TOLERANCE)


def test_the_variance_of_a_main_effect_is_4_over_n_and_that_of_an_interaction_4_times_as_much() -> None:
    columns, scores = WHOLE_3
    assert np.square(main_effect(columns, "A")).sum() == pytest.approx(4 / len(scores), abs=TOLERANCE)
    assert np.square(interaction(columns, ("A", "B"))).sum() == pytest.approx(16 / len(scores), abs=TOLERANCE)


def test_seeds_are_blocks_so_what_moves_a_whole_seed_moves_no_effect() -> None:
    columns, scores = WHOLE
    by_seed = scores[:, None] + np.array([0.0, 5.0, -3.0])
    assert main_effect(columns, "A") @ by_seed == pytest.approx([2.75] * 3, abs=TOLERANCE)


_SIZES = st.lists(st.integers(2, 3), min_size=2, max_size=4)


def crossed(sizes: list[int]) -> dict[str, list[int]]:
    """Columns of a factorial with so many levels."""
    rows = list(product(*map(range, sizes)))
    return {"ABCD"[place]: [row[place] for row in rows] for place in range(len(sizes))}


@given(_SIZES)
def test_weights_sum_to_zero(sizes: list[int]) -> None:
    assert all(abs(sum(contrast.weights)) < TOLERANCE for contrast in contrasts(crossed(sizes)))


@given(_SIZES, st.data())
def test_effects_without_interactions_are_what_each_factor_adds(sizes: list[int], data: st.DataObject) -> None:
    columns = crossed(sizes)
    adds = {name: data.draw(st.lists(st.integers(-9, 9), min_size=3, max_size=3)) for name in columns}
    scores = sum(np.array([adds[name][level] for level in column], dtype=float) for name, column in columns.items())
    for contrast in contrasts(columns):
        (name, *others), level = contrast.factors, contrast.levels[0]
        expected = 0 if others else adds[name][level] - adds[name][0]
        assert np.array(contrast.weights) @ scores == pytest.approx(expected, abs=1e-9)


@given(_SIZES)
def test_every_level_above_the_first_has_a_contrast_and_so_has_every_pair(sizes: list[int]) -> None:
    main = sum(size - 1 for size in sizes)
    pairs = sum((one - 1) * (other - 1) for place, one in enumerate(sizes) for other in sizes[place + 1 :])
    assert len(contrasts(crossed(sizes))) == main + pairs


@pytest.mark.parametrize(
    "call",
    [
        lambda: main_effect({"A": [0, 1, 0], "B": [0, 0, 1]}, "A"),
        lambda: interaction({"A": [0, 1, 0], "B": [0, 0, 1]}, ("A", "B")),
    ],
)
def test_factors_that_are_not_crossed_are_refused(call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="A, B: got pairs of levels unequally often"):
        call()


@pytest.mark.parametrize("level", [0, 2])
def test_a_level_that_no_arm_has_is_refused(level: int) -> None:
    with pytest.raises(ValueError, match=f"A: got level {level}"):
        main_effect(WHOLE[0], "A", level)


def test_a_simple_effect_without_its_arm_is_refused() -> None:
    with pytest.raises(ValueError, match="got 0 arms that differ"):
        simple_effect({"A": [0, 1], "B": [0, 1]}, 0, "A")
