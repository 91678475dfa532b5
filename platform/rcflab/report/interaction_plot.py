"""Two factors of a crossed design: one along the axis, a line for each level of the other. Parallel: no interaction.

AblationTable, paths of two factors --interaction--> cell means over the other factors and the seeds
                                    --interaction_plot--> Figure
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from matplotlib.figure import Figure

from rcflab.ablation import AblationTable
from rcflab.knobs import Knob, as_words
from rcflab.metrics import MetricSpec
from rcflab.records import Json
from rcflab.report.style import Room, axis_label, figure_style, label_ends, limits, look, panel, short, width_of
from rcflab.stats.summary import summarize

MOST_PLOTS = 6
"""Pairs of factors of a design that are drawn."""


@dataclass(frozen=True, slots=True)
class Interaction:
    """Means of the cells of two factors."""

    across: str
    """Label of the factor along the axis."""
    lines: str
    """Label of the other."""
    spec: MetricSpec
    levels: tuple[str, ...]
    """Along the axis."""
    means: tuple[tuple[str, tuple[float, ...]], ...]
    """(level of the other, a mean for each of `levels`)."""
    spreads: tuple[tuple[float | None, ...], ...]
    """Standard deviations over seeds, of the mean over the other factors."""


def interactions(table: AblationTable, factors: Sequence[str], index: int = 0) -> tuple[Interaction, ...]:
    """One for each pair of `factors` (dotted paths) that arms cross fully; the metric is that at `index`."""
    by_path = {knob.path: knob for knob in table.knobs}
    pairs = combinations([by_path[path] for path in factors if path in by_path], 2)
    found = [_interaction(table, one, other, index) for one, other in pairs]
    return tuple(each for each in found if each is not None)[:MOST_PLOTS]


def interaction_plot(found: Interaction) -> Figure:
    """Lines with whiskers of one standard deviation, their levels written at their ends."""
    names = [short(f"{found.lines} = {level}", 30) for level, _ in found.means]
    room = Room(3.6, 2.9, right=0.35 + width_of(names))
    figure, axes = panel(room)
    looks = [look(index) for index in range(len(names))]
    places = list(range(len(found.levels)))
    with figure_style():
        for line, ((_, means), spread, way) in enumerate(zip(found.means, found.spreads, looks, strict=True)):
            bars = [sd or 0.0 for sd in spread]
            # Whiskers of one level stand side by side.
            beside = [place + 0.03 * (line - (len(looks) - 1) / 2) for place in places]
            axes.errorbar(
                beside, means, yerr=bars, color=way.colour, linestyle=way.dash, marker=way.marker, markersize=5,
                capsize=3, linewidth=1.6, elinewidth=0.8,
            )  # fmt: skip
        pairs = [
            (mean, sd or 0.0)
            for (_, means), spread in zip(found.means, found.spreads, strict=True)
            for mean, sd in zip(means, spread, strict=True)
        ]
        axes.set_ylim(*limits(min(mean - sd for mean, sd in pairs), max(mean + sd for mean, sd in pairs), 0.1))
        axes.set_xlim(-0.25, places[-1] + 0.25)
        axes.set_xticks(places, found.levels)
        ends = [(places[-1], means[-1]) for _, means in found.means]
        label_ends(axes, room, ends, names, [way.colour for way in looks])
        axes.set_xlabel(found.across)
        axes.set_ylabel(axis_label(found.spec))
    return figure


def _interaction(table: AblationTable, one: Knob, other: Knob, index: int) -> Interaction | None:
    """None where a combination of levels has no arm, or an arm no value."""
    cells: dict[tuple[str, str], list[tuple[float | None, ...]]] = {}
    for row in table.rows:
        if row.arm in one.values and row.arm in other.values:
            place = (as_words(one.values[row.arm]), as_words(other.values[row.arm]))
            cells.setdefault(place, []).append(row.measures[index].values)
    across, lines = (_levels(knob) for knob in (one, other))
    if len(cells) < len(across) * len(lines) or min(len(across), len(lines)) < 2:
        return None
    summaries = {place: _by_seed(arms) for place, arms in cells.items()}
    if any(not values for values in summaries.values()):
        return None
    found = {place: summarize(values) for place, values in summaries.items()}
    return Interaction(
        one.label,
        other.label,
        table.metrics[index],
        across,
        tuple((level, tuple(found[each, level].mean for each in across)) for level in lines),
        tuple(tuple(found[each, level].sd for each in across) for level in lines),
    )


def _levels(knob: Knob) -> tuple[str, ...]:
    """Numbers by size, all else in the order of the arms."""
    values: list[Json] = list({as_words(value): value for value in knob.values.values()}.values())
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    return tuple(map(as_words, sorted(values) if numbers else values))


def _by_seed(arms: Sequence[tuple[float | None, ...]]) -> list[float]:
    """For each seed that all `arms` have, their mean."""
    rows = [[value for value in seed if value is not None] for seed in zip(*arms, strict=False)]
    return [math.fsum(row) / len(row) for row in rows if len(row) == len(arms)]
