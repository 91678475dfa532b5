"""The categories of the synthetic set: shapes that a person tells apart at 15 pixels, whatever their colour.

category, pose --> points of the frame in the shape's own axes --> inside? --> share of each pixel that is covered
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Reals: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]

SUPERSAMPLING = 4
"""Points per pixel and axis when coverage is counted."""


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a shape is: centre and radius in pixels, angle in radians."""

    x: float
    y: float
    radius: float
    angle: float


def _disc(u: Reals, v: Reals) -> Flags:
    return u * u + v * v < 1.0


def _triangle(u: Reals, v: Reals) -> Flags:
    # Equilateral, a little larger than the unit circle, so that its area is not half of the disc's.
    slope = np.sqrt(3.0)
    return (v > -0.62) & (v + slope * u < 1.24) & (v - slope * u < 1.24)


def _cross(u: Reals, v: Reals) -> Flags:
    across, along = np.minimum(np.abs(u), np.abs(v)), np.maximum(np.abs(u), np.abs(v))
    return (across < 0.34) & (along < 1.05)


def _ring(u: Reals, v: Reals) -> Flags:
    squared = u * u + v * v
    return (squared < 1.0) & (squared > 0.25)


def _square(u: Reals, v: Reals) -> Flags:
    return (np.abs(u) < 0.85) & (np.abs(v) < 0.85)


def _bar(u: Reals, v: Reals) -> Flags:
    return (np.abs(u) < 1.2) & (np.abs(v) < 0.4)


def _crescent(u: Reals, v: Reals) -> Flags:
    return (u * u + v * v < 1.1) & ((u - 0.5) ** 2 + v * v > 0.6)


def _star(u: Reals, v: Reals) -> Flags:
    # Straight edges between five points at 1.25 and five notches at 0.5.
    sector = np.pi / 5
    away = np.abs(np.mod(np.arctan2(v, u), 2 * sector) - sector)
    across, along = np.sin(sector - away), np.cos(sector - away)
    radius = np.hypot(u, v)
    notch_x, notch_y = 0.5 * np.cos(sector), 0.5 * np.sin(sector)
    return radius * (along * notch_y + across * (1.25 - notch_x)) < 1.25 * notch_y


_INSIDE: dict[str, Callable[[Reals, Reals], Flags]] = {
    "disc": _disc, "triangle": _triangle, "cross": _cross, "ring": _ring,
    "square": _square, "bar": _bar, "crescent": _crescent, "star": _star,
}  # fmt: skip
CATEGORIES = ("disc", "triangle", "cross", "ring")
"""Names; the category id in the annotation file is the position here plus 1."""
STILL_CATEGORIES = ("square", "bar", "crescent", "star")
"""Those of the synthetic still images: none of the videos' is among them."""

REACH = 1.3
"""No shape goes farther than this many radii from its centre."""


def own_axes(pose: Pose, x: Reals, y: Reals) -> tuple[Reals, Reals]:
    """Points of the frame (pixels) in the shape's own axes: turned, in units of its radius."""
    cosine, sine = np.cos(pose.angle), np.sin(pose.angle)
    right, down = (x - pose.x) / pose.radius, (y - pose.y) / pose.radius
    return cosine * right + sine * down, cosine * down - sine * right


def box(pose: Pose, height: int, width: int) -> tuple[slice, slice] | None:
    """Rows and columns that the shape can touch, or None when it is outside the frame."""
    reach = REACH * pose.radius
    top, bottom = max(int(pose.y - reach), 0), min(int(pose.y + reach) + 2, height)
    left, right = max(int(pose.x - reach), 0), min(int(pose.x + reach) + 2, width)
    return (slice(top, bottom), slice(left, right)) if top < bottom and left < right else None


def pixel_centres(pixels: slice, parts: int = 1) -> Reals:
    """Coordinates of the centres of `pixels`, or of `parts` equal parts of each."""
    edges = np.arange(pixels.start * parts, pixels.stop * parts, dtype=np.float64)
    return (edges + 0.5) / parts


def coverage(shape: str, pose: Pose, rows: slice, columns: slice) -> Reals:
    """Share of each pixel in `rows` x `columns` that the shape covers, 0..1."""
    height, width = rows.stop - rows.start, columns.stop - columns.start
    x, y = pixel_centres(columns, SUPERSAMPLING)[None, :], pixel_centres(rows, SUPERSAMPLING)[:, None]
    inside = _INSIDE[shape](*own_axes(pose, x, y))
    return inside.reshape(height, SUPERSAMPLING, width, SUPERSAMPLING).mean(axis=(1, 3))
