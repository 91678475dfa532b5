"""How many seeds would a gap need, and which gap do these seeds see?

    sd of one seed's paired difference, gap --noncentral t--> power --least n--> seeds, on the same videos
    sd, variance over videos, n --------------------------------------------> smallest gap, on new videos
    sd from n seeds --chi-square--> its limits --> seeds at both ends

On new videos no number of seeds sees a gap below 2.80 times the standard deviation over videos: more videos do.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import special

from rcflab.stats.interval import Interval
from rcflab.stats.resamples import Floats

MOST_SEEDS = 10_000
"""Beyond that the answer is that seeds are no way to show it."""
_NODES = np.polynomial.legendre.leggauss(200)


@dataclass(frozen=True, slots=True)
class SeedsNeeded:
    """Seeds for a gap, with what the uncertainty of the spread makes of them."""

    seeds: int | None
    """None, here and below: more than 10,000."""
    at_least: int | None
    """At the lower limit of the spread."""
    at_most: int | None
    """At its upper limit."""


def power_of(seeds: int, gap: float, sd: float, alpha: float = 0.05) -> float:
    """Probability that a two-sided paired t-test over `seeds` finds `gap`, on the same videos.

    sd: of one seed's difference between two arms, in the unit of the gap. The noncentral t law, as the mean of the
    normal tails over the law of the estimated sd: scipy's own is NaN for large gaps.
    Raises ValueError for fewer than two seeds, a negative gap, and an sd or alpha out of range.
    """
    _refuse(gap, sd, alpha)
    if seeds < 2:
        raise ValueError(f"seeds: got {seeds}, expected at least 2")
    density, limit = _law_of_the_sd(seeds - 1, alpha)
    shift = gap * math.sqrt(seeds) / sd
    return float(np.sum(density * (special.ndtr(shift - limit) + special.ndtr(-shift - limit))))


@lru_cache(maxsize=512)
def _law_of_the_sd(df: int, alpha: float) -> tuple[Floats, Floats]:
    """Weights of the nodes of the chi law with `df` degrees of freedom, and the limit of the test at each."""
    low, high = math.sqrt(special.chdtri(df, 1 - 1e-13)), math.sqrt(special.chdtri(df, 1e-13))
    nodes, weights = _NODES
    chi = low + (high - low) * (nodes + 1) / 2
    log_density = (df - 1) * np.log(chi) - chi**2 / 2 - (df / 2 - 1) * math.log(2) - float(special.gammaln(df / 2))
    critical = -float(special.stdtrit(df, alpha / 2))
    return np.exp(log_density) * weights * (high - low) / 2, critical * chi / math.sqrt(df)


def seeds_for(gap: float, sd: float, power: float = 0.8, alpha: float = 0.05) -> int | None:
    """Least number of seeds that find `gap` with probability `power`, on the same videos; None for more than 10,000.

    Raises as `power_of` does, and for no gap.
    """
    _refuse(gap, sd, alpha)
    if not alpha < power < 1 or gap == 0:
        raise ValueError(f"got gap {gap} and power {power}, expected a gap above 0 and a power from alpha to 1")
    if power_of(MOST_SEEDS, gap, sd, alpha) < power:
        return None
    # The normal law is a seed or two off: begin there, so that few powers have to be computed.
    normal = (float(special.ndtri(1 - alpha / 2) + special.ndtri(power)) * sd / gap) ** 2
    enough = min(MOST_SEEDS, max(2, math.ceil(normal)))
    while power_of(enough, gap, sd, alpha) < power:
        enough += 1
    while enough > 2 and power_of(enough - 1, gap, sd, alpha) >= power:
        enough -= 1
    return enough


def seeds_needed(gap: float, sd: float, n: int, power: float = 0.8, alpha: float = 0.05) -> SeedsNeeded:
    """The same where `sd` was estimated from n seeds: also at its 95 % limits; raises as `power_of` does."""
    low, high = sd_limits(sd, n)
    return SeedsNeeded(*(seeds_for(gap, each, power, alpha) for each in (sd, low, high)))


def sd_limits(sd: float, n: int, alpha: float = 0.05) -> Interval:
    """Limits of a standard deviation estimated from n seeds, normal: a factor of 0.52 to 6.28 for three.

    Raises ValueError for fewer than two seeds.
    """
    if n < 2:
        raise ValueError(f"n: got {n}, expected at least 2 seeds")
    low, high = (math.sqrt((n - 1) / float(special.chdtri(n - 1, q))) for q in (alpha / 2, 1 - alpha / 2))
    return Interval(sd * low, sd * high)


def smallest_gap(seeds: int | None, sd: float, video_variance: float, power: float = 0.8, alpha: float = 0.05) -> float:
    """Least gap that `seeds` find with probability `power` on new videos, about; None: without end, which is the floor.

    video_variance: of a difference over test sets of this size, what all seeds share (`Crossed.video_part`); it falls
    as 1 / videos. The normal approximation, 2.80 standard errors: few seeds need a little more.
    Raises ValueError for fewer than one seed, a negative variance, and an sd or alpha out of range.
    """
    _refuse(0.0, sd, alpha)
    if video_variance < 0 or (seeds is not None and seeds < 1) or not alpha < power < 1:
        raise ValueError(
            f"got {seeds} seeds, a variance over videos of {video_variance} and a power of {power}; expected at least "
            "one seed, a variance of at least 0 and a power from alpha to 1"
        )
    variance = video_variance + (0.0 if seeds is None else sd * sd / seeds)
    return float(special.ndtri(1 - alpha / 2) + special.ndtri(power)) * math.sqrt(variance)


def _refuse(gap: float, sd: float, alpha: float) -> None:
    if not (math.isfinite(gap) and gap >= 0 and math.isfinite(sd) and sd > 0 and 0 < alpha < 1):
        raise ValueError(
            f"got gap {gap}, sd {sd} and alpha {alpha}; expected a gap of at least 0, an sd above 0 and an alpha "
            "between 0 and 1"
        )
