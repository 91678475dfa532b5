"""A difference in units of its own spread over seeds.

D[s] --mean / sd, times Hedges' factor for small n--> effect size
"""

from collections.abc import Sequence

from rcflab.stats.interval import NoSpreadError
from rcflab.stats.summary import summarize

FEWEST_SEEDS = 5
"""Below, the standard deviation itself is known to a factor of 3 at best."""


def effect_size(differences: Sequence[float]) -> float | None:
    """Mean over standard deviation of differences over seeds, times 1 - 3 / (4 n - 5); None for fewer than 5 seeds.

    0 where all are 0. Raises ValueError for none or a NaN, NoSpreadError for equal ones that are not 0.
    """
    found = summarize(differences)
    if found.n < FEWEST_SEEDS or found.sd is None:
        return None
    if found.sd == 0:
        if found.mean:
            raise NoSpreadError(f"effect size: all {found.n} seeds differ by {found.mean} exactly")
        return 0.0
    return found.mean / found.sd * (1 - 3 / (4 * found.n - 5))
