"""The differences of a table as a forest plot: a line an arm, its interval across zero or not.

Comparisons --forest_plot--> Figure --image--> bytes of a PNG or SVG, equal for equal comparisons
"""

import io
from contextlib import AbstractContextManager
from typing import Any, Literal, cast

import matplotlib as mpl
from matplotlib.figure import Figure

from rcflab.comparison import Comparison, Comparisons
from rcflab.stats import percentile
from rcflab.stats.verdict import Kind

ImageFormat = Literal["png", "svg"]
_INK, _PALE, _BETTER, _WORSE, _DIFFERENT = "#222222", "#bbbbbb", "#0072b2", "#d55e00", "#009e73"
"""Blue, orange and green that colour-blind readers can tell apart (Okabe and Ito 2008)."""
_MOST_LINES, _LONGEST_NAME = 100, 50
"""More would be higher, or leave less room, than a picture has."""
_ROW_INCHES, _MARGIN_INCHES, _WIDTH_INCHES = 0.34, 0.9, 9.0


def forest_plot(found: Comparisons) -> Figure:
    """One line for each comparison, the first on top, with its verdict at the right."""
    figure = Figure(
        figsize=(_WIDTH_INCHES, _MARGIN_INCHES + _ROW_INCHES * min(len(found.arms), _MOST_LINES)),
        layout="constrained",
    )
    with figure_style():
        _draw(figure.add_subplot(), found)
    return figure


def _draw(axes: Any, found: Comparisons) -> None:
    """On matplotlib's Axes, whose types leave its keyword arguments open."""
    shown = found.arms[:_MOST_LINES]
    count = len(shown)
    axes.axvline(0, color=_PALE, linewidth=1)
    if found.margin is not None:
        axes.axvspan(-found.margin, found.margin, color=_PALE, alpha=0.3, linewidth=0)
    digits = found.metric.digits
    for row, each in enumerate(shown):
        colour = _colour(each)
        if each.interval is not None:
            axes.plot(list(each.interval), [row, row], color=colour, linewidth=2, solid_capstyle="butt")
        axes.plot([each.estimate], [row], "o", color=colour, markersize=5)
        words = f"{each.verdict.words(digits)}, n={each.n}" if each.n > 1 else each.verdict.words(digits)
        axes.annotate(words, (1.02, row), xycoords=("axes fraction", "data"), va="center", fontsize=8, color=colour)
    axes.set_yticks(range(count), [_short(each.arm) for each in shown])
    axes.set_ylim(count - 0.5, -0.5)
    rest = f"; the first {count} of {len(found.arms)} lines" if count < len(found.arms) else ""
    label = f"Δ {found.metric.label} (arms: to {_short(found.baseline)}), 95 % intervals for {_estimand(found)}{rest}"
    axes.set_xlabel(label)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


def image(figure: Figure, form: ImageFormat) -> bytes:
    """The file's content: no date in it, and no identifier that changes from run to run."""
    content, canvas = io.BytesIO(), cast("Any", figure)
    with figure_style():
        canvas.savefig(content, format=form, dpi=150, metadata={"Date": None} if form == "svg" else {"Software": None})
    return content.getvalue()


def figure_style() -> AbstractContextManager[None]:
    """Names are no formulas, whatever signs are in them; equal figures have equal identifiers."""
    style = cast("Any", mpl).rc_context
    return style({"text.parse_math": False, "font.size": 9, "svg.hashsalt": "rcflab", "svg.fonttype": "none"})


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _colour(each: Comparison) -> str:
    return {Kind.BETTER: _BETTER, Kind.WORSE: _WORSE, Kind.DIFFERENT: _DIFFERENT}.get(each.verdict.kind, _INK)


def _estimand(found: Comparisons) -> str:
    single = [each.n == 1 for each in found.arms]
    if all(single):
        return percentile.LABEL
    return "new seeds and new videos" + (" (one seed: other videos only)" if any(single) else "")
