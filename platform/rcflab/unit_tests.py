"""The t-tests that an experiment asks for beside its verdicts, each with the unit that it takes for independent.

    scores of units (videos | categories | seeds), mean over the seeds --arm minus baseline, unit by unit--> TTest

The paper's table 12 has such a test, its unit and n unstated. A test over videos answers for these checkpoints, one
over seeds for these videos; neither makes anything bold. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rcflab.metrics import MetricSpec
from rcflab.stats.interval import NoSpreadError
from rcflab.stats.resamples import Floats
from rcflab.stats.t_test import TTest, Unit, t_test


@dataclass(frozen=True, slots=True)
class ArmTest:
    """One arm against one baseline."""

    arm: str
    baseline: str
    unit: Unit
    statistic: MetricSpec
    paired: bool
    seeds: int
    """Of each side, over which a unit's score is the mean; for the unit seed, the units themselves."""
    found: TTest | None
    reason: str = ""
    """Why there is none."""


def arm_tests(
    scores: Mapping[str, Mapping[int, Floats]],
    baselines: Sequence[str],
    unit: Unit,
    statistic: MetricSpec,
    paired: bool,
) -> tuple[ArmTest, ...]:
    """Each arm against each baseline, over the seeds that both have. `scores`: arm -> seed -> (units,), NaN for none.

    For the unit `seed` the units are the seeds, each with one score. A pair of baselines is tested once.
    """
    return tuple(
        _arm_test(arm, baseline, scores, unit, statistic, paired)
        for place, baseline in enumerate(baselines)
        if baseline in scores
        for arm in scores
        if arm != baseline and arm not in baselines[:place]
    )


def _arm_test(
    arm: str,
    baseline: str,
    scores: Mapping[str, Mapping[int, Floats]],
    unit: Unit,
    statistic: MetricSpec,
    paired: bool,
) -> ArmTest:
    shared = sorted(scores[arm].keys() & scores[baseline].keys())
    if not shared:
        return ArmTest(arm, baseline, unit, statistic, paired, 0, None, "no shared seed")
    sides = [np.stack([scores[side][seed] for seed in shared]) for side in (arm, baseline)]
    units = [side[:, 0] if unit == "seed" else side.mean(axis=0) for side in sides]
    present = ~np.isnan(units[0]) & ~np.isnan(units[1])
    try:
        found = t_test(units[0][present].tolist(), units[1][present].tolist(), unit, paired)
    except NoSpreadError:
        return ArmTest(arm, baseline, unit, statistic, paired, len(shared), None, "no spread")
    except ValueError:
        reason = f"not testable (n={int(present.sum())})"
        return ArmTest(arm, baseline, unit, statistic, paired, len(shared), None, reason)
    return ArmTest(arm, baseline, unit, statistic, paired, len(shared), found)
