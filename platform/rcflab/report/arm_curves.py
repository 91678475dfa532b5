"""Curves of cells as curves of arms: mean and spread over seeds, step by step.

Curve ... --arm_curves--> ArmCurve(arm, seeds, points)

A step counts where all seeds of the arm have it: a mean over fewer would jump where a seed ends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rcflab.curves import Curve
from rcflab.stats.summary import summarize

MOST_POINTS = 400
"""Of a curve: a picture has no more columns to show."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One step."""

    step: int
    mean: float
    sd: float | None
    """Over seeds; None for a single one."""


@dataclass(frozen=True, slots=True)
class ArmCurve:
    """One arm."""

    arm: str
    seeds: int
    points: tuple[CurvePoint, ...]


def arm_curves(curves: Sequence[Curve], metric: str) -> tuple[ArmCurve, ...]:
    """`metric` of every arm that has it, in the order of the curves."""
    arms: dict[str, list[dict[int, float]]] = {}
    for curve in curves:
        if curve.metric == metric:
            arms.setdefault(curve.arm, []).append(dict(zip(curve.steps, curve.values, strict=True)))
    found = [ArmCurve(arm, len(seeds), _points(seeds)) for arm, seeds in arms.items()]
    return tuple(curve for curve in found if curve.points)


def _points(seeds: Sequence[Mapping[int, float]]) -> tuple[CurvePoint, ...]:
    shared = sorted(set(seeds[0]).intersection(*seeds[1:]))
    stride = -(-len(shared) // MOST_POINTS) or 1
    # Counted from the end, so that the last step is always there.
    steps = shared[::-1][::stride][::-1]
    found = [(step, summarize([values[step] for values in seeds])) for step in steps]
    return tuple(CurvePoint(step, summary.mean, summary.sd) for step, summary in found)
