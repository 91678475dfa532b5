"""The figures of an experiment by name: what the command line, the page and a notebook choose from.

FigureData (a table, curves) --FIGURES[name].draw--> Figure, or why this experiment has none

A figure is one row of FIGURES. Pure: it draws what it is given.
"""

from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.figure import Figure

from rcflab.ablation import AblationTable
from rcflab.errors import IncompleteError, InputError, Problem
from rcflab.report.forest import forest_plot
from rcflab.suggest import nearest


@dataclass(frozen=True, slots=True)
class Curve:
    """One metric of one cell over the steps of its training."""

    arm: str
    seed: int
    metric: str
    steps: tuple[int, ...]
    """Ascending."""
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class FigureData:
    """All that figures are drawn from."""

    table: AblationTable
    curves: tuple[Curve, ...] = ()


@dataclass(frozen=True, slots=True)
class FigureKind:
    """One kind of figure."""

    about: str
    """What it shows, for help and error messages."""
    draw: Callable[[FigureData], Figure | None]
    """None where the experiment has nothing of the kind to show."""
    needs: str
    """What an experiment must have for it."""


def _forest(data: FigureData) -> Figure | None:
    found = data.table.comparisons
    return None if found is None or not found.arms else forest_plot(found)


FIGURES: dict[str, FigureKind] = {
    "forest": FigureKind(
        "differences to the baseline with their intervals",
        _forest,
        "the baseline and another arm in the table, and table.resamples above 0",
    ),
}


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
