"""One line of a comparison: differences of some arms, what was measured of them, and what may be said.

Differences --crossed, percentile, over_seeds--> Measured --p after Holm--> Comparison
"""

import math
from dataclasses import dataclass

import numpy as np

from rcflab.comparison import ALPHA, Comparison
from rcflab.metrics import Better
from rcflab.stats.contrast import Differences
from rcflab.stats.crossed import Crossed, crossed
from rcflab.stats.interval import Interval, NoSpreadError
from rcflab.stats.percentile import percentile
from rcflab.stats.pooled import PooledSeeds
from rcflab.stats.resamples import Floats
from rcflab.stats.seeds import correlation, over_seeds
from rcflab.stats.verdict import Kind, Verdict, untested, verdict


@dataclass(frozen=True, slots=True)
class Measured:
    """Differences, and their interval for new seeds and new videos."""

    pair: Differences
    crossed: Crossed | None
    """None for a single seed, a single video, or where nothing varies though the records differ."""
    sides: tuple[Floats, Floats] | None
    """Scores of the arm and of the baseline by seed; None for an effect."""

    @classmethod
    def of(cls, pair: Differences, pooled: PooledSeeds | None, sides: tuple[Floats, Floats] | None) -> "Measured":
        """`pooled` is used where it is of the same seeds."""
        shared = pooled if pooled is not None and pooled.seeds == pair.seeds else None
        return cls(pair, _crossed(pair, shared), sides)

    @property
    def p(self) -> float | None:
        """Not adjusted; None without a test."""
        return None if self.crossed is None else self.crossed.p


def _crossed(pair: Differences, pooled: PooledSeeds | None) -> Crossed | None:
    if len(pair.seeds) < 2 or pair.videos < 2 or pair.resampled.shape[1] < 2:
        return None
    try:
        return crossed(pair, pooled)
    except NoSpreadError:
        return None


def compared(
    name: str, found: Measured, adjusted: float | None, better: Better, margin: float | None, level: float
) -> Comparison:
    """The line `name`; `adjusted` is p after Holm, None for no test, `level` alpha over the size of the family."""
    if _is_identical(found.pair):
        p = found.p if adjusted is not None else None
        return Comparison(name, len(found.pair.seeds), 0.0, Interval(0.0, 0.0), p, adjusted, Verdict(Kind.IDENTICAL))
    if found.crossed is None or adjusted is None:
        return _untested(name, found.pair)
    test = found.crossed
    return Comparison(
        name,
        len(found.pair.seeds),
        test.estimate,
        test.interval(ALPHA),
        test.p,
        adjusted,
        verdict(test, adjusted, better, margin, ALPHA),
        test.seed_part,
        test.video_part,
        test.rare_categories_dominate,
        over_seeds(found.pair, test.video_part, level),
        None if found.sides is None else correlation(*found.sides),
    )


def _is_identical(pair: Differences) -> bool:
    return not pair.measured.any() and not pair.resampled.any()


def _untested(arm: str, pair: Differences) -> Comparison:
    n = len(pair.seeds)
    estimate = math.fsum(pair.measured.tolist()) / n
    if n > 1:
        few = "one video" if pair.videos < 2 else "no resamples" if pair.resampled.shape[1] < 2 else "no spread"
        return Comparison(arm, n, estimate, None, None, None, untested(n, few))
    varies = pair.resampled.shape[1] >= 2 and bool(np.ptp(pair.resampled))
    interval = percentile(pair).interval(ALPHA) if varies else None
    return Comparison(arm, n, estimate, interval, None, None, untested(n))
