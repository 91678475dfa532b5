"""Planted effects, 1,000 tables each: coverage, false claims and power. The bands are three standard deviations wide.

    score[arm, seed, video] = mean + N(0, seed_sd) per (arm, seed) + N(0, video_sd) per (arm, video)

The metric is the mean over videos, so seeds and videos add up and the true difference is the planted one. Expected
values come from 6,000 to 100,000 Gaussian draws made apart from this code.
"""

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from rcflab.stats.contrast import Scores, difference
from rcflab.stats.crossed import Crossed, crossed
from rcflab.stats.multiplicity import holm
from rcflab.stats.resamples import resample_matrix
from rcflab.stats.t_test import TTest, paired_t

Floats = NDArray[np.float64]
TABLES, VIDEOS, RESAMPLES = 1000, 300, 400


@cache
def counts() -> Floats:
    return resample_matrix(VIDEOS, RESAMPLES, seed=2)


def table(rng: np.random.Generator, effects: list[float], n: int, seed_sd: float, video_sd: float) -> list[Scores]:
    """One arm for each effect; the mean over videos of the video part is drawn from the videos themselves."""
    arms: list[Scores] = []
    for number, effect in enumerate(effects):
        of_videos = rng.normal(0, video_sd, VIDEOS) @ counts() / VIDEOS
        of_seeds = rng.normal(0, seed_sd, (n, 1))
        arms.append(Scores(str(number), tuple(range(n)), 40 + effect + of_seeds + of_videos, VIDEOS))
    return arms


def pairs(n: int, video_sd: float) -> list[tuple[Crossed, TTest]]:
    """Of 1,000 tables whose arm is 1 point better: the crossed interval, and that of seeds alone."""
    rng = np.random.default_rng(100 * n + int(video_sd))
    found: list[tuple[Crossed, TTest]] = []
    for _ in range(TABLES):
        plain, arm = table(rng, [0.0, 1.0], n, 0.5, video_sd)
        differences = difference(arm, plain)
        found.append((crossed(differences), paired_t(differences.measured.tolist())))
    return found


def coverage(found: list[Crossed] | list[TTest]) -> float:
    return float(np.mean([low <= 1.0 <= high for low, high in (each.interval() for each in found)]))


@pytest.mark.parametrize(("n", "band"), [(5, (0.940, 0.978)), (10, (0.933, 0.973))])
def test_the_crossed_interval_covers_and_seeds_alone_do_not_where_videos_matter(
    n: int, band: tuple[float, float]
) -> None:
    """Spread over videos as large as over seeds: expected 0.959 (n = 5), 0.953 (n = 10); seeds alone 0.68 (n = 5)."""
    found = pairs(n, 8.66)
    assert band[0] <= coverage([each for each, _ in found]) <= band[1]
    assert coverage([seeds for _, seeds in found]) < 0.75


@pytest.mark.parametrize("n", [3, 5, 10])
def test_the_crossed_interval_covers_where_videos_do_not_matter(n: int) -> None:
    """Expected 0.950 for any number of seeds, also from seeds alone: then the two intervals are the same."""
    found = pairs(n, 0.0)
    assert 0.929 <= coverage([each for each, _ in found]) <= 0.971
    assert 0.929 <= coverage([seeds for _, seeds in found]) <= 0.971


def five_p_values(effect: float) -> Floats:
    """p of five arms against one baseline, five seeds, spread over videos half of that over seeds: (tables, 5)."""
    rng = np.random.default_rng(31)
    seed_sd = 0.8 / np.sqrt(2)  # 0.8 for one seed's difference
    video_sd = 0.5 * 0.8 * np.sqrt(VIDEOS / 2)
    found = np.empty((TABLES, 5))
    for row in found:
        baseline, *arms = table(rng, [0.0, effect, 0.0, 0.0, 0.0, 0.0], 5, seed_sd, video_sd)
        row[:] = [crossed(difference(arm, baseline)).p for arm in arms]
    return found


def test_five_equal_arms_are_rarely_told_apart_under_holm() -> None:
    """Expected 0.023 with Holm, 0.137 without."""
    p = five_p_values(0.0)
    assert np.mean([holm(row.tolist()).min() < 0.05 for row in p]) <= 0.037
    assert 0.105 <= np.mean(p.min(axis=1) < 0.05) <= 0.170


def test_an_arm_three_spreads_better_is_found_under_holm() -> None:
    """Expected 0.79."""
    p = five_p_values(3 * 0.8)
    assert 0.755 <= np.mean([holm(row.tolist())[0] < 0.05 for row in p]) <= 0.83


@pytest.mark.parametrize(("n", "gap", "power"), [(5, 0.8, 0.401), (10, 0.8, 0.803), (3, 2.0, 0.620)])
def test_seeds_alone_find_a_gap_as_often_as_their_power_says(n: int, gap: float, power: float) -> None:
    draws = np.random.default_rng(n).normal(gap, 0.8, (TABLES, n))
    assert np.mean([paired_t(row.tolist()).p < 0.05 for row in draws]) == pytest.approx(power, abs=0.047)
