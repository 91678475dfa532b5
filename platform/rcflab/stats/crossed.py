"""The interval for new seeds and new videos: seeds and videos are crossed, and each source of noise counts once.

    D[s] of n seeds --sample variance / n---------------------------> seed part  a --.
    D*[s, b] of B resamples --mean covariance between two seeds-----> video part c --sqrt(a + c), t--> interval, p
                            --mean------------------------------------------------> centre m

D[s] = effect + seed + video + seed by video. The variance over seeds holds seed and seed-by-video noise; what two seeds
share on resampled videos is the video noise. A bootstrap of seeds and videos at once would count the third part twice,
seeds alone would leave the second one out. Radiology analyses readers and cases so: Obuchowski & Rockette 1995,
Hillis 2014 (PMC4640471). The critical value weighs the t quantiles of both parts (Cochran & Cox 1957). The test is
the dual of the interval: p is the level at which the interval touches 0.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from rcflab.stats.contrast import Differences
from rcflab.stats.interval import Interval, NoSpreadError
from rcflab.stats.pooled import PooledSeeds
from rcflab.stats.resamples import Floats

SMALLEST_P = 1e-12


@dataclass(frozen=True, slots=True)
class Crossed:
    """A difference with an interval for new seeds and new videos."""

    estimate: float
    """Mean of D[s]: what a table prints."""
    centre: float
    """Mean of D*[s, b], the middle of the interval. Equal to the estimate but for metrics that are not linear."""
    seed_part: float
    """Variance of the estimate over seeds."""
    video_part: float
    """Variance of the estimate over videos that all seeds share; at least 0."""
    seed_df: float
    video_df: float
    identical: bool = False
    """Both sides have the same records: no difference on any seed and any resample."""

    @property
    def standard_error(self) -> float:
        """Square root of both parts together."""
        return math.sqrt(self.seed_part + self.video_part)

    @property
    def rare_categories_dominate(self) -> bool:
        """Whether resampling moves the difference itself, as it does where categories have a video or two."""
        return abs(self.centre - self.estimate) > self.standard_error / 2

    def interval(self, alpha: float = 0.05) -> Interval:
        """Holds the difference for new seeds and new videos with probability 1 - alpha. Raises ValueError for alpha."""
        if not 0 < alpha < 1:
            raise ValueError(f"alpha: got {alpha}, expected a number between 0 and 1")
        half = self.half_width(alpha)
        return Interval(self.centre - half, self.centre + half)

    def half_width(self, alpha: float) -> float:
        """Half the length of the interval at this level."""
        variance = self.seed_part + self.video_part
        if variance == 0:
            return 0.0
        seeds, videos = (-float(special.stdtrit(df, alpha / 2)) for df in (self.seed_df, self.video_df))
        return (self.seed_part * seeds + self.video_part * videos) / math.sqrt(variance)

    @property
    def p(self) -> float:
        """The level at which the interval touches 0; 1 for identical records, never below 1e-12."""
        if self.identical or self.centre == 0:
            return 1.0
        distance = abs(self.centre)
        if self.half_width(SMALLEST_P) <= distance:
            return SMALLEST_P
        found = optimize.bisect(
            lambda log_alpha: self.half_width(math.exp(log_alpha)) - distance, math.log(SMALLEST_P), 0.0, xtol=1e-13
        )
        return math.exp(found)


def crossed(differences: Differences, pooled: PooledSeeds | None = None) -> Crossed:
    """The crossed interval of a contrast, from at least two seeds, two videos and two resamples.

    `pooled` replaces the contrast's own variance over seeds by one that all arms of the table share.
    Raises ValueError for less, and NoSpreadError where nothing varies though the records differ.
    """
    measured, resampled = differences.measured, differences.resampled
    n = len(measured)
    if n < 2 or differences.videos < 2 or resampled.shape[1] < 2:
        raise ValueError(
            f"crossed interval: got {n} seeds, {differences.videos} videos and {resampled.shape[1]} resamples, "
            "expected at least 2 of each; one seed speaks for its checkpoint only (rcflab.stats.percentile)"
        )
    identical = not measured.any() and not resampled.any()
    if identical:
        seed_part, seed_df = 0.0, n - 1.0
    elif pooled is None:
        seed_part, seed_df = float(np.var(measured, ddof=1)) / n, n - 1.0
    else:
        seed_part, seed_df = pooled.variance_of(differences), float(pooled.df)
    video_part = max(0.0, _shared_variance(resampled))
    if seed_part + video_part == 0 and not identical:
        raise NoSpreadError(
            f"crossed interval: {n} seeds differ by {measured.tolist()} without any spread over seeds or videos; "
            "expected noise in one of them: add seeds or videos"
        )
    return Crossed(
        float(measured.mean()),
        float(resampled.mean()),
        seed_part,
        video_part,
        seed_df,
        differences.videos - 1.0,
        identical,
    )


def _shared_variance(resampled: Floats) -> float:
    """Mean covariance over resamples of two different seeds: (n, B) -> one number, which may be negative."""
    n = len(resampled)
    covariance = np.cov(resampled)
    return float(covariance[~np.eye(n, dtype=np.bool_)].mean())
