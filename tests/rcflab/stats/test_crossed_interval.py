"""The interval for new seeds and new videos. Golden values: facts of the method, computed apart from this code."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rcflab.stats.contrast import Differences, Scores, difference
from rcflab.stats.crossed import SMALLEST_P, Crossed, crossed
from rcflab.stats.interval import NoSpreadError
from rcflab.stats.pooled import pool
from rcflab.stats.resamples import resample_matrix

Floats = NDArray[np.float64]
THREE, FIVE = (1.2, 0.4, 0.9), (0.9, 1.4, -0.2, 0.7, 1.1)


def centred(values: tuple[float, ...], video_part: float) -> Crossed:
    """Around the mean of the seeds, for infinitely many videos."""
    n = len(values)
    part = float(np.var(values, ddof=1)) / n
    return Crossed(float(np.mean(values)), float(np.mean(values)), part, video_part, n - 1.0, math.inf)


@pytest.mark.parametrize(
    ("values", "video_part", "limits", "p"),
    [
        (THREE, 0.0, (-0.1706, 1.8373), 0.0702),
        (THREE, 0.25, (-0.4793, 2.1459), 0.1683),
        (THREE, 1.0, (-1.3035, 2.9702), 0.4229),
        (FIVE, 0.25, (-0.4400, 2.0000), 0.1898),
    ],
)
def test_golden_intervals(values: tuple[float, ...], video_part: float, limits: tuple[float, float], p: float) -> None:
    found = centred(values, video_part)
    assert found.interval() == pytest.approx(limits, abs=1e-4)
    assert found.p == pytest.approx(p, abs=1e-4)


def test_golden_mean_spread_and_critical_value() -> None:
    found = centred(THREE, 0.25)
    assert (found.estimate, math.sqrt(3 * found.seed_part)) == pytest.approx((0.8333, 0.4041), abs=1e-4)
    assert found.half_width(0.05) / found.standard_error == pytest.approx(2.3789, abs=1e-4)


def test_parts_are_counted_once(make_differences: Callable[..., Differences]) -> None:
    """Spread over seeds and covariance between seeds, but not what a seed has of its own on resamples."""
    rng = np.random.default_rng(0)
    shared, own = rng.normal(0, 2.0, 1000), rng.normal(0, 5.0, (3, 1000))
    measured = [1.2, 0.4, 0.9]
    resampled = np.array(measured)[:, None] + shared + own
    found = crossed(make_differences(measured, resampled))
    covariance = np.cov(resampled)
    off_diagonal = [covariance[i, j] for i in range(3) for j in range(3) if i != j]
    assert found.video_part == pytest.approx(np.mean(off_diagonal), rel=1e-12)
    assert found.video_part == pytest.approx(4.0, abs=1.5)
    assert found.seed_part == pytest.approx(np.var(measured, ddof=1) / 3, rel=1e-12)
    assert (found.estimate, found.centre) == pytest.approx((np.mean(measured), resampled.mean()))
    assert (found.seed_df, found.video_df) == (2, 299)


def test_a_negative_covariance_counts_as_none(make_differences: Callable[..., Differences]) -> None:
    shift = np.array([1.0, -1.0, 2.0, -2.0])
    found = crossed(make_differences([1.0, 2.0], np.stack([1 + shift, 2 - shift])))
    assert found.video_part == 0.0


def test_identical_arms_have_p_1_and_no_length(make_linear: Callable[..., Scores], weights: Floats) -> None:
    per_video = np.random.default_rng(1).normal(40, 10, (3, 40))
    found = crossed(difference(make_linear("a", per_video, weights), make_linear("b", per_video, weights)))
    assert found.identical
    assert (found.estimate, found.standard_error, found.p) == (0.0, 0.0, 1.0)
    assert found.interval() == (0.0, 0.0)
    assert not found.rare_categories_dominate


def test_equal_differences_without_spread_are_refused(make_differences: Callable[..., Differences]) -> None:
    with pytest.raises(NoSpreadError, match=r"2 seeds differ by \[1.0, 1.0\] without any spread"):
        crossed(make_differences([1.0, 1.0]))


def test_no_difference_as_measured_but_on_resamples_is_not_identical(
    make_differences: Callable[..., Differences],
) -> None:
    with pytest.raises(NoSpreadError):
        crossed(make_differences([0.0, 0.0], np.array([[1.0, -1.0], [-1.0, 1.0]])))


@pytest.mark.parametrize(("measured", "resamples", "videos"), [([1.0], 5, 10), ([1.0, 2.0], 1, 10), ([1.0, 2.0], 5, 1)])
def test_fewer_than_two_of_anything_is_refused(
    measured: list[float], resamples: int, videos: int, make_differences: Callable[..., Differences]
) -> None:
    resampled = np.random.default_rng(0).normal(size=(len(measured), resamples))
    with pytest.raises(ValueError, match=r"crossed interval: got .* expected at least 2 of each"):
        crossed(make_differences(measured, resampled, videos))


def test_a_centre_far_from_the_estimate_is_flagged(make_differences: Callable[..., Differences]) -> None:
    replicas = np.array([[1.0, 1.1], [1.2, 1.3]])
    assert not crossed(make_differences([1.05, 1.25], replicas)).rare_categories_dominate
    assert crossed(make_differences([1.05, 1.25], replicas + 0.2)).rare_categories_dominate


def random_arms(seed: int, n: int, videos: int = 25) -> tuple[Scores, Scores, Floats]:
    rng = np.random.default_rng(seed)
    counts = resample_matrix(videos, 60, seed)
    arms = [rng.normal(40, 8, videos) + rng.normal(rng.normal(0, 2), 1, (n, 1)) + rng.normal(0, 3, (n, videos))
            for _ in range(2)]  # fmt: skip
    first, second = (Scores(name, tuple(range(n)), arm @ counts / videos, videos)
                     for name, arm in zip("ab", arms, strict=True))  # fmt: skip
    return first, second, np.stack(arms)


@given(seed=st.integers(0, 2**32), n=st.integers(2, 6))
def test_swapping_arms_turns_the_signs_and_keeps_p_to_the_bit(seed: int, n: int) -> None:
    first, second, _ = random_arms(seed, n)
    one, other = crossed(difference(first, second)), crossed(difference(second, first))
    assert one.estimate == -other.estimate
    assert one.interval() == tuple(-limit for limit in reversed(other.interval()))
    assert one.p == other.p


@given(seed=st.integers(0, 2**32), n=st.integers(2, 6))
def test_the_order_of_seeds_changes_nothing(seed: int, n: int) -> None:
    first, second, _ = random_arms(seed, n)
    permuted = np.random.default_rng(seed).permutation(n)
    moved = Scores("a", tuple(int(s) for s in permuted), first.values[permuted], first.videos)
    assert crossed(difference(moved, second)) == crossed(difference(first, second))


@given(seed=st.integers(0, 2**32))
def test_the_order_of_videos_changes_nothing(seed: int) -> None:
    first, second, per_video = random_arms(seed, 3)
    counts = resample_matrix(25, 60, seed)
    order = np.random.default_rng(seed).permutation(25)
    moved = [Scores("a", (0, 1, 2), arm[:, order] @ counts[order] / 25, 25) for arm in per_video]
    one, other = crossed(difference(first, second)), crossed(difference(moved[0], moved[1]))
    assert other.interval() == pytest.approx(one.interval(), abs=1e-12)
    assert other.p == pytest.approx(one.p, abs=1e-10)


parts = st.floats(1e-3, 1e3)


@given(centre=st.floats(-50, 50), seed_part=parts, video_part=parts, n=st.integers(2, 12), videos=st.integers(2, 400))
def test_p_is_below_alpha_where_the_interval_leaves_out_0(
    centre: float, seed_part: float, video_part: float, n: int, videos: int
) -> None:
    found = Crossed(centre, centre, seed_part, video_part, n - 1.0, videos - 1.0)
    for alpha in (0.01, 0.05, 0.1, 0.3):
        low, high = found.interval(alpha)
        assume(min(abs(low), abs(high)) > 1e-9)
        assert (found.p < alpha) == (low > 0 or high < 0)


@given(centre=st.floats(1e-3, 50), seed_part=parts, video_part=parts, n=st.integers(2, 12))
def test_the_interval_at_p_touches_0(centre: float, seed_part: float, video_part: float, n: int) -> None:
    found = Crossed(centre, centre, seed_part, video_part, n - 1.0, 299.0)
    assume(found.p > SMALLEST_P)
    assert found.interval(found.p).low == pytest.approx(0.0, abs=1e-9 * found.standard_error)


def test_p_has_a_floor_and_a_ceiling() -> None:
    assert Crossed(1e6, 1e6, 1e-9, 1e-9, 9.0, 299.0).p == SMALLEST_P
    assert Crossed(0.0, 0.0, 1.0, 1.0, 9.0, 299.0).p == 1.0


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, math.nan])
def test_a_level_outside_0_to_1_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha: got"):
        centred(THREE, 0.0).interval(alpha)


def test_pooled_seeds_are_the_residuals_of_arm_and_seed() -> None:
    """Two arms: MS is half the variance of the paired difference, so pooling changes nothing at all."""
    first, second, _ = random_arms(11, 4)
    found, own = (crossed(difference(first, second), pooled) for pooled in (pool([first, second]), None))
    assert found.seed_part == pytest.approx(own.seed_part, rel=1e-9)
    assert found.seed_df == own.seed_df == 3


def test_pooling_five_arms_of_three_seeds_has_eight_degrees_of_freedom(make_linear: Callable[..., Scores]) -> None:
    rng = np.random.default_rng(4)
    levels = 40 + rng.normal(0, 3, (1, 3)) + rng.normal(0, 1, (5, 3))
    arms = [make_linear(str(i), np.repeat(row[:, None], 6, axis=1), resample_matrix(6, 20, 0))
            for i, row in enumerate(levels)]  # fmt: skip
    pooled = pool(arms)
    residual = levels - levels.mean(1, keepdims=True) - levels.mean(0) + levels.mean()
    assert pooled.df == 8
    assert pooled.mean_square == pytest.approx((residual**2).sum() / 8, rel=1e-9)
    assert crossed(difference(arms[1], arms[0]), pooled).seed_part == pytest.approx(2 * pooled.mean_square / 3)


def test_arms_that_vary_differently_are_named_so(make_linear: Callable[..., Scores]) -> None:
    def arm(sd: float) -> Scores:
        return make_linear("a", np.repeat(sd * np.array([[-1.0], [0.0], [1.0]]), 4, axis=1), np.ones((4, 3)))

    assert pool([arm(1.0), arm(2.9)]).spread_ratio == pytest.approx(2.9)
    assert [pool([arm(1.0), arm(sd)]).unequal for sd in (2.9, 3.1, 0.0)] == [False, True, True]


def test_pooling_over_unlike_seeds_is_refused() -> None:
    first, second, _ = random_arms(1, 3)
    fewer = Scores("c", (0, 1), second.values[:2], second.videos)
    with pytest.raises(ValueError, match=r"got arms with seeds a: \[0, 1, 2\]; c: \[0, 1\]"):
        pool([first, fewer])
    with pytest.raises(
        ValueError, match=r"got differences over seeds \[0, 1, 2\], expected the seeds that were pooled"
    ):
        crossed(difference(first, second), pool([fewer, fewer]))
