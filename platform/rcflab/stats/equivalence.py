"""No difference, shown: the two one-sided tests (TOST).

    90 % interval inside (-margin, +margin) --> equivalent at level 0.05

That p is large shows nothing. The margin says what difference would matter; it is written down before the run.
"""

import math
from dataclasses import dataclass

from rcflab.stats.crossed import Crossed
from rcflab.stats.interval import Interval


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Whether a difference is smaller than what matters."""

    margin: float
    interval: Interval
    """At 1 - 2 alpha."""

    @property
    def holds(self) -> bool:
        """Whether the whole interval lies inside the margin."""
        return -self.margin < self.interval.low and self.interval.high < self.margin


def tost(found: Crossed, margin: float | None, alpha: float = 0.05) -> Equivalence:
    """Two one-sided tests at `alpha` each, against a margin in the unit of the metric.

    Raises ValueError for a margin that is missing, not finite or not above 0.
    """
    if margin is None or not math.isfinite(margin) or margin <= 0:
        raise ValueError(
            f"equivalence margin: got {margin}, expected a number above 0; "
            "write down what difference would matter before the run"
        )
    return Equivalence(margin, found.interval(2 * alpha))
