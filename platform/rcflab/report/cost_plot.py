"""A metric against what it costs: a point an arm, with one standard deviation over its seeds both ways.

Curve ... --arm_costs--> ArmCost ... --cost_plot--> Figure: up and towards the cheap side is better
"""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from rcflab.curves import Curve
from rcflab.metrics import METRICS, MetricSpec
from rcflab.report.style import (
    LABEL_INCHES,
    Room,
    apart,
    axis_label,
    figure_style,
    limits,
    look,
    panel,
    short,
    width_of,
)
from rcflab.stats.summary import Summary, summarize

COSTS = ("cost/latency_ms", "cost/fps", "cost/params_m")
"""What may be on the axis, the first that every arm reports."""


@dataclass(frozen=True, slots=True)
class ArmCost:
    """One arm."""

    arm: str
    cost: Summary
    value: Summary


def cost_metric(curves: Sequence[Curve], arms: int) -> MetricSpec | None:
    """What `arms` arms can be weighed by: the first cost that each of them reports and that differs."""
    for key in COSTS:
        found = [curve for curve in curves if curve.metric == key]
        if key in METRICS and len({curve.arm for curve in found}) == arms and len({c.values[-1] for c in found}) > 1:
            return METRICS[key]
    return None


def arm_costs(curves: Sequence[Curve], cost: str, metric: str) -> tuple[ArmCost, ...]:
    """Means and spreads of the last values, over the seeds that have both."""
    last = {(curve.arm, curve.seed, curve.metric): curve.values[-1] for curve in curves}
    arms: dict[str, list[tuple[float, float]]] = {}
    for arm, seed, key in last:
        if key == metric and (arm, seed, cost) in last:
            arms.setdefault(arm, []).append((last[arm, seed, cost], last[arm, seed, metric]))
    return tuple(
        ArmCost(arm, summarize([cost for cost, _ in pairs]), summarize([value for _, value in pairs]))
        for arm, pairs in arms.items()
    )


def cost_plot(found: Sequence[ArmCost], baseline: str, cost: MetricSpec, metric: MetricSpec) -> Figure:
    """Names beside their points, moved apart where points lie close."""
    names = [short(each.arm, 30) for each in found]
    room = Room(4.6, 3.2, right=0.3 + width_of(names) * 0.8)
    figure, axes = panel(room)
    with figure_style():
        for place, each in enumerate(sorted(found, key=lambda each: each.arm != baseline)):
            way = look(0 if each.arm == baseline else place + 1)
            axes.errorbar(
                [each.cost.mean], [each.value.mean], xerr=[each.cost.sd or 0.0], yerr=[each.value.sd or 0.0],
                color=way.colour, fmt=way.marker, markersize=6, capsize=2, linewidth=1,
            )  # fmt: skip
        axes.set_xlim(*limits(*_edges([each.cost for each in found]), 0.1))
        axes.set_ylim(*limits(*_edges([each.value for each in found]), 0.1))
        low, high = axes.get_ylim()
        levels = apart([each.value.mean for each in found], LABEL_INCHES * (high - low) / room.height, low, high)
        for each, level, name in zip(found, levels, names, strict=True):
            axes.annotate(
                name, (each.cost.mean, level), xytext=(5, 6), textcoords="offset points", fontsize=8,
                annotation_clip=False,
            )  # fmt: skip
        axes.set_xlabel(axis_label(cost))
        axes.set_ylabel(axis_label(metric))
    return figure


def _edges(found: Sequence[Summary]) -> tuple[float, float]:
    return (
        min(each.mean - (each.sd or 0.0) for each in found),
        max(each.mean + (each.sd or 0.0) for each in found),
    )
