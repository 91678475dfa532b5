"""What the seeds alone say of a difference: a second look beside the crossed interval, and how far these seeds see.

    D[s] of n seeds --paired t, sign-flip, Wilcoxon--> answers for exactly these videos
                    --mean / sd, Hedges--------------> effect size, from 5 seeds on
                    --sd with its limits, video part--> seeds that this gap needs, least gap on new videos, its floor

Exact tests are held against alpha / m, the first step of Holm's correction over m comparisons: below 6 seeds (m = 1)
they can reject nothing, and say so.
"""

from dataclasses import dataclass

import numpy as np

from rcflab.stats.contrast import Differences
from rcflab.stats.effect_size import effect_size
from rcflab.stats.exact import MOST_SEEDS, ExactTest, sign_flip, wilcoxon
from rcflab.stats.interval import Interval, NoSpreadError
from rcflab.stats.power import SeedsNeeded, sd_limits, seeds_needed, smallest_gap
from rcflab.stats.resamples import Floats
from rcflab.stats.t_test import TTest, paired_t


@dataclass(frozen=True, slots=True)
class OverSeeds:
    """One difference, looked at over its seeds. Of two seeds at least that do not all differ by the same."""

    sd: float
    """Of one seed's difference."""
    sd_limits: Interval
    """95 %, for normal differences."""
    effect_size: float | None
    """None for fewer than 5 seeds."""
    t: TTest
    sign_flip: ExactTest | None
    """None, as the next, for more seeds than can be counted through."""
    wilcoxon: ExactTest | None
    needed: SeedsNeeded | None
    """For a true gap as large as this one, on these videos; None for no gap."""
    least_gap: float
    """What as many seeds find on new videos four times out of five."""
    floor: float
    """The same of any number of seeds: only more videos lower it."""


def over_seeds(differences: Differences, video_part: float, level: float) -> OverSeeds | None:
    """None where there is one seed, or where nothing varies over the seeds.

    video_part: variance of the estimate over videos (`Crossed.video_part`); level: alpha over the number of tests.
    """
    measured = differences.measured
    n = len(measured)
    if n < 2 or not np.ptp(measured):
        return None
    t, size = _by_normal_law(measured)
    if t is None:
        return None
    sd = float(np.std(measured, ddof=1))
    countable = n <= MOST_SEEDS
    return OverSeeds(
        sd,
        sd_limits(sd, n),
        size,
        t,
        sign_flip(measured, level) if countable else None,
        wilcoxon(measured, level) if countable else None,
        seeds_needed(abs(t.estimate), sd, n) if t.estimate else None,
        smallest_gap(n, sd, video_part),
        smallest_gap(None, sd, video_part),
    )


def _by_normal_law(measured: Floats) -> tuple[TTest | None, float | None]:
    """The t-test and the effect size; None where the spread is lost in rounding."""
    values = measured.tolist()
    try:
        return paired_t(values), effect_size(values)
    except NoSpreadError:
        return None, None


def correlation(arm: Floats, rival: Floats) -> float | None:
    """Pearson's, of two arms over their shared seeds (n,); None for fewer than three, or where one does not vary.

    Pairing by seed pays where it is high; between different networks it is near 0.
    """
    if len(arm) < 3 or not np.ptp(arm) or not np.ptp(rival):
        return None
    return float(np.corrcoef(arm, rival)[0, 1])
