"""A search in two pictures: what decides the objective, and what one objective costs in the other.

Found --importance_plot--> bars, a field each            Found --front_plot--> points, the front joined
"""

from typing import Any

from matplotlib.figure import Figure

from rcflab.metrics import METRICS, MetricSpec
from rcflab.report.forest import figure_style
from rcflab.search.found import Found

_INK, _PALE, _BLUE = "#222222", "#bbbbbb", "#0072b2"


def importance_plot(found: Found) -> Figure:
    """One row of bars for each objective; the fields in the order of the space."""
    rows = len(found.importance)
    figure = Figure(figsize=(7.0, rows * (0.6 + 0.3 * len(found.names))), layout="constrained")
    with figure_style():
        for row, (metric, shares) in enumerate(found.importance.items(), start=1):
            _bars(figure.add_subplot(rows, 1, row), found, metric, shares)
    return figure


def _bars(axes: Any, found: Found, metric: str, shares: Any) -> None:
    names = [found.names[path] for path in shares]
    axes.barh(range(len(names)), list(shares.values()), color=_BLUE)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel(f"importance for {METRICS[metric].label} (PED-ANOVA, {len(found.of('complete'))} complete trials)")
    axes.spines[["top", "right"]].set_visible(False)


def front_plot(found: Found) -> Figure:
    """The first two objectives of all complete trials; those on the front are named."""
    figure = Figure(figsize=(7.0, 4.5), layout="constrained")
    with figure_style():
        _points(figure.add_subplot(), found)
    return figure


def _points(axes: Any, found: Found) -> None:
    first, second = [METRICS[key] for key in found.objective][:2]
    front = sorted(found.front, key=lambda trial: (trial.values or (0.0, 0.0))[1])
    rest = [trial for trial in found.of("complete") if trial not in front]
    axes.plot([t.values[1] for t in rest if t.values], [t.values[0] for t in rest if t.values], "o", color=_PALE)
    axes.plot(
        [t.values[1] for t in front if t.values], [t.values[0] for t in front if t.values], "o-", color=_BLUE,
        linewidth=1, markersize=5,
    )  # fmt: skip
    for trial in front:
        assert trial.values is not None
        place = (trial.values[1], trial.values[0])
        axes.annotate(
            found.labels[trial.number], place, xytext=(5, 5), textcoords="offset points", fontsize=7, color=_INK
        )
    axes.set_xlabel(_axis(second))
    axes.set_ylabel(_axis(first))
    axes.spines[["top", "right"]].set_visible(False)


def _axis(spec: MetricSpec) -> str:
    return f"{spec.label} ({spec.unit})" if spec.unit else spec.label
