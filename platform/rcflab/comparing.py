"""Step 6: from scores on resampled videos to verdicts.

    Scores of each arm (seeds, 1 + B) --pairs by seed--> Differences --2 seeds or more: crossed--> interval, p --Holm--.
                                                                     --1 seed: percentile--> interval                 |
                                                                                            Comparison with a verdict <

Effects of a design go the same way: weighted sums of all arms in place of an arm minus the baseline. One metric is
tested, the primary one; all others are descriptive. The family of Holm's correction is every line that the experiment
has against any of its baselines, also where a table shows a part of them: who looks at less must not find more. Arms
that are one and the same are one line of the family, and none against themselves. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rcflab.compared_line import Measured, compared
from rcflab.comparison import ALPHA, ArmContrast, Comparison, Comparisons, Resampled, Rules
from rcflab.stats.contrast import Differences, Scores, contrast
from rcflab.stats.multiplicity import holm
from rcflab.stats.pooled import PooledSeeds, pool

_FAR_BELOW = 10.0
"""Percent points below the median of an arm: a run that diverged, say."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A sum of arms that is to be compared with 0."""

    name: str
    weights: Mapping[str, float]
    test: frozenset[str]
    """What it tests, equal for two lines that are one and the same; empty for an arm against itself."""
    neutral: bool = False
    """Neither direction is better."""


def compare(
    found: Resampled, baselines: Sequence[str], effects: Sequence[ArmContrast] = (), rules: Rules | None = None
) -> tuple[Comparisons, ...]:
    """Each arm minus each of `baselines`, seed by seed over the seeds that both have; with the first, the effects too.

    A pair of baselines is compared once, under the first of the two. Baselines without a score have no part.
    """
    rules = rules or Rules()
    one_of = {arm: group[0] for group in rules.joined for arm in group}
    sections = {
        baseline: _arm_lines(found.scores, baselines[:place], baseline, one_of)
        + ([] if place else [_effect_line(effect) for effect in effects])
        for place, baseline in enumerate(baselines)
        if baseline in found.scores
    }
    pooled = _pooled(found.scores, one_of) if rules.seed_variance == "pooled" else None
    measured = {
        baseline: [(line, _measured(line, found.scores, pooled)) for line in lines]
        for baseline, lines in sections.items()
    }
    p = {line.test: each.p for lines in measured.values() for line, each in lines if each and each.p is not None}
    p.pop(frozenset(), None)
    family = max(rules.planned, len(p))
    # A comparison that is not here may have any p; with 1 it counts and nothing else.
    adjusted = dict(zip(p, holm([*p.values(), *[1.0] * (family - len(p))]).tolist(), strict=False))
    return tuple(
        _section(found, baseline, lines, adjusted, family, pooled, rules) for baseline, lines in measured.items()
    )


def _arm_lines(
    scores: Mapping[str, Scores], before: Sequence[str], baseline: str, one_of: Mapping[str, str]
) -> list[_Line]:
    def line(arm: str) -> _Line:
        sides = frozenset(one_of.get(side, side) for side in (arm, baseline))
        return _Line(arm, {arm: 1.0, baseline: -1.0}, sides if len(sides) > 1 else frozenset())

    return [line(arm) for arm in scores if arm != baseline and arm not in before]


def _effect_line(effect: ArmContrast) -> _Line:
    weights = {arm: weight for arm, weight in effect.weights.items() if weight}
    return _Line(effect.name, weights, frozenset([effect.name]), effect.is_interaction)


def _pooled(scores: Mapping[str, Scores], one_of: Mapping[str, str]) -> PooledSeeds | None:
    """Over the arms that have all seeds, joined ones once; None for fewer than two such arms, or one seed."""
    most = max((frozenset(each.seeds) for each in scores.values()), key=len, default=frozenset[int]())
    full = [each for arm, each in scores.items() if frozenset(each.seeds) == most and one_of.get(arm, arm) == arm]
    return pool(full) if len(full) > 1 and len(most) > 1 else None


def _measured(line: _Line, scores: Mapping[str, Scores], pooled: PooledSeeds | None) -> Measured | None:
    """None where its arms share no seed, or one of them is not there."""
    if not line.weights.keys() <= scores.keys():
        return None
    shared = sorted(set[int].intersection(*(set(scores[arm].seeds) for arm in line.weights)))
    if not shared:
        return None
    rows = {arm: _only(scores[arm], shared) for arm in line.weights}
    pair: Differences = contrast([(weight, rows[arm]) for arm, weight in line.weights.items()])
    sides = tuple(each.values[:, 0] for each in rows.values()) if len(line.test) == 2 else None
    return Measured.of(pair, pooled, (sides[0], sides[1]) if sides else None)


def _only(scores: Scores, seeds: Sequence[int]) -> Scores:
    rows = [scores.seeds.index(seed) for seed in seeds]
    return Scores(scores.arm, tuple(seeds), scores.values[rows], scores.videos)


def _section(
    found: Resampled,
    baseline: str,
    lines: Sequence[tuple[_Line, Measured | None]],
    adjusted: Mapping[frozenset[str], float],
    family: int,
    pooled: PooledSeeds | None,
    rules: Rules,
) -> Comparisons:
    better = found.metric.better
    arms: list[Comparison] = []
    for line, each in lines:
        if each is not None:
            direction = "neither" if line.neutral else better
            arms.append(
                compared(line.name, each, adjusted.get(line.test), direction, rules.margin, ALPHA / max(1, family))
            )
    rival = found.scores[baseline]
    return Comparisons(
        found.metric,
        baseline,
        tuple(arms),
        rival.videos,
        rival.values.shape[1] - 1,
        max((each.pair.dropped for _, each in lines if each is not None), default=0),
        found.seed,
        rules.margin,
        family,
        tuple(line.name for line, each in lines if each is None),
        found.categories,
        pooled,
        _far_below(found),
    )


def _far_below(found: Resampled) -> tuple[tuple[str, int, float], ...]:
    """Of metrics in percent points: an interval from a few seeds takes them for roughly normal."""
    if found.metric.unit != "points":
        return ()
    sign = -1.0 if found.metric.better == "lower" else 1.0
    below: list[tuple[str, int, float]] = []
    for arm, scores in found.scores.items():
        measured = sign * scores.values[:, 0]
        gaps = float(np.median(measured)) - measured
        below += [(arm, seed, gap) for seed, gap in zip(scores.seeds, gaps.tolist(), strict=True) if gap > _FAR_BELOW]
    return tuple(below)
