"""An assessment as pictures: precision over recall, AP of each category, what went wrong.

Assessment --curves_plot, categories_plot, errors_plot--> Figure --files--> FOLDER/*.png, summary.json
"""

import json
from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

from rcf.evaluation.assessment import Assessment, as_json
from rcf.evaluation.breakdown import KINDS
from rcf.evaluation.statistics import RECALLS
from rcflab.ledger.files import replace_bytes, replace_text, storage_errors
from rcflab.records import Json
from rcflab.report.style import (
    BETTER,
    DIFFERENT,
    INK,
    PALE,
    SOFT,
    WORSE,
    Room,
    figure_style,
    image,
    panel,
    short,
    width_of,
)

_ROW = 0.24
_MOST_ROWS = 60
"""More categories would be higher than a screen; the JSON has all."""


def write_assessment(folder: Path, found: Assessment, more: Mapping[str, Json]) -> list[Path]:
    """Write summary.json, with `more` in it, and the pictures, each whole or not at all. Raises StorageError."""
    figures = {"categories": categories_plot(found), "errors": errors_plot(found)}
    if found.curves is not None:
        figures["precision-recall"] = curves_plot(found)
    with storage_errors(folder, "write into"):
        folder.mkdir(parents=True, exist_ok=True)
    summary = folder / "summary.json"
    replace_text(summary, json.dumps({**as_json(found), **more}, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    written = [summary]
    for name, figure in sorted(figures.items()):
        written.append(folder / f"{name}.png")
        replace_bytes(written[-1], image(figure, "png"))
    return written


def curves_plot(found: Assessment) -> Figure:
    """Precision over recall, mean over categories, at an IoU of 0.5, of 0.75, and over the ten thresholds."""
    assert found.curves is not None
    figure, axes = panel(Room(4.2, 3.0, right=1.35))
    curves = (
        ("IoU 0.5: AP50", found.curves.at_50, BETTER, "-"),
        ("IoU 0.75: AP75", found.curves.at_75, WORSE, (0, (5, 2))),
        ("mean of ten: AP", found.curves.mean, INK, (0, (1, 1.2))),
    )
    with figure_style():
        for place, (name, values, colour, dash) in enumerate(curves):
            axes.plot(RECALLS, values, color=colour, linestyle=dash, linewidth=1.8)
            text = f"{name} {100 * float(values.mean()):.1f}"
            axes.annotate(text, (1, 0.95 - 0.1 * place), xytext=(6, 0), xycoords="axes fraction",
                          textcoords="offset points", color=colour, fontsize=8, va="center")  # fmt: skip
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)
        axes.set_xlabel("recall")
        axes.set_ylabel("precision, mean over categories")
    return figure


def categories_plot(found: Assessment) -> Figure:
    """AP and AP50 of each category that has true tracks, the best on top."""
    scored = [(name, score) for name, score in found.categories.items() if score.ap is not None]
    rows = sorted(scored, key=lambda row: row[1].ap or 0.0)[-_MOST_ROWS:]
    names = [f"{short(name, 30)} ({score.tracks})" for name, score in rows]
    figure, axes = panel(Room(4.2, _ROW * max(len(rows), 2), 0.35 + width_of(names), 0.45, bottom=0.75, top=0.15))
    with figure_style():
        for row, (_, score) in enumerate(rows):
            axes.barh(row, score.ap50 or 0.0, height=0.62, color=PALE)
            axes.barh(row, score.ap or 0.0, height=0.62, color=BETTER)
            axes.annotate(f"{score.ap:.1f}", (max(score.ap50 or 0.0, 0.0), row), xytext=(4, 0),
                          textcoords="offset points", va="center", fontsize=7, color=INK)  # fmt: skip
        axes.set_yticks(range(len(rows)), names, fontsize=8)
        axes.set_xlim(0, 105)
        axes.set_ylim(-0.6, max(len(rows), 2) - 0.4)
        more = "" if len(rows) == len(scored) else f"; the best {len(rows)} of {len(scored)}"
        axes.set_xlabel(
            f"AP (blue, with its value) and AP50 (grey), percent points\nin brackets: true tracks{more}", fontsize=8
        )
    return figure


def errors_plot(found: Assessment) -> Figure:
    """How many predictions of each kind, and the AP50 that mending the kind would gain."""
    kinds = [kind for kind in KINDS if kind != "ignored"] + ["missed"]
    counts = {**found.breakdown.predictions, "missed": found.breakdown.tracks["missed"]}
    names = [f"{kind} tracks" if kind == "missed" else kind for kind in kinds]
    figure, axes = panel(Room(4.4, 0.3 * len(kinds), 0.35 + width_of(names), 1.5, bottom=0.6, top=0.15))
    most = max([counts[kind] for kind in kinds] + [1])
    with figure_style():
        for row, kind in enumerate(reversed(kinds)):
            colour = DIFFERENT if kind == "found" else WORSE
            axes.barh(row, counts[kind], height=0.62, color=colour)
            gain = found.breakdown.gains.get(kind)
            said = f"{counts[kind]}" if gain is None else f"{counts[kind]}   (AP50 {gain:+.1f} if mended)"
            axes.annotate(said, (counts[kind], row), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8,
                          color=SOFT if gain is None else INK)  # fmt: skip
        axes.set_yticks(range(len(kinds)), list(reversed(names)), fontsize=8)
        axes.set_xlim(0, 1.05 * most)
        axes.set_xlabel("predictions (missed: true tracks) at a track IoU of 0.5", fontsize=8)
    return figure
