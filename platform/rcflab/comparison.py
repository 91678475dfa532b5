"""Step 6: what may be said of each arm against the baseline, from its scores on resampled videos.

    Scores of each arm (seeds, 1 + B) --pairs by seed--> Differences --2 seeds or more: crossed--> interval, p --Holm--.
                                                                     --1 seed: percentile--> interval                 |
                                                                                            Comparison with a verdict <

Effects of a design go the same way: weighted sums of all arms in place of an arm minus the baseline. One metric is
tested, the primary one; all others are descriptive. The family of Holm's correction is every line that the experiment
has, also where a table shows a part of them: who looks at less must not find more. Pure.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rcflab.metrics import Better, MetricSpec
from rcflab.stats.contrast import Differences, Scores, contrast
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
    """Or the effect."""
    n: int
    """Seeds that all sides have."""
    estimate: float
    interval: Interval | None
    """95 %; None where nothing varies. With one seed it speaks of these checkpoints only."""
    p: float | None
    """Not adjusted; None where the arm cannot be tested."""
    adjusted_p: float | None
    verdict: Verdict
    seed_part: float | None = None
    """Variance of the estimate over seeds, and below it over videos; None without a test."""
    video_part: float | None = None
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
    family: int
    """Tests that Holm's correction counts: all of the experiment's, also those that are not in this table."""
    left_out: tuple[str, ...] = ()
    """Arms and effects that share no seed with what they are compared with, or lack an arm."""

    @property
    def better(self) -> frozenset[str]:
        """Arms that a table may set in bold."""
        return frozenset(each.arm for each in self.arms if each.is_better)


@dataclass(frozen=True, slots=True)
class Resampled:
    """The primary metric of every cell on resampled videos."""

    metric: MetricSpec
    scores: Mapping[str, Scores]
    """By arm, in the order of the table; seeds without a value are left out."""
    seed: int


@dataclass(frozen=True, slots=True)
class ArmContrast:
    """A weighted sum of all arms of a design: a main effect or an interaction."""

    name: str
    weights: Mapping[str, float]
    """By arm; they add up to 0."""
    is_interaction: bool
    """Of an interaction neither direction is better."""


def compare(
    found: Resampled,
    baseline: str,
    margin: float | None = None,
    effects: Sequence[ArmContrast] = (),
    planned: int = 0,
) -> Comparisons | None:
    """Each arm minus `baseline`, then the effects, seed by seed over the seeds that all sides have.

    `planned` comparisons are the experiment's, of which this table may show fewer. None where the baseline has no
    score.
    """
    rival = found.scores.get(baseline)
    if rival is None:
        return None
    sums = {arm: {arm: 1.0, baseline: -1.0} for arm in found.scores if arm != baseline}
    sums |= {effect.name: {arm: weight for arm, weight in effect.weights.items() if weight} for effect in effects}
    pairs = {name: _paired(weights, found.scores) for name, weights in sums.items()}
    differences = {name: pair for name, pair in pairs.items() if pair is not None}
    left_out = tuple(name for name, pair in pairs.items() if pair is None)
    neutral = {effect.name for effect in effects if effect.is_interaction}
    tested = {arm: _crossed(each) for arm, each in differences.items()}
    p = {arm: each.p for arm, each in tested.items() if each is not None}
    family = max(planned, len(p))
    # A comparison that is not here may have any p; with 1 it counts and nothing else.
    adjusted = dict(zip(p, holm([*p.values(), *[1.0] * (family - len(p))]).tolist(), strict=False))
    arms = [
        _untested(arm, each)
        if (answer := tested[arm]) is None
        else _tested(arm, each, answer, adjusted[arm], "neither" if arm in neutral else found.metric.better, margin)
        for arm, each in differences.items()
    ]
    resamples = rival.values.shape[1] - 1
    dropped = max((each.dropped for each in differences.values()), default=0)
    return Comparisons(
        found.metric, baseline, tuple(arms), rival.videos, resamples, dropped, found.seed, margin, family, left_out
    )


def _paired(weights: Mapping[str, float], scores: Mapping[str, Scores]) -> Differences | None:
    """The weighted sum over the seeds that all of these arms have; None where they share none, or one is not there."""
    if not weights.keys() <= scores.keys():
        return None
    shared = sorted(set[int].intersection(*(set(scores[arm].seeds) for arm in weights)))
    return contrast([(weight, _only(scores[arm], shared)) for arm, weight in weights.items()]) if shared else None


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
    arm: str, pair: Differences, found: Crossed, adjusted: float, better: Better, margin: float | None
) -> Comparison:
    said = verdict(found, adjusted, better, margin, ALPHA)
    return Comparison(
        arm,
        len(pair.seeds),
        found.estimate,
        found.interval(ALPHA),
        found.p,
        adjusted,
        said,
        found.seed_part,
        found.video_part,
        found.rare_categories_dominate,
    )


def _untested(arm: str, pair: Differences) -> Comparison:
    n = len(pair.seeds)
    estimate = math.fsum(pair.measured.tolist()) / n
    if not pair.measured.any() and not pair.resampled.any():
        return Comparison(arm, n, 0.0, Interval(0.0, 0.0), None, None, Verdict(Kind.IDENTICAL))
    if n > 1:
        few = "one video" if pair.videos < 2 else "no resamples" if pair.resampled.shape[1] < 2 else "no spread"
        return Comparison(arm, n, estimate, None, None, None, untested(n, few))
    varies = pair.resampled.shape[1] >= 2 and bool(np.ptp(pair.resampled))
    interval = percentile(pair).interval(ALPHA) if varies else None
    return Comparison(arm, n, estimate, interval, None, None, untested(n))
