"""Student's t, with its unit named: the same gap has another p over videos, over categories and over seeds.

    scores of an arm, of its rival, one a unit --paired or not--> t, p, and n, mean and sd of the units beside it

Over seeds it answers for exactly these videos. Over videos it is the best guess at the paper's table 12, whose unit
and n are not stated: no unit whose mean is the gap of AP50 can give its p, so it tested means of scores per video.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special, stats

from rcflab.stats.interval import Interval, NoSpreadError
from rcflab.stats.summary import Summary, summarize

Unit = Literal["video", "category", "seed"]


@dataclass(frozen=True, slots=True)
class TTest:
    """A t-test and what it was made of."""

    unit: Unit
    paired: bool
    units: tuple[Summary, ...]
    """Of the differences where paired, else of the arm and of its rival."""
    estimate: float
    standard_error: float
    df: float
    p: float
    """Two-sided; 1 where both sides are identical."""

    def interval(self, alpha: float = 0.05) -> Interval:
        """Of the difference of means. Raises ValueError for alpha."""
        if not 0 < alpha < 1:
            raise ValueError(f"alpha: got {alpha}, expected a number between 0 and 1")
        half = -float(special.stdtrit(self.df, alpha / 2)) * self.standard_error
        return Interval(self.estimate - half, self.estimate + half)


def t_test(arm: Sequence[float], rival: Sequence[float], unit: Unit = "video", paired: bool = True) -> TTest:
    """The test of `arm` minus `rival`, one score a unit each, in the same order of units where paired.

    Not paired it is Welch's, which allows the two to vary differently.
    Raises ValueError for fewer than two units, a NaN and pairs that do not match, NoSpreadError where nothing varies.
    """
    if not paired:
        return _welch(arm, rival, unit)
    if len(arm) != len(rival):
        raise ValueError(
            f"paired t-test, unit {unit}: got {len(arm)} and {len(rival)} scores, expected a pair for each {unit}"
        )
    return paired_t([a - b for a, b in zip(arm, rival, strict=True)], unit)


def paired_t(differences: Sequence[float], unit: Unit = "seed") -> TTest:
    """The test of differences that are already paired, one a unit; raises as `t_test` does."""
    found = _summary(differences, unit)
    error = (found.sd or 0.0) / math.sqrt(found.n)
    if error == 0:
        return _without_spread(unit, True, (found,), found.mean)
    # Of Student's law itself: scipy.stats.ttest_1samp says the same in fifty times the time.
    p = 2 * float(special.stdtr(found.n - 1.0, -abs(found.mean) / error))
    return TTest(unit, True, (found,), found.mean, error, found.n - 1.0, p)


def _welch(arm: Sequence[float], rival: Sequence[float], unit: Unit) -> TTest:
    units = (_summary(arm, unit), _summary(rival, unit))
    gap = units[0].mean - units[1].mean
    parts = [(each.sd or 0.0) ** 2 / each.n for each in units]
    if sum(parts) == 0:
        return _without_spread(unit, False, units, gap)
    found = stats.ttest_ind(np.asarray(arm, np.float64), np.asarray(rival, np.float64), equal_var=False)
    return TTest(unit, False, units, gap, sum(parts) ** 0.5, float(found.df), float(found.pvalue))


def _summary(values: Sequence[float], unit: Unit) -> Summary:
    if len(values) < 2:
        raise ValueError(f"t-test, unit {unit}: got {len(values)} of them, expected at least 2")
    return summarize([float(value) for value in values])


def _without_spread(unit: Unit, paired: bool, units: tuple[Summary, ...], gap: float) -> TTest:
    if gap:
        raise NoSpreadError(f"t-test, unit {unit}: all differ by {gap} exactly, expected some spread")
    return TTest(unit, paired, units, 0.0, 0.0, sum(each.n - 1.0 for each in units), 1.0)
