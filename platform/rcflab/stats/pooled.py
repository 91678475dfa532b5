"""One variance over seeds for all arms of a table: with three seeds an arm's own has two degrees of freedom.

    measured scores, arm x seed --minus mean of the arm, minus mean of the seed--> residuals --> mean square, df

To be declared before the run. It holds where arms vary alike: with one arm at three times the others' spread, that
arm's intervals are too short (0.81 to 0.89 instead of 0.95) and the others' too long.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rcflab.stats.contrast import Differences, Scores

UNEQUAL = 3.0
"""Ratio of the largest to the smallest standard deviation beyond which pooling deserves a warning."""


@dataclass(frozen=True, slots=True)
class PooledSeeds:
    """Variance of one arm's score over seeds, apart from what all arms share at a seed."""

    mean_square: float
    df: int
    """(arms - 1) (n - 1)"""
    spread_ratio: float
    """Largest over smallest standard deviation of an arm over its seeds; infinite where an arm does not vary."""
    seeds: tuple[int, ...]

    @property
    def unequal(self) -> bool:
        """Whether arms vary too differently to share a variance."""
        return self.spread_ratio > UNEQUAL

    def variance_of(self, differences: Differences) -> float:
        """Variance over seeds of the mean of a contrast: 2 MS / n for one arm minus another.

        Raises ValueError for differences over other seeds.
        """
        if differences.seeds != self.seeds:
            raise ValueError(
                f"pooled variance: got differences over seeds {list(differences.seeds)}, "
                f"expected the seeds that were pooled, {list(self.seeds)}"
            )
        return differences.squared_weights * self.mean_square / len(self.seeds)


def pool(arms: Sequence[Scores]) -> PooledSeeds:
    """Pool the variance of at least two arms over at least two seeds, all arms over the same ones; else ValueError."""
    seeds = {tuple(sorted(arm.seeds)) for arm in arms}
    if len(arms) < 2 or len(seeds) != 1 or len(arms[0].seeds) < 2:
        listed = "; ".join(f"{arm.arm}: {sorted(arm.seeds)}" for arm in arms)
        raise ValueError(
            f"pooled variance: got arms with seeds {listed or 'none'}, expected two arms or more over the same "
            "two seeds or more"
        )
    measured = np.stack([arm.values[np.argsort(arm.seeds), 0] for arm in arms])
    residuals = measured - measured.mean(axis=1, keepdims=True) - measured.mean(axis=0) + measured.mean()
    df = (len(arms) - 1) * (measured.shape[1] - 1)
    spread = measured.std(axis=1, ddof=1)
    ratio = float(spread.max() / spread.min()) if spread.min() > 0 else float("inf")
    return PooledSeeds(float((residuals**2).sum()) / df, df, ratio, seeds.pop())
