"""The interval for other videos and the very same checkpoints: all that one seed allows.

    D*[s, b] --mean over the seeds--> B differences --quantiles--> interval
                                                    --how many on the other side of 0--> p

It says nothing about training again. Of the bootstrap intervals only this one holds for AP (0.94 to 0.95 for
differences at 60 and 300 videos): BCa, basic and bias-corrected ones chase the bias that rare categories give AP.
"""

from dataclasses import dataclass

import numpy as np

from rcflab.stats.contrast import Differences
from rcflab.stats.interval import Interval
from rcflab.stats.resamples import Floats

LABEL = "these checkpoints, other videos"


@dataclass(frozen=True, slots=True, eq=False)
class Percentile:
    """A difference of given checkpoints, with an interval for other videos."""

    estimate: float
    replicas: Floats
    """(B',): the difference on each resample."""

    def interval(self, alpha: float = 0.05) -> Interval:
        """Quantiles alpha/2 and 1 - alpha/2. Raises ValueError for alpha."""
        if not 0 < alpha < 1:
            raise ValueError(f"alpha: got {alpha}, expected a number between 0 and 1")
        low, high = np.quantile(self.replicas, [alpha / 2, 1 - alpha / 2])
        return Interval(float(low), float(high))

    @property
    def smallest_p(self) -> float:
        """2 / (B + 1): what p is where no resample turns the difference around."""
        return 2 / (len(self.replicas) + 1)

    @property
    def p(self) -> float:
        """Two-sided, the measured difference counted as one resample more; 1 for identical records."""
        beyond = min(np.count_nonzero(self.replicas <= 0), np.count_nonzero(self.replicas >= 0))
        return min(1.0, (1 + int(beyond)) * self.smallest_p)


def percentile(differences: Differences) -> Percentile:
    """Over the mean of the seeds that there are; raises ValueError for fewer than two resamples."""
    if differences.resampled.shape[1] < 2:
        raise ValueError(f"percentile interval: got {differences.resampled.shape[1]} resamples, expected at least 2")
    return Percentile(float(differences.measured.mean()), differences.resampled.mean(axis=0))
