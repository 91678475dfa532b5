"""Pictures of a study, in the look of all others.

curve_plot      order kept and identity cheapest, over strides       n under each
areas_plot      AUC of each score with its interval; 0.5 says nothing
pairs_plot      d_out over d_in of all pairs, and what another order would have cost
stages_plot     the bound from stage to stage, log10
slots_plot      fired slot x category (figure 9 of the paper)
"""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from rcf.diagnostics.foretelling import SMOOTH, Foretelling
from rcf.diagnostics.network_bound import NetworkBound
from rcf.diagnostics.order_curve import CurvePoint
from rcf.diagnostics.result import PairRow
from rcf.diagnostics.slot_matrix import SlotMatrix
from rcflab.report.style import BETTER, INK, PALE, SOFT, WORSE, Room, figure_style, panel, width_of

_DARK = 0.6
"""Share of the largest count above which digits are white."""


def curve_plot(points: Sequence[CurvePoint]) -> Figure:
    """Strides stand in their order, evenly spaced; shuffled frames apart from them."""
    figure, axes = panel(Room(4.4, 2.6, right=1.4, bottom=0.75))
    lines = [("order/consistency_pct", "order kept", INK, "o"),
             ("order/margin_positive_pct", "identity cheapest", BETTER, "s")]  # fmt: skip
    places = [place + (0.5 if point.stride is None else 0.0) for place, point in enumerate(points)]
    metrics = [point.order.metrics() for point in points]
    with figure_style():
        for key, name, colour, marker in lines:
            seen = [
                (at, found[key], point)
                for at, found, point in zip(places, metrics, points, strict=True)
                if key in found
            ]
            ordered = [(at, value) for at, value, point in seen if point.stride is not None]
            apart = [(at, value) for at, value, point in seen if point.stride is None]
            if ordered:
                axes.plot(*zip(*ordered, strict=True), color=colour, marker=marker, linewidth=1.4)
            if apart:
                axes.plot(*zip(*apart, strict=True), color=colour, marker=marker, linestyle="none")
            if seen:
                axes.annotate(name, (seen[-1][0], seen[-1][1]), xytext=(8, 0), textcoords="offset points",
                              va="center", fontsize=8, color=colour, annotation_clip=False)  # fmt: skip
        axes.set_xticks(places, [f"{point.name}\nn={len(point.order.steps)}" for point in points])
        axes.set_ylim(0, 104)
        axes.set_xlabel("stride between frames; n: sightings in two frames that follow one another")
        axes.set_ylabel("%")
    return figure


def areas_plot(found: Foretelling) -> Figure:
    """One line a score; smooth ones in ink, plain ones in grey."""
    names = list(found.areas)
    room = Room(3.6, 0.32 * max(len(names), 2) + 0.2, left=0.3 + width_of(names))
    figure, axes = panel(room)
    with figure_style():
        axes.axvline(0.5, color=PALE, linewidth=1)
        for place, name in enumerate(reversed(names)):
            each, colour = found.areas[name], INK if name in SMOOTH else SOFT
            if each.low is not None and each.high is not None:
                axes.plot([each.low, each.high], [place, place], color=colour, linewidth=1.4)
            axes.plot([each.value], [place], color=colour, marker="o")
        axes.set_yticks(range(len(names)), list(reversed(names)), fontsize=8)
        axes.set_ylim(-0.6, len(names) - 0.4)
        axes.set_xlim(0, 1)
        axes.set_xlabel("AUC of foretelling an order change (0.5: chance)")
    return figure


def pairs_plot(pairs: Sequence[PairRow]) -> Figure:
    """Both axes logarithmic; without pairs that did not move at all, or of which nobody saw what became of them."""
    figure, axes = panel(Room(4.4, 3.2, right=1.5))
    with figure_style():
        swaps = [(row.gaps.window, swap) for row in pairs if (swap := row.gaps.gaps["both"].swap_fired)]
        kept = [(row.gaps.window, row.gaps.gaps["both"].output) for row in pairs if row.is_watched and not row.changed]
        changed = [(row.gaps.window, row.gaps.gaps["both"].output) for row in pairs if row.changed]
        for spots, colour, marker, size in ((swaps, PALE, "_", 14), (kept, BETTER, "o", 7), (changed, WORSE, "D", 14)):
            shown = [(across, up) for across, up in spots if across > 0 and up > 0]
            if shown:
                axes.scatter(*zip(*shown, strict=True), s=size, color=colour, marker=marker, linewidths=0.9)
        for axis, set_scale in ((axes.xaxis, axes.set_xscale), (axes.yaxis, axes.set_yscale)):
            set_scale("log")
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))  # less than a decade has numbers too
            axis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axis.set_minor_formatter(NullFormatter())
        for height, (words, colour) in enumerate(
            (("cheapest other order", SOFT), ("d_out, order kept", BETTER), ("d_out, order changed", WORSE))
        ):
            axes.text(1.03, 0.9 - 0.09 * height, words, transform=axes.transAxes, fontsize=8, color=colour)
        axes.set_xlabel("d_in of the window (2-norm, of what the network sees)")
        axes.set_ylabel("gap of outputs (2-norm)")
    return figure


def stages_plot(bound: NetworkBound) -> Figure:
    """From top to bottom as the data flow."""
    stages = [(name, constant.log10) for name, constant in bound.stages if math.isfinite(constant.log10)]
    names = [name for name, _ in stages]
    figure, axes = panel(Room(3.8, 0.24 * len(stages) + 0.2, left=0.3 + width_of(names), right=0.5))
    with figure_style():
        heights = [value for _, value in stages]
        places = list(range(len(stages)))[::-1]
        axes.barh(places, heights, color=PALE, height=0.7)
        for place, value in zip(places, heights, strict=True):
            axes.annotate(f"{value:.1f}", (max(value, 0), place), xytext=(3, 0), textcoords="offset points",
                          va="center", fontsize=8, annotation_clip=False)  # fmt: skip
        axes.set_yticks(places, names, fontsize=8)
        axes.set_xlabel("log10 of the bound, from the window to the end of the stage")
    return figure


def slots_plot(matrix: SlotMatrix) -> Figure:
    """How often each slot that showed something showed each category: darker is more often."""
    names, rows = matrix.categories, [f"slot {slot}" for slot in matrix.slots]
    room = Room(0.42 * len(names), 0.24 * max(len(rows), 1), left=0.7, bottom=0.3 + width_of(names))
    figure, axes = panel(room)
    with figure_style():
        counts = matrix.counts.numpy()
        most = max(int(counts.max(initial=0)), 1)
        axes.imshow(counts, cmap="Greys", aspect="auto", vmin=0, vmax=most * 1.25)
        for (row, column), count in np.ndenumerate(counts):
            if count:
                axes.text(column, row, str(int(count)), ha="center", va="center", fontsize=7,
                          color="white" if count > _DARK * most else INK)  # fmt: skip
        axes.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
        axes.set_yticks(range(len(rows)), rows, fontsize=8)
    return figure
