"""Tests over seeds that assume no law but symmetry: all 2^n signs of the differences.

    D[s] of n seeds --each sign pattern as likely as its opposite--> share of patterns with a mean at least as large: p

They speak about exactly these videos. The smallest p there can be is 2 / 2^n, so few seeds cannot reach a level however
large the effect: then the answer is "not testable (n=3)", never a p that looks like evidence for no difference.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from rcflab.stats.resamples import Floats

Method = Literal["sign-flip", "Wilcoxon signed-rank"]
MOST_SEEDS = 40
_TIE = 1e-12
"""Sums that differ by less, in parts of the sum of all magnitudes, are equal."""


@dataclass(frozen=True, slots=True)
class ExactTest:
    """An exact test over seeds."""

    method: Method
    n: int
    p: float
    """Two-sided."""
    level: float

    @property
    def testable(self) -> bool:
        """Whether any result of n seeds could reach the level."""
        return is_testable(self.n, self.level)

    @property
    def refusal(self) -> str | None:
        """The words that stand in place of p where the test could not have rejected; None where it could."""
        return None if self.testable else not_testable(self.n)


def is_testable(n: int, level: float) -> bool:
    """Whether the smallest p of n seeds, 2 / 2^n, is at most `level`: alpha, or alpha / m for m tests under Holm."""
    return 2.0 ** (1 - n) <= level


def seeds_to_be_testable(level: float) -> int:
    """Least n with 2 / 2^n <= level: 6 for 0.05, 8 for five arms. Raises ValueError for a level outside (0, 1)."""
    if not 0 < level < 1:
        raise ValueError(f"level: got {level}, expected a number between 0 and 1")
    return next(n for n in range(1, 1100) if is_testable(n, level))


def not_testable(n: int) -> str:
    """The words for it."""
    return f"not testable (n={n})"


def sign_flip(differences: Floats, level: float = 0.05) -> ExactTest:
    """The mean of the differences (n,) against all sign patterns. Raises ValueError as `wilcoxon` does."""
    _refuse(differences)
    return ExactTest("sign-flip", len(differences), _share_of_patterns(differences), level)


def wilcoxon(differences: Floats, level: float = 0.05) -> ExactTest:
    """The same with ranks for the differences (n,), zeros ranked but without a sign (Pratt).

    Where two magnitudes are equal ranks lose their table, so the sign-flip test is done, and the result says so.
    Raises ValueError for no difference, more than 40 (use the paired t), and a NaN.
    """
    _refuse(differences)
    magnitudes = np.abs(differences)
    apart = np.diff(np.sort(magnitudes[magnitudes > 0]))
    if (apart <= _TIE * magnitudes.sum()).any():
        return sign_flip(differences, level)
    ranks = np.sign(differences) * np.asarray(stats.rankdata(magnitudes), np.float64)
    return ExactTest("Wilcoxon signed-rank", len(differences), _share_of_patterns(ranks), level)


def _refuse(differences: Floats) -> None:
    if not 1 <= len(differences) <= MOST_SEEDS:
        raise ValueError(
            f"exact test: got {len(differences)} seeds, expected 1 to {MOST_SEEDS}; for more use the paired t "
            "(rcflab.stats.t_test)"
        )
    if not np.isfinite(differences).all():
        raise ValueError(f"exact test: got {differences.tolist()}, expected finite numbers")


def _share_of_patterns(values: Floats) -> float:
    """Of the 2^n sums of +-values, those at least as far from 0 as the sum of `values`.

    Half of the signs at a time: for each sum of the first half, the sums of the second half that reach far enough are
    counted in sorted order, so 40 seeds take 2^20 steps. The law is symmetric: one side is counted, then doubled.
    """
    magnitudes = np.sort(np.abs(values))
    floor = abs(float(values.sum())) - _TIE * float(magnitudes.sum())
    if floor <= 0:
        return 1.0
    half = len(values) // 2
    first, second = _sums(magnitudes[:half]), np.sort(_sums(magnitudes[half:]))
    beyond = second.size * first.size - int(np.searchsorted(second, floor - first, side="left").sum())
    return 2.0 * beyond / 2.0 ** len(values)


def _sums(magnitudes: Floats) -> Floats:
    """Of all sign patterns: (2^n,)."""
    sums = np.zeros(1)
    for magnitude in magnitudes:
        sums = np.concatenate((sums + magnitude, sums - magnitude))
    return sums
