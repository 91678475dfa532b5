"""The interval for the same checkpoints on other videos."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcflab.stats.contrast import Differences
from rcflab.stats.percentile import Percentile, percentile


def test_limits_are_quantiles_of_the_resampled_difference(make_differences: Callable[..., Differences]) -> None:
    found = percentile(make_differences([50.0], np.arange(101.0)[None]))
    assert found.interval(0.1) == pytest.approx((5.0, 95.0))
    assert found.estimate == 50.0


def test_seeds_are_averaged_within_a_resample(make_differences: Callable[..., Differences]) -> None:
    found = percentile(make_differences([1.0, 3.0], np.array([[1.0, 2.0], [3.0, 6.0]])))
    assert found.replicas.tolist() == [2.0, 4.0]


def test_p_counts_the_resamples_beyond_0_twice_and_the_measured_one() -> None:
    replicas = np.concatenate([np.full(3, -1.0), np.full(96, 2.0)])
    assert Percentile(1.9, replicas).p == pytest.approx(2 * (1 + 3) / 100)


def test_p_has_the_floor_of_its_resamples() -> None:
    found = Percentile(1.0, np.full(1999, 1.0))
    assert found.p == found.smallest_p == 2 / 2000


def test_identical_records_have_p_1() -> None:
    assert Percentile(0.0, np.zeros(100)).p == 1.0


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=60))
def test_swapping_arms_turns_the_interval_and_keeps_p(replicas: list[float]) -> None:
    values = np.array(replicas)
    one, other = Percentile(0.0, values), Percentile(0.0, -values)
    assert one.p == other.p
    assert one.interval() == pytest.approx(tuple(-limit for limit in reversed(other.interval())), abs=1e-12)


def test_a_single_resample_is_refused(make_differences: Callable[..., Differences]) -> None:
    with pytest.raises(ValueError, match="got 1 resamples, expected at least 2"):
        percentile(make_differences([1.0], np.ones((1, 1))))


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_a_level_outside_0_to_1_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha: got"):
        Percentile(1.0, np.ones(5)).interval(alpha)
