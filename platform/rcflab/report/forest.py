"""The differences of a table as a forest plot: a line an arm, its interval across zero or not.

Comparisons --forest_plot--> Figure --style.image--> bytes of a PNG or SVG, equal for equal ones
"""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from rcflab.comparison import Comparison, Comparisons
from rcflab.report.style import (
    BETTER,
    DIFFERENT,
    INK,
    PALE,
    SOFT,
    WORSE,
    ImageFormat,
    Room,
    figure_style,
    image,
    panel,
    short,
    width_of,
)
from rcflab.stats import percentile
from rcflab.stats.verdict import Kind

__all__ = ["ImageFormat", "figure_style", "forest_plot", "image"]

_MOST_LINES = 100
"""More would be higher than a picture is."""
_ROW_INCHES, _AXES_INCHES, _FEWEST_INCHES = 0.34, 3.4, 7.5
"""Height of a line, width of the axes, width of the whole: at least."""


def forest_plot(found: Comparisons) -> Figure:
    """One line for each comparison, the first on top, with its verdict at the right."""
    shown = found.arms[:_MOST_LINES]
    names, said = [short(each.arm) for each in shown], [_words(found, each) for each in shown]
    left, right = 0.25 + width_of(names), 0.25 + width_of(said)
    width = max(_AXES_INCHES, _FEWEST_INCHES - left - right)
    room = Room(width, _ROW_INCHES * max(len(shown), 1), left, right, bottom=0.75, top=0.1)
    figure, axes = panel(room)
    with figure_style():
        _draw(axes, found, names, said)
        rest = f"; the first {len(shown)} of {len(found.arms)} lines" if len(shown) < len(found.arms) else ""
        note: Any = figure
        total = room.left + room.width + room.right
        text = f"95 % intervals for {_estimand(found)}{rest}"
        note.text(0.08 / total, 0.02, text, fontsize=8, color=SOFT, va="bottom")
    return figure


def _draw(axes: Any, found: Comparisons, names: Sequence[str], said: Sequence[str]) -> None:
    """On matplotlib's Axes, whose types leave its keyword arguments open."""
    axes.axvline(0, color=PALE, linewidth=1)
    if found.margin is not None:
        axes.axvspan(-found.margin, found.margin, color=PALE, alpha=0.3, linewidth=0)
    for row, (each, words) in enumerate(zip(found.arms, said, strict=False)):
        colour = _colour(each)
        if each.interval is not None:
            axes.plot(list(each.interval), [row, row], color=colour, linewidth=2, solid_capstyle="butt")
        axes.plot([each.estimate], [row], "o", color=colour, markersize=5)
        axes.annotate(
            words, (1, row), xytext=(6, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
            va="center", fontsize=8, color=colour,
        )  # fmt: skip
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_ylim(len(names) - 0.5, -0.5)
    to = f" (arms: to {short(found.baseline)})" if found.baseline else ""
    axes.set_xlabel(f"Δ {found.metric.label}{to}", fontsize=8)
    axes.spines[["left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _words(found: Comparisons, each: Comparison) -> str:
    words = each.verdict.words(found.metric.digits)
    return f"{words}, n={each.n}" if each.n > 1 else words


def _colour(each: Comparison) -> str:
    return {Kind.BETTER: BETTER, Kind.WORSE: WORSE, Kind.DIFFERENT: DIFFERENT}.get(each.verdict.kind, INK)


def _estimand(found: Comparisons) -> str:
    single = [each.n == 1 for each in found.arms]
    if all(single):
        return percentile.LABEL
    return "new seeds and new videos" + (" (one seed: other videos only)" if any(single) else "")
