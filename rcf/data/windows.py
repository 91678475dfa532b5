"""Parts of a frame that a clip shows: one for all frames (a crop), or one that moves (a still image as a video).

crop   one random part of the frame's shape
path   drawn freely: constant shift, growth and stretch from frame to frame
       --shrunk as a whole until it lies in the image--> a random place
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a frame, in shares of the frame's sides."""

    top: float
    left: float
    height: float
    width: float

    def within(self, outer: "Window") -> "Window":
        """This part of `outer` instead of the whole frame."""
        return Window(
            outer.top + self.top * outer.height,
            outer.left + self.left * outer.width,
            self.height * outer.height,
            self.width * outer.width,
        )

    def pixels(self, height: int, width: int) -> tuple[slice, slice]:
        """Rows and columns of a frame of `height` x `width`: whole pixels, at least one."""
        return _pixels(self.top, self.height, height), _pixels(self.left, self.width, width)


WHOLE = Window(0.0, 0.0, 1.0, 1.0)


def draw_crop(rng: np.random.Generator, smallest: float) -> Window:
    """A random part of the frame's own shape, so that nothing is stretched; its side is at least `smallest`."""
    side = float(rng.uniform(smallest, 1.0))
    top, left = rng.uniform(0.0, 1.0 - side, size=2).tolist()
    return Window(top, left, side, side)


def draw_path(rng: np.random.Generator, frames: int, strength: float) -> tuple[Window, ...]:
    """A window that moves over a still image, one position a frame.

    From frame to frame it shifts by up to `strength` of its sides, and its sides grow by up to the factor
    1 + `strength`, each axis by its own: the difference is the stretch. All windows lie in the image; with a strength
    of 0 all are the whole image.
    """
    shift = rng.uniform(-strength, strength, size=2)
    growth = rng.uniform(-1.0, 1.0)
    stretch = rng.uniform(-0.5, 0.5)
    rates = (1.0 + strength) ** np.clip([growth + stretch, growth - stretch], -1.0, 1.0)
    sides = rates ** np.arange(frames)[:, None]
    steps = shift * (sides[1:] + sides[:-1]) / 2
    centres = np.concatenate((np.zeros((1, 2)), np.cumsum(steps, axis=0)))
    low, high = (centres - sides / 2).min(axis=0), (centres + sides / 2).max(axis=0)
    scale = 1.0 / float((high - low).max())
    room = 1.0 - (high - low) * scale
    corners = (centres - sides / 2 - low) * scale + rng.uniform(0.0, 1.0, size=2) * room
    return tuple(
        Window(top, left, height, width)
        for (top, left), (height, width) in zip(corners.tolist(), (sides * scale).tolist(), strict=True)
    )


def _pixels(start: float, length: float, side: int) -> slice:
    count = min(max(round(length * side), 1), side)
    first = min(max(round(start * side), 0), side - count)
    return slice(first, first + count)
