"""A clip on one page: which slot fired when, as which object, with which category.

Sighting (frame, slot, identity, category) --Timeline.add--> runs --draw--> picture
                                                             one row a slot, one bar a run, its colour the identity's

A run ends where a slot falls silent, or changes its identity or its category; so memory grows with changes, not frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image, ImageDraw, ImageFont

from rcf.overlay import identity_colour, ink_on

_ROW, _LEFT, _TOP, _RIGHT, _BOTTOM = 26, 62, 30, 12, 26
_WIDEST, _LARGEST_FRAME, _NARROWEST = 1400.0, 40.0, 480.0
"""Pixels: of all frames together at most and at least, and of one frame."""
MOST_RUNS = 20_000
"""Beyond it nothing more is noted: such a picture shows nothing."""


@dataclass(frozen=True, slots=True)
class Run:
    """A slot that says the same from `first` to `last`."""

    slot: int
    identity: int
    category: str
    first: int
    last: int


class Timeline:
    """Collects what fires, frame after frame."""

    def __init__(self) -> None:
        self._open: dict[int, Run] = {}
        self._done: list[Run] = []
        self._first: int | None = None
        self._last = 0

    @property
    def runs(self) -> list[Run]:
        """All so far, by their beginning."""
        return sorted((*self._done, *self._open.values()), key=lambda run: (run.first, run.slot))

    def add(self, frame: int, fired: Sequence[tuple[int, int, str]]) -> None:
        """The next frame: (slot, identity, category) of each slot that fired."""
        self._first = frame if self._first is None else self._first
        self._last = frame
        silent = set(self._open) - {slot for slot, _, _ in fired}
        for slot, identity, category in fired:
            run = self._open.get(slot)
            if run is not None and (run.identity, run.category, run.last) == (identity, category, frame - 1):
                self._open[slot] = replace(run, last=frame)
                continue
            self._end(slot)
            self._open[slot] = Run(slot, identity, category, frame, frame)
        for slot in silent:
            self._end(slot)

    def draw(self, title: str = "") -> Image.Image:
        """The picture; a clip in which nothing fired is an empty chart that says so."""
        runs = self.runs
        begin = self._first or 0
        count = self._last - begin + 1
        step = max(min(_WIDEST / count, _LARGEST_FRAME), _NARROWEST / count if count < 12 else 0.0)
        slots = sorted({run.slot for run in runs})
        width, height = _LEFT + round(step * count) + _RIGHT, _TOP + _ROW * max(len(slots), 1) + _BOTTOM
        image = Image.new("RGB", (width, height), "white")
        draw, font = ImageDraw.Draw(image), ImageFont.load_default(13)
        draw.text((8, 7), title or "which slot fired when, as which object", fill="black", font=font)
        _axis(draw, begin, count, step, height)
        if not runs:
            draw.text((_LEFT, _TOP + 5), "no slot fired", fill="black", font=font)
        for row, slot in enumerate(slots):
            top = _TOP + _ROW * row
            draw.text((8, top + 5), f"slot {slot}", fill="black", font=font)
            draw.line((_LEFT, top + _ROW - 1, width - _RIGHT, top + _ROW - 1), fill=(225, 225, 225))
            for run in (each for each in runs if each.slot == slot):
                left, right = (_LEFT + step * (edge - begin) for edge in (run.first, run.last + 1))
                _bar(draw, run, (left, top + 2.0, max(right - 1, left + 1), top + _ROW - 4.0), font)
        return image

    def _end(self, slot: int) -> None:
        run = self._open.pop(slot, None)
        if run is not None and len(self._done) < MOST_RUNS:
            self._done.append(run)


def _bar(
    draw: ImageDraw.ImageDraw,
    run: Run,
    box: tuple[float, float, float, float],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    colour = identity_colour(run.identity)
    draw.rectangle(box, fill=colour)
    room = box[2] - box[0] - 6
    for text in (f"{run.identity} {run.category}", str(run.identity)):
        if draw.textlength(text, font=font) <= room:
            draw.text((box[0] + 3, box[1] + 2), text, fill=ink_on(colour), font=font)
            break


def _axis(draw: ImageDraw.ImageDraw, begin: int, count: int, step: float, height: int) -> None:
    """Frame numbers below, at round distances of at least 60 pixels."""
    every = next(size * 10**power for power in range(9) for size in (1, 2, 5) if size * 10**power * step >= 60)
    font = ImageFont.load_default(11)
    for frame in range(-(-begin // every) * every, begin + count, every):
        at = _LEFT + step * (frame - begin)
        draw.line((at, _TOP, at, height - _BOTTOM), fill=(235, 235, 235))
        draw.text((at + 2, height - _BOTTOM + 5), f"{frame}", fill=(90, 90, 90), font=font)
    draw.text((8, height - _BOTTOM + 5), "frame", fill=(90, 90, 90), font=font)
