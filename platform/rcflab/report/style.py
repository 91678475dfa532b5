"""One look for every figure: colours that colour-blind readers tell apart, labels beside what they name, no legend.

    panel(...)   --> Figure and Axes of known size in inches, so that labels can be kept apart before anything is drawn
    apart(...)   --> heights of labels that would overlap, moved as little as need be
    image(...)   --> bytes of a PNG or SVG, equal for equal figures

Lines differ in dash and marker beside their colour, so that they can be read in grey.
"""

import io
import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, cast

import matplotlib as mpl
from matplotlib.figure import Figure

from rcflab.metrics import MetricSpec

ImageFormat = Literal["png", "svg"]
INK, SOFT, PALE = "#222222", "#6b6b6b", "#bbbbbb"
BETTER, WORSE, DIFFERENT = "#0072b2", "#d55e00", "#009e73"
"""Blue, orange and green that colour-blind readers can tell apart (Okabe and Ito 2008)."""
_PALETTE = (BETTER, WORSE, DIFFERENT, "#cc79a7", "#56b4e9", "#b8860b")
_DASHES = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (5, 2, 1, 2)))
_MARKERS = "osD^vP"
LONGEST_NAME = 50
"""More letters would leave less room than a picture has."""
_LETTER_INCHES = 0.068
"""Of a mean letter at 8 points."""
LABEL_INCHES = 0.155
"""Height of a line of 8 points."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a line is told from the others."""

    colour: str
    dash: Any
    marker: str


@dataclass(frozen=True, slots=True)
class Room:
    """Inches."""

    width: float
    height: float
    left: float = 0.7
    right: float = 0.25
    bottom: float = 0.55
    top: float = 0.2


def look(index: int) -> Look:
    """Of the line at `index`; 0 is the baseline."""
    if index == 0:
        return Look(INK, "-", "o")
    place = index - 1
    return Look(
        _PALETTE[place % len(_PALETTE)],
        _DASHES[(index + place // len(_PALETTE)) % len(_DASHES)],
        _MARKERS[index % len(_MARKERS)],
    )


def panel(room: Room) -> tuple[Figure, Any]:
    """A figure with axes of `room.width` x `room.height` inches inside its margins."""
    width, height = room.left + room.width + room.right, room.bottom + room.height + room.top
    with figure_style():
        figure = Figure(figsize=(width, height))
        box = (room.left / width, room.bottom / height, room.width / width, room.height / height)
        axes: Any = cast("Any", figure).add_axes(box)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(SOFT)
        axes.tick_params(color=SOFT)
    return figure, axes


def image(figure: Figure, form: ImageFormat) -> bytes:
    """The file's content: no date in it, and no identifier that changes from run to run."""
    content, canvas = io.BytesIO(), cast("Any", figure)
    with figure_style():
        canvas.savefig(content, format=form, dpi=150, metadata={"Date": None} if form == "svg" else {"Software": None})
    return content.getvalue()


def figure_style() -> AbstractContextManager[None]:
    """Names are no formulas, whatever signs are in them; equal figures have equal identifiers."""
    context = cast("Any", mpl).rc_context
    return context(
        {"text.parse_math": False, "font.size": 9, "svg.hashsalt": "rcflab", "svg.fonttype": "none", "text.color": INK,
         "axes.labelcolor": INK, "xtick.labelcolor": INK, "ytick.labelcolor": INK}
    )  # fmt: skip


def short(name: str, longest: int = LONGEST_NAME) -> str:
    """`name` cut to `longest` letters."""
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def width_of(labels: Sequence[str]) -> float:
    """About how many inches the longest of `labels` needs at 8 points."""
    return _LETTER_INCHES * max(map(len, labels), default=0)


def axis_label(spec: MetricSpec) -> str:
    """`AP (percent points, higher is better)`."""
    unit = "percent points" if spec.unit == "points" else spec.unit
    better = "" if spec.better == "neither" else f"{spec.better} is better"
    said = ", ".join(part for part in (unit, better) if part)
    return f"{spec.label} ({said})" if said else spec.label


def apart(heights: Sequence[float], gap: float, low: float = -math.inf, high: float = math.inf) -> list[float]:
    """`heights` moved as little as keeps them `gap` apart; their order stays (of equal ones the earlier is lower).

    Neighbours that are too near become a group around their mean, as often as groups meet. Then all that is above
    `high` moves down and pushes what is below it, and the other way round at `low` where there is room.
    """
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    groups: list[list[int]] = []
    for index in order:
        groups.append([index])
        while len(groups) > 1 and _lowest(groups[-1], heights, gap) - _highest(groups[-2], heights, gap) < gap:
            groups[-2:] = [groups[-2] + groups[-1]]
    placed = [0.0] * len(heights)
    for group in groups:
        for place, index in enumerate(group):
            placed[index] = _lowest(group, heights, gap) + place * gap
    ceiling = high
    for index in reversed(order):
        placed[index] = min(placed[index], ceiling)
        ceiling = placed[index] - gap
    floor = low if high - low >= gap * (len(order) - 1) else -math.inf
    for index in order:
        placed[index] = max(placed[index], floor)
        floor = placed[index] + gap
    return placed


def _lowest(group: Sequence[int], heights: Sequence[float], gap: float) -> float:
    return sum(heights[index] for index in group) / len(group) - gap * (len(group) - 1) / 2


def _highest(group: Sequence[int], heights: Sequence[float], gap: float) -> float:
    return _lowest(group, heights, gap) + gap * (len(group) - 1)


def limits(low: float, high: float, share: float = 0.06) -> tuple[float, float]:
    """Of an axis that shows `low` to `high` with a margin; something to see also where the two are one."""
    span = high - low or abs(high) * 0.1 or 1.0
    return low - share * span, high + share * span


def label_ends(
    axes: Any, room: Room, ends: Sequence[tuple[float, float]], names: Sequence[str], colours: Sequence[str]
) -> None:
    """Write each name at the right of the axes, level with its end (x, y) or as near as the others allow.

    The limits of the axes must have been set.
    """
    low, high = axes.get_ylim()
    per_inch = (high - low) / room.height
    levels = apart([y for _, y in ends], LABEL_INCHES * per_inch, low, high)
    for (x, y), level, name, colour in zip(ends, levels, names, colours, strict=True):
        axes.annotate(
            name, (x, y), xytext=(1 + 0.16 / room.width, (level - low) / (high - low)), textcoords="axes fraction",
            va="center", fontsize=8, color=colour, annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.5, "alpha": 0.6, "shrinkA": 1, "shrinkB": 3,
                        "relpos": (0, 0.5)},
        )  # fmt: skip
