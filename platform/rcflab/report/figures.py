"""The figures of an experiment by name: what the command line, the page and a notebook choose from.

FigureData (a table, curves) --FIGURES[name].draw--> Figure, or why this experiment has none

A figure is one row of FIGURES. Pure: it draws what it is given.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from matplotlib.figure import Figure

from rcflab.ablation import AblationTable
from rcflab.curves import Curve
from rcflab.errors import IncompleteError, InputError, Problem
from rcflab.metrics import METRICS
from rcflab.report.arm_curves import ArmCurve, arm_curves
from rcflab.report.comparisons import as_one
from rcflab.report.cost_plot import COSTS, arm_costs, cost_metric, cost_plot
from rcflab.report.curve_plot import curve_plot
from rcflab.report.factor_plot import factor_lines, factor_plot
from rcflab.report.forest import forest_plot
from rcflab.report.interaction_plot import interaction_plot, interactions
from rcflab.suggest import nearest


@dataclass(frozen=True, slots=True)
class FigureData:
    """All that figures are drawn from."""

    table: AblationTable
    curves: tuple[Curve, ...] = ()
    factors: tuple[str, ...] = ()
    """Dotted paths, of an experiment that has a design."""

    @property
    def primary(self) -> int:
        """Place of the metric that is tested among those of the table; else the first."""
        found = self.table.comparisons
        keys = [spec.key for spec in self.table.metrics]
        return keys.index(found.metric.key) if found is not None and found.metric.key in keys else 0


@dataclass(frozen=True, slots=True)
class FigureKind:
    """One kind of figure."""

    about: str
    """What it shows, for help and error messages."""
    draw: Callable[[FigureData], Figure | None]
    """None where the experiment has nothing of the kind to show."""
    needs: str
    """What an experiment must have for it."""
    caption: str = ""
    """What a reader of the page has to know."""


_BANDS = "Lines are means over seeds, bands one standard deviation."
_WHISKERS = "Means over seeds, whiskers one standard deviation."


def _forest(data: FigureData) -> Figure | None:
    found = as_one(data.table.all_comparisons)
    return None if found is None or not found.arms else forest_plot(found)


def _curves(data: FigureData) -> Figure | None:
    spec = data.table.metrics[data.primary]
    found = arm_curves(data.curves, spec.key)
    return curve_plot(found, data.table.baseline, spec) if _is_course(found) else None


def _loss(data: FigureData) -> Figure | None:
    found = arm_curves(data.curves, "train/loss")
    return curve_plot(found, data.table.baseline, METRICS["train/loss"]) if _is_course(found) else None


def _is_course(found: Sequence[ArmCurve]) -> bool:
    return any(len(curve.points) > 1 for curve in found)


def _cost(data: FigureData) -> Figure | None:
    spec = data.table.metrics[data.primary]
    cost = cost_metric(data.curves, len(data.table.rows))
    found = () if cost is None else arm_costs(data.curves, cost.key, spec.key)
    return None if cost is None or not found else cost_plot(found, data.table.baseline, cost, spec)


def _factor(data: FigureData) -> Figure | None:
    return next(map(factor_plot, factor_lines(data.table, data.primary)), None)


def _interaction(data: FigureData) -> Figure | None:
    return next(map(interaction_plot, interactions(data.table, data.factors, data.primary)), None)


FIGURES: dict[str, FigureKind] = {
    "forest": FigureKind(
        "differences to the baseline with their intervals",
        _forest,
        "the baseline and another arm in the table, and table.resamples above 0",
        "Differences to the baseline. An interval that leaves out 0 is not yet a finding: the verdicts count all arms.",
    ),
    "curves": FigureKind(
        "the primary metric over training",
        _curves,
        "evaluations on the way",
        f"Evaluations on the way. {_BANDS}",
    ),
    "loss": FigureKind(
        "the loss over training", _loss, "more than one step with a loss", f"Loss of the training. {_BANDS}"
    ),
    "cost": FigureKind(
        "the primary metric against cost",
        _cost,
        f"one of {', '.join(COSTS)}, different for its arms",
        f"What an arm costs. {_WHISKERS}",
    ),
    "factor": FigureKind("the primary metric over a field", _factor, "arms that differ in a field of three numbers"),
    "interaction": FigureKind("two factors together", _interaction, "`factors`, with an arm for each combination"),
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure that this experiment has."""

    name: str
    """Of its files."""
    caption: str
    draw: Callable[[], Figure]
    """A new one at each call: one that was drawn before gives other bytes."""


def pictures(data: FigureData) -> tuple[Picture, ...]:
    """All that there is to show, the answer first; a picture for each field and each pair of factors."""
    found = [_whole(name, data) for name in ("forest", "curves", "loss", "cost")]
    found += [
        Picture(f"forest-{_file_name(each.baseline)}", FIGURES["forest"].caption, partial(forest_plot, each))
        for each in data.table.more_comparisons
        if each.arms
    ]
    for line in factor_lines(data.table, data.primary):
        caption = f"{line.spec.label} over {line.knob.label}, all else as in the baseline (filled). {_WHISKERS}"
        found.append(Picture(f"factor-{_file_name(line.knob.label)}", caption, partial(factor_plot, line)))
    for each in interactions(data.table, data.factors, data.primary):
        name = f"interaction-{_file_name(each.across)}-{_file_name(each.lines)}"
        caption = f"{each.across} and {each.lines} together: parallel lines do not depend on each other. {_WHISKERS}"
        found.append(Picture(name, caption, partial(interaction_plot, each)))
    return tuple(picture for picture in found if picture is not None)


def _whole(name: str, data: FigureData) -> Picture | None:
    kind = FIGURES[name]
    if kind.draw(data) is None:
        return None

    def draw() -> Figure:
        return draw_figure(name, data)

    return Picture(name, kind.caption, draw)


def _file_name(label: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")


def figure_kind(name: str) -> FigureKind:
    """The kind called `name`. Raises InputError for an unknown name."""
    if name not in FIGURES:
        known = ", ".join(f"{each} ({kind.about})" for each, kind in FIGURES.items())
        raise InputError([Problem("figure", "", repr(name), f"one of {known}{nearest(name, FIGURES)}")])
    return FIGURES[name]


def draw_figure(name: str, data: FigureData) -> Figure:
    """The figure called `name`. Raises InputError for an unknown name, IncompleteError where there is none to draw."""
    kind = figure_kind(name)
    figure = kind.draw(data)
    if figure is None:
        raise IncompleteError(f"{data.table.experiment} has no figure {name!r}: it needs {kind.needs}")
    return figure
