"""The cheapest exchange of slots is the one that trying all of them finds."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rcf.diagnostics.slot_swaps import Norm, identity_gap, self_gap, slot_costs, swap_gap

NORMS: tuple[Norm, ...] = ("2", "inf")
# Few values, so that equal slots, ties and permutations cheaper than the identity come often.
levels = st.sampled_from([0.0, 0.25, 0.5, 1.0])


@st.composite
def pairs_of_outputs(draw: Any) -> tuple[Any, Any]:
    shape = (draw(st.integers(2, 6)), draw(st.integers(1, 3)))
    return draw(arrays(np.float64, shape, elements=levels)), draw(arrays(np.float64, shape, elements=levels))


def brute_force(before: Any, after: Any, norm: Norm, movable: list[int]) -> float:
    gaps: list[float] = []
    for moved in itertools.permutations(movable):
        order = list(range(len(before)))
        for place, slot in zip(movable, moved, strict=True):
            order[place] = slot
        if order != sorted(order):
            gaps.append(float(np.linalg.norm((before - after[order]).ravel(), 2 if norm == "2" else np.inf)))
    return min(gaps)


@pytest.mark.parametrize("norm", NORMS)
@given(pairs_of_outputs(), st.data())
def test_the_swap_gap_is_the_least_over_all_other_permutations(norm: Norm, outputs: tuple[Any, Any], data: Any) -> None:
    before, after = outputs
    costs = slot_costs(before, after, norm)
    everything = list(range(len(before)))
    assert swap_gap(costs, norm) == pytest.approx(brute_force(before, after, norm, everything), abs=1e-12)
    some = sorted(data.draw(st.sets(st.sampled_from(everything), min_size=2)))
    assert swap_gap(costs, norm, some) == pytest.approx(brute_force(before, after, norm, some), abs=1e-12)
    assert identity_gap(costs, norm) == pytest.approx(
        np.linalg.norm((before - after).ravel(), 2 if norm == "2" else np.inf), abs=1e-12
    )


@pytest.mark.parametrize("norm", NORMS)
@given(pairs_of_outputs())
def test_against_itself_the_cheapest_permutation_exchanges_two_slots(norm: Norm, outputs: tuple[Any, Any]) -> None:
    before, _ = outputs
    everything = list(range(len(before)))
    assert self_gap(slot_costs(before, before, norm), norm) == pytest.approx(
        brute_force(before, before, norm, everything), abs=1e-12
    )


@pytest.mark.parametrize("norm", NORMS)
def test_seven_slots_of_masks(norm: Norm) -> None:
    rng = np.random.default_rng(7)
    for _ in range(5):
        before, after = rng.random((2, 7, 12))
        found = swap_gap(slot_costs(before, after, norm), norm)
        assert found == pytest.approx(brute_force(before, after, norm, list(range(7))), abs=1e-12)


def test_a_cycle_of_three_can_be_cheaper_than_every_exchange_of_two() -> None:
    # Each slot moves one place on a triangle: going with it is free, exchanging two of them is not.
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, math.sqrt(0.75)]])
    costs = slot_costs(corners, corners[[2, 0, 1]], "2")
    assert swap_gap(costs, "2") == pytest.approx(0.0, abs=1e-12)
    assert min(swap_gap(costs, "2", pair) or 0.0 for pair in itertools.combinations(range(3), 2)) > 1.0


def test_equal_slots_may_be_exchanged_for_nothing() -> None:
    before = np.array([[0.2, 0.4], [0.2, 0.4], [0.9, 0.1]])
    after = before + np.array([[0.1, 0.0], [0.1, 0.0], [0.0, 0.1]])
    for norm in NORMS:
        costs = slot_costs(before, after, norm)
        assert swap_gap(costs, norm) == identity_gap(costs, norm)
        assert self_gap(slot_costs(before, before, norm), norm) == 0.0


@pytest.mark.parametrize("norm", NORMS)
def test_one_slot_or_none_has_no_other_permutation(norm: Norm) -> None:
    outputs = np.array([[0.1], [0.9]])
    costs = slot_costs(outputs, outputs, norm)
    assert swap_gap(costs[:1, :1], norm) is swap_gap(costs, norm, [1]) is swap_gap(costs, norm, []) is None
    assert self_gap(costs[:1, :1], norm) is self_gap(costs, norm, []) is None


def test_the_inf_norm_hardly_sees_a_swap_once_one_pixel_flips() -> None:
    """Why no conclusion is drawn from it: facts on the Lipschitz diagnostics, section 0.4."""
    before = np.eye(3)[:, :, None].repeat(4, 2).reshape(3, 12)
    after = before.copy()
    after[2, 0] = 1.0
    squares, largest = slot_costs(before, after, "2"), slot_costs(before, after, "inf")
    assert (identity_gap(squares, "2"), identity_gap(largest, "inf")) == (1.0, 1.0)
    assert swap_gap(largest, "inf") == 1.0
    assert (swap_gap(squares, "2") or 0.0) > 2.0
