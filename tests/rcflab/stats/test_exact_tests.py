"""Exact tests over seeds, and the words where no number of signs can reach the level."""

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from rcflab.stats.exact import is_testable, not_testable, seeds_to_be_testable, sign_flip, wilcoxon

values = st.lists(st.floats(-20, 20).map(lambda x: round(x, 6)), min_size=1, max_size=9)


def test_golden_p_of_five_seeds() -> None:
    differences = np.array([0.9, 1.4, -0.2, 0.7, 1.1])
    assert sign_flip(differences).p == pytest.approx(0.125, abs=1e-12)
    assert wilcoxon(differences).p == pytest.approx(0.125, abs=1e-12)


@given(values)
def test_sign_flip_counts_all_sign_patterns(differences: list[float]) -> None:
    floor = abs(sum(differences)) - 1e-12 * sum(map(abs, differences))
    sums = [sum(s * d for s, d in zip(signs, differences, strict=True))
            for signs in product((1, -1), repeat=len(differences))]  # fmt: skip
    wanted = sum(abs(total) >= floor for total in sums) / len(sums)
    assert sign_flip(np.array(differences)).p == pytest.approx(wanted, abs=1e-12)


@given(values)
def test_wilcoxon_is_scipys_where_there_are_no_zeros_and_ties(differences: list[float]) -> None:
    array = np.array(differences)
    assume(np.abs(array).min() > 1e-3 and np.diff(np.sort(np.abs(array))).min(initial=1) > 1e-4)
    found = wilcoxon(array)
    assert found.method == "Wilcoxon signed-rank"
    assert found.p == pytest.approx(stats.wilcoxon(array, method="exact").pvalue, abs=1e-12)


def test_zeros_are_ranked_but_have_no_sign() -> None:
    """Pratt: ranks 2, 3, 4 have signs, all positive, so 2 of 2^3 patterns are as extreme."""
    assert wilcoxon(np.array([0.0, 1.0, 2.0, 3.0])).p == pytest.approx(0.25)


def test_equal_magnitudes_turn_wilcoxon_into_sign_flip() -> None:
    differences = np.array([1.0, -1.0, 2.0, 4.0])
    found = wilcoxon(differences)
    assert found == sign_flip(differences)
    assert found.method == "sign-flip"


@pytest.mark.parametrize("n", range(3, 11))
def test_the_smallest_p_is_two_patterns(n: int) -> None:
    differences = np.arange(1.0, n + 1)
    assert sign_flip(differences).p == pytest.approx(2 / 2**n, rel=1e-12)
    assert wilcoxon(differences).p == pytest.approx(2 / 2**n, rel=1e-12)


@pytest.mark.parametrize(("arms", "n"), [(1, 6), (3, 7), (5, 8), (10, 9)])
def test_seeds_needed_for_a_family_under_holm(arms: int, n: int) -> None:
    level = 0.05 / arms
    assert seeds_to_be_testable(level) == n
    assert (is_testable(n - 1, level), is_testable(n, level)) == (False, True)


def test_too_few_seeds_say_so_whatever_the_effect() -> None:
    found = sign_flip(np.array([10.0, 10.1, 10.2, 10.3, 10.4]))
    assert found.refusal == not_testable(5) == "not testable (n=5)"
    assert sign_flip(np.arange(1.0, 8.0), level=0.05 / 5).refusal == "not testable (n=7)"


def test_enough_seeds_have_no_such_words() -> None:
    assert sign_flip(np.arange(1.0, 7.0)).refusal is None
    assert sign_flip(np.arange(1.0, 9.0), level=0.05 / 5).refusal is None


def test_no_difference_at_all_has_p_1() -> None:
    assert sign_flip(np.zeros(6)).p == wilcoxon(np.zeros(6)).p == 1.0


def test_forty_seeds_are_still_exact() -> None:
    assert sign_flip(np.ones(40)).p == pytest.approx(2 / 2**40, rel=1e-12)


@given(values)
def test_the_sign_and_the_order_of_the_differences_do_not_matter(differences: list[float]) -> None:
    array = np.array(differences)
    assert sign_flip(array).p == sign_flip(-array).p
    assert sign_flip(array).p == pytest.approx(sign_flip(array[::-1]).p, abs=1e-12)


@pytest.mark.parametrize("differences", [[], [1.0] * 41])
def test_numbers_of_seeds_that_cannot_be_enumerated_are_refused(differences: list[float]) -> None:
    with pytest.raises(ValueError, match="expected 1 to 40; for more use the paired t"):
        sign_flip(np.array(differences))


def test_a_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="expected finite numbers"):
        wilcoxon(np.array([1.0, np.nan]))


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_a_level_that_means_nothing_is_refused(level: float) -> None:
    with pytest.raises(ValueError, match="level: got"):
        seeds_to_be_testable(level)
