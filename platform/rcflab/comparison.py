"""Step 6: what may be said of each arm against the baseline, from its scores on resampled videos.

    Scores of each arm (seeds, 1 + B) --pairs by seed--> Differences --2 seeds or more: crossed--> interval, p --Holm--.
                                                                     --1 seed: percentile--> interval                 |
                                                                                            Comparison with a verdict <

One metric is tested, the primary one; all others are descriptive. The family of Holm's correction is every arm of the
table that can be tested. Pure.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rcflab.metrics import MetricSpec
from rcflab.stats.contrast import Differences, Scores, difference
from rcflab.stats.crossed import Crossed, crossed
from rcflab.stats.interval import Interval, NoSpreadError
from rcflab.stats.multiplicity import holm
from rcflab.stats.percentile import percentile
from rcflab.stats.verdict import Kind, Verdict, untested, verdict

ALPHA = 0.05
FEWEST_VIDEOS = 60
"""The intervals were checked by simulation from here on."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One arm against the baseline."""

    arm: str
    n: int
    """Pairs of seeds."""
    estimate: float
    interval: Interval | None
    """95 %; None where nothing varies. With one seed it speaks of these checkpoints only."""
    p: float | None
    """Not adjusted; None where the arm cannot be tested."""
    adjusted_p: float | None
    verdict: Verdict
    rare_categories_dominate: bool = False

    @property
    def is_better(self) -> bool:
        """Whether a table may set it in bold."""
        return self.verdict.kind is Kind.BETTER


@dataclass(frozen=True, slots=True)
class Comparisons:
    """Every arm against the baseline, in the order of the table."""

    metric: MetricSpec
    baseline: str
    arms: tuple[Comparison, ...]
    videos: int
    resamples: int
    dropped: int
    """Resamples that left nothing to score, the same for all arms."""
    seed: int
    """Of the resamples."""
    margin: float | None
    """What would matter, for verdicts of no difference."""

    @property
    def family(self) -> int:
        """Tests that Holm's correction counts."""
        return sum(each.p is not None for each in self.arms)

    def of(self, arm: str) -> Comparison | None:
        """That of one arm; None for the baseline."""
        return next((each for each in self.arms if each.arm == arm), None)


@dataclass(frozen=True, slots=True)
class Resampled:
    """The primary metric of every cell on resampled videos."""

    metric: MetricSpec
    scores: Mapping[str, Scores]
    """By arm, in the order of the table; seeds without a value are left out."""
    seed: int


def compare(found: Resampled, baseline: str, margin: float | None = None) -> Comparisons | None:
    """Each arm minus `baseline`, seed by seed over the seeds that both have; None where the baseline has no score."""
    rival = found.scores.get(baseline)
    if rival is None:
        return None
    pairs = {arm: _paired(scores, rival) for arm, scores in found.scores.items() if arm != baseline}
    differences = {arm: pair for arm, pair in pairs.items() if pair is not None}
    tested = {arm: _crossed(each) for arm, each in differences.items()}
    p = {arm: each.p for arm, each in tested.items() if each is not None}
    adjusted = dict(zip(p, holm(list(p.values())).tolist(), strict=True))
    arms = [
        _untested(arm, each)
        if (answer := tested[arm]) is None
        else _tested(arm, each, answer, adjusted[arm], found.metric, margin)
        for arm, each in differences.items()
    ]
    resamples = rival.values.shape[1] - 1
    dropped = max((each.dropped for each in differences.values()), default=0)
    return Comparisons(found.metric, baseline, tuple(arms), rival.videos, resamples, dropped, found.seed, margin)


def _paired(arm: Scores, rival: Scores) -> Differences | None:
    shared = sorted(set(arm.seeds) & set(rival.seeds))
    return difference(_only(arm, shared), _only(rival, shared)) if shared else None


def _only(scores: Scores, seeds: Sequence[int]) -> Scores:
    rows = [scores.seeds.index(seed) for seed in seeds]
    return Scores(scores.arm, tuple(seeds), scores.values[rows], scores.videos)


def _crossed(differences: Differences) -> Crossed | None:
    """None for a single seed, a single video, or where nothing varies though the records differ."""
    if len(differences.seeds) < 2 or differences.videos < 2 or differences.resampled.shape[1] < 2:
        return None
    try:
        return crossed(differences)
    except NoSpreadError:
        return None


def _tested(
    arm: str, pair: Differences, found: Crossed, adjusted: float, metric: MetricSpec, margin: float | None
) -> Comparison:
    said = verdict(found, adjusted, metric.better, margin, ALPHA)
    rare = found.rare_categories_dominate
    return Comparison(arm, len(pair.seeds), found.estimate, found.interval(ALPHA), found.p, adjusted, said, rare)


def _untested(arm: str, pair: Differences) -> Comparison:
    n = len(pair.seeds)
    estimate = math.fsum(pair.measured.tolist()) / n
    if not pair.measured.any() and not pair.resampled.any():
        return Comparison(arm, n, 0.0, Interval(0.0, 0.0), None, None, Verdict(Kind.IDENTICAL))
    varies = pair.resampled.shape[1] >= 2 and bool(np.ptp(pair.resampled.mean(axis=0)))
    interval = percentile(pair).interval(ALPHA) if varies else None
    return Comparison(arm, n, estimate, interval, None, None, untested(n))
