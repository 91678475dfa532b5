"""A metric over training steps: a line an arm, a band of one standard deviation over its seeds.

ArmCurve ... --curve_plot--> Figure
"""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rcflab.metrics import MetricSpec
from rcflab.report.arm_curves import ArmCurve
from rcflab.report.style import Room, axis_label, figure_style, label_ends, limits, look, panel, short, width_of

MOST_ARMS = 18
"""More labels than that do not fit beside the axes."""
_MARKED, _BANDED = 30, 8
"""Points of a line up to which each has a marker, and lines up to which each has a band: more would be a thicket."""


def curve_plot(curves: Sequence[ArmCurve], baseline: str, spec: MetricSpec) -> Figure:
    """One line for each curve; the baseline in black, whatever its place."""
    chosen = sorted(curves, key=lambda curve: curve.arm != baseline)[:MOST_ARMS]
    names = [short(curve.arm, 36) for curve in chosen]
    room = Room(5.2, 3.2, right=0.35 + width_of(names))
    figure, axes = panel(room)
    places = [0 if curve.arm == baseline else index + 1 for index, curve in enumerate(chosen)]
    with figure_style():
        _draw(axes, room, chosen, names, places, spec)
        if len(chosen) < len(curves):
            axes.set_title(f"{len(chosen)} of {len(curves)} arms", fontsize=8, loc="left")
    return figure


def _draw(
    axes: Any, room: Room, curves: Sequence[ArmCurve], names: Sequence[str], places: Sequence[int], spec: MetricSpec
) -> None:
    looks = [look(place) for place in places]
    for curve, way in zip(curves, looks, strict=True):
        steps = [point.step for point in curve.points]
        means = [point.mean for point in curve.points]
        if len(steps) <= _MARKED:
            shape = {"linestyle": way.dash, "marker": way.marker, "markersize": 3.5, "linewidth": 1.6}
        else:
            shape = {"linewidth": 0.9}
        axes.plot(steps, means, color=way.colour, **shape)
        if curve.seeds > 1 and len(curves) <= _BANDED:
            low, high = zip(*(_band(point.mean, point.sd) for point in curve.points), strict=True)
            axes.fill_between(steps, low, high, color=way.colour, alpha=0.13, linewidth=0)
    edges = [edge for curve in curves for point in curve.points for edge in _band(point.mean, point.sd)]
    axes.set_ylim(*limits(min(edges), max(edges)))
    last = max(curve.points[-1].step for curve in curves)
    axes.set_xlim(*limits(min(curve.points[0].step for curve in curves), last, 0.02))
    ends = [(curve.points[-1].step, curve.points[-1].mean) for curve in curves]
    label_ends(axes, room, ends, names, [way.colour for way in looks])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.set_xlabel("training step")
    axes.set_ylabel(axis_label(spec))


def _band(mean: float, sd: float | None) -> tuple[float, float]:
    return mean - (sd or 0.0), mean + (sd or 0.0)
