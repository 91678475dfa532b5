"""A metric over a field that is a number: reference frames, tokens, queries.

AblationTable --factor_lines--> for each such field the arms that differ from the baseline in it alone
              --factor_plot---> Figure: mean over seeds, whiskers of one standard deviation
"""

from dataclasses import dataclass

from matplotlib.figure import Figure

from rcflab.ablation import AblationTable, Row
from rcflab.knobs import Knob
from rcflab.metrics import MetricSpec
from rcflab.report.style import BETTER, INK, SOFT, Room, axis_label, figure_style, limits, panel
from rcflab.stats.summary import Summary

FEWEST = 3
"""Values of a field that make a course: two are a difference, which the table has."""
_LOGARITHMIC = 8.0
"""Largest over smallest value from which on the axis counts doublings."""


@dataclass(frozen=True, slots=True)
class FactorPoint:
    """One arm."""

    value: float
    arm: str
    summary: Summary


@dataclass(frozen=True, slots=True)
class FactorLine:
    """What one field does while all others stay as they are in the baseline."""

    knob: Knob
    spec: MetricSpec
    baseline: str
    points: tuple[FactorPoint, ...]
    """In order of the value."""


def factor_lines(table: AblationTable, index: int = 0) -> tuple[FactorLine, ...]:
    """Of the metric at `index`, one for each field of at least three numbers; none without the baseline's row."""
    if all(not row.is_baseline for row in table.rows):
        return ()
    found = [
        FactorLine(knob, table.metrics[index], table.baseline, _points(table, knob, index)) for knob in table.knobs
    ]
    return tuple(line for line in found if len({point.value for point in line.points}) >= FEWEST)


def factor_plot(line: FactorLine) -> Figure:
    """The points of `line`, the baseline filled."""
    room = Room(3.9, 2.9)
    figure, axes = panel(room)
    values = [point.value for point in line.points]
    means = [point.summary.mean for point in line.points]
    spread = [point.summary.sd or 0.0 for point in line.points]
    with figure_style():
        if min(values) > 0 and max(values) / min(values) >= _LOGARITHMIC:
            axes.set_xscale("log", base=2)
        axes.plot(values, means, color=SOFT, linewidth=1, zorder=1)
        for point in line.points:
            colour = INK if point.arm == line.baseline else BETTER
            axes.errorbar(
                [point.value], [point.summary.mean], yerr=[point.summary.sd or 0.0], color=colour, fmt="o",
                markersize=5.5, markerfacecolor=colour if point.arm == line.baseline else "white", capsize=3, zorder=2,
            )  # fmt: skip
            axes.annotate(
                f"{point.summary.mean:.{line.spec.digits}f}", (point.value, point.summary.mean), xytext=(6, 5),
                textcoords="offset points", fontsize=8, color=colour,
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5},
            )  # fmt: skip
        axes.set_xticks(values, [f"{value:g}" for value in values])
        axes.minorticks_off()
        lows, highs = ([mean + sign * sd for mean, sd in zip(means, spread, strict=True)] for sign in (-1, 1))
        axes.set_ylim(*limits(min(lows), max(highs), 0.12))
        axes.margins(x=0.09)
        axes.set_xlabel(line.knob.label)
        axes.set_ylabel(axis_label(line.spec))
    return figure


def _points(table: AblationTable, knob: Knob, index: int) -> tuple[FactorPoint, ...]:
    found: list[FactorPoint] = []
    for row in table.rows:
        value, summary = knob.number(row.arm), row.measures[index].summary
        if value is not None and summary is not None and _differs_in_it_alone(table, row, knob):
            found.append(FactorPoint(value, row.arm, summary))
    return tuple(sorted(found, key=lambda point: point.value))


def _differs_in_it_alone(table: AblationTable, row: Row, knob: Knob) -> bool:
    """Fields without effect in either arm do not count."""
    others = [other for other in table.knobs if other != knob]
    return all(
        other.values[row.arm] == other.values[table.baseline]
        for other in others
        if row.arm in other.values and table.baseline in other.values
    )
