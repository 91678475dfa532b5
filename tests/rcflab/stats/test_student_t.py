"""The t-test with its unit, n, mean and sd beside p."""

import math

import numpy as np
import pytest
from scipy import stats

from rcflab.stats.interval import NoSpreadError
from rcflab.stats.t_test import paired_t, t_test


def test_golden_p_of_five_seeds() -> None:
    assert paired_t([0.9, 1.4, -0.2, 0.7, 1.1]).p == pytest.approx(0.0451, abs=1e-4)


def test_golden_interval_of_three_seeds() -> None:
    found = paired_t([1.2, 0.4, 0.9])
    assert found.p == pytest.approx(0.0702, abs=1e-4)
    assert found.interval() == pytest.approx((-0.1706, 1.8373), abs=1e-4)
    assert (found.unit, found.units[0].n, found.df) == ("seed", 3, 2.0)
    assert (found.units[0].mean, found.units[0].sd) == pytest.approx((0.8333, 0.4041), abs=1e-4)


@pytest.mark.parametrize("gap, p, sd", [(1.9, 0.30, 35), (1.7, 0.26, 29), (1.0, 0.65, 42)])
def test_the_papers_p_over_357_videos_implies_a_spread_that_ap_per_video_has(gap: float, p: float, sd: float) -> None:
    """Table 12 of the paper: with this spread of differences per video, its gaps of AP have its p."""
    z = np.random.default_rng(0).normal(size=357)
    differences = gap + sd * (z - z.mean()) / z.std(ddof=1)
    found = t_test(differences.tolist(), [0.0] * 357, unit="video")
    assert found.p == pytest.approx(p, abs=0.02)
    assert (found.unit, found.units[0].n) == ("video", 357)
    assert (found.units[0].mean, found.units[0].sd) == pytest.approx((gap, sd))


def test_unpaired_it_is_welchs_and_names_both_sides() -> None:
    arm, rival = [3.0, 5.0, 4.0, 6.0], [1.0, 2.0, 9.0]
    found, wanted = t_test(arm, rival, unit="category", paired=False), stats.ttest_ind(arm, rival, equal_var=False)
    assert (found.p, found.df) == pytest.approx((wanted.pvalue, wanted.df))
    limits = wanted.confidence_interval(0.9)
    assert found.interval(0.1) == pytest.approx((limits.low, limits.high))
    assert [(each.n, each.mean) for each in found.units] == [(4, 4.5), (3, 4.0)]


@pytest.mark.parametrize("paired", [True, False])
def test_identical_sides_have_p_1(paired: bool) -> None:
    found = t_test([4.0, 4.0], [4.0, 4.0], paired=paired)
    assert (found.p, found.interval()) == (1.0, (0.0, 0.0))


@pytest.mark.parametrize("paired", [True, False])
def test_a_gap_without_spread_is_refused(paired: bool) -> None:
    with pytest.raises(NoSpreadError, match=r"unit video: all differ by 1\.0 exactly"):
        t_test([2.0, 2.0], [1.0, 1.0], paired=paired)


def test_scores_without_a_partner_are_refused() -> None:
    with pytest.raises(ValueError, match="unit category: got 3 and 2 scores"):
        t_test([1.0, 2.0, 3.0], [1.0, 2.0], unit="category")


def test_a_single_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="unit seed: got 1 of them, expected at least 2"):
        t_test([1.0], [2.0], unit="seed")


def test_a_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="expected at least one finite number"):
        t_test([1.0, math.nan], [2.0, 3.0])
