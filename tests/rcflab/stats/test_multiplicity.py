"""Adjusted p of several tests."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rcflab.stats.multiplicity import benjamini_hochberg, hochberg, holm

Adjust = Callable[[Sequence[float]], NDArray[np.float64]]
P = (0.011, 0.02, 0.035, 0.04, 0.3)
several = st.lists(st.floats(0, 1), min_size=0, max_size=12)


@pytest.mark.parametrize(
    ("adjust", "wanted"),
    [
        (holm, (0.055, 0.08, 0.105, 0.105, 0.3)),
        (hochberg, (0.055, 0.08, 0.08, 0.08, 0.3)),
        (benjamini_hochberg, (0.05, 0.05, 0.05, 0.05, 0.3)),
    ],
)
def test_golden_values(adjust: Adjust, wanted: tuple[float, ...]) -> None:
    assert adjust(P).tolist() == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("adjust", [holm, hochberg, benjamini_hochberg])
@given(p=several, seed=st.integers(0, 2**32))
def test_permuting_the_tests_permutes_the_answers(adjust: Adjust, p: list[float], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(p))
    assert np.array_equal(adjust(np.array(p)[order].tolist()), adjust(p)[order])


@given(several)
def test_each_correction_is_milder_than_the_one_before_and_none_lowers_p(p: list[float]) -> None:
    bonferroni = np.minimum(1.0, np.array(p) * len(p))
    steps = [bonferroni, holm(p), hochberg(p), benjamini_hochberg(p), np.array(p)]
    assert all((one >= other - 1e-12).all() for one, other in pairwise(steps))


@pytest.mark.parametrize("adjust", [holm, hochberg, benjamini_hochberg])
def test_a_single_test_is_left_alone(adjust: Adjust) -> None:
    assert adjust([0.03]).tolist() == [0.03]


@pytest.mark.parametrize("adjust", [holm, hochberg, benjamini_hochberg])
@pytest.mark.parametrize("p", [[-0.1], [1.1], [float("nan")]])
def test_what_is_no_probability_is_refused(adjust: Adjust, p: list[float]) -> None:
    with pytest.raises(ValueError, match="expected numbers between 0 and 1"):
        adjust(p)
