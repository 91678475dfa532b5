"""Seeds for a gap, gap for seeds. Golden values were simulated or computed apart from this code."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rcflab.stats.power import SeedsNeeded, power_of, sd_limits, seeds_for, seeds_needed, smallest_gap

GAPS = (0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 3.0)


@pytest.mark.parametrize(
    ("seed_sd", "seeds"),
    [(0.4, (30, 13, 7, 5, 4, 3, 3)), (0.6, (65, 25, 11, 8, 5, 4, 3)), (0.8, (114, 43, 18, 13, 7, 5, 4))],
)
def test_golden_seeds_for_80_percent(seed_sd: float, seeds: tuple[int, ...]) -> None:
    assert tuple(seeds_for(gap, math.sqrt(2) * seed_sd) for gap in GAPS) == seeds


@pytest.mark.parametrize(
    ("n", "gap", "sd", "power"),
    [
        (23, 0.5, 0.8, 0.817),
        (10, 0.8, 0.8, 0.803),
        (5, 0.8, 0.8, 0.401),
        (3, 2.0, 0.8, 0.619),
    ],
)
def test_golden_power(n: int, gap: float, sd: float, power: float) -> None:
    assert power_of(n, gap, sd) == pytest.approx(power, abs=1e-3)


@pytest.mark.parametrize(("gap", "power"), [(0.3, 0.07), (0.5, 0.10), (0.8, 0.17), (2.0, 0.58), (3.5, 0.92)])
def test_golden_power_of_three_seeds(gap: float, power: float) -> None:
    assert power_of(3, gap, 0.85) == pytest.approx(power, abs=6e-3)


@given(n=st.integers(2, 60), shift=st.floats(0, 6))
def test_it_is_scipys_noncentral_t_where_that_is_a_number(n: int, shift: float) -> None:
    critical = stats.t.isf(0.025, n - 1)
    wanted = stats.nct.sf(critical, n - 1, shift) + stats.nct.cdf(-critical, n - 1, shift)
    assert power_of(n, shift / math.sqrt(n), 1.0) == pytest.approx(wanted, abs=1e-8)


@given(n=st.integers(2, 3000), gap=st.floats(0, 1e4), sd=st.floats(1e-3, 1e3))
def test_power_is_a_probability_for_any_gap(n: int, gap: float, sd: float) -> None:
    assert 0.05 - 1e-8 <= power_of(n, gap, sd) <= 1 + 1e-8


@given(gap=st.floats(0.2, 4), sd=st.floats(0.2, 2), power=st.floats(0.3, 0.95))
def test_one_seed_less_would_not_be_enough(gap: float, sd: float, power: float) -> None:
    seeds = seeds_for(gap, sd, power)
    assert power_of(seeds, gap, sd) >= power
    assert seeds == 2 or power_of(seeds - 1, gap, sd) < power


@pytest.mark.parametrize(("n", "limits"), [(3, (0.52, 6.28)), (5, (0.60, 2.87)), (10, (0.69, 1.83))])
def test_golden_limits_of_a_standard_deviation(n: int, limits: tuple[float, float]) -> None:
    assert sd_limits(1.0, n) == pytest.approx(limits, abs=5e-3)


def test_seeds_are_said_at_both_limits_of_the_spread() -> None:
    low, high = sd_limits(0.8, 3)
    assert seeds_needed(1.0, 0.8, 3) == SeedsNeeded(seeds_for(1.0, 0.8), seeds_for(1.0, low), seeds_for(1.0, high))


@pytest.mark.parametrize(
    ("video_sd", "gaps"), [(0.5, {5: 1.8, 10: 1.6, 20: 1.5, None: 1.4}), (1.2, {5: 3.5, 10: 3.4, 20: 3.4, None: 3.4})]
)
def test_golden_gaps_on_new_videos(video_sd: float, gaps: dict[int | None, float]) -> None:
    """Simulated for a spread of 0.8 over seeds; the formula leaves out what few seeds add, 0.1 at most."""
    for seeds, gap in gaps.items():
        assert smallest_gap(seeds, 0.8, video_sd**2) == pytest.approx(gap, abs=0.11)


def test_without_end_of_seeds_the_videos_remain() -> None:
    assert smallest_gap(None, 0.8, 0.25) == pytest.approx(2.8016 * 0.5, abs=1e-4)
    assert smallest_gap(10**9, 0.8, 0.25) == pytest.approx(smallest_gap(None, 0.8, 0.25))
    assert smallest_gap(None, 0.8, 0.25 / 4) == pytest.approx(smallest_gap(None, 0.8, 0.25) / 2)


@pytest.mark.parametrize(
    "arguments", [(1, 1.0, 1.0), (5, -1.0, 1.0), (5, 1.0, 0.0), (5, np.nan, 1.0), (5, 1.0, 1.0, 0.0)]
)
def test_numbers_out_of_range_are_refused(arguments: tuple[int, float, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        power_of(*arguments)


def test_a_gap_of_0_needs_no_number_of_seeds() -> None:
    with pytest.raises(ValueError, match=r"got gap 0\.0 and power 0\.8, expected a gap above 0"):
        seeds_for(0.0, 1.0)


@pytest.mark.parametrize(("seeds", "variance"), [(0, 1.0), (5, -1.0)])
def test_a_gap_for_no_seeds_or_less_than_no_noise_is_refused(seeds: int, variance: float) -> None:
    with pytest.raises(ValueError, match="expected at least one seed, a variance of at least 0"):
        smallest_gap(seeds, 1.0, variance)


def test_limits_from_one_seed_are_refused() -> None:
    with pytest.raises(ValueError, match="n: got 1, expected at least 2 seeds"):
        sd_limits(1.0, 1)
