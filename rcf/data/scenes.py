"""What happens in one synthetic clip, before a pixel is drawn.

    categories of the clip --> Actor: texture + path (stays, enters, leaves, passes) + growth + turn  \\
    random background texture that drifts                                                              --> Scene
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from rcf.data.shapes import CATEGORIES, REACH, Pose, Reals
from rcf.data.textures import Texture, sample_texture

Point: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Actor:
    """One object of a clip: a pose for each frame."""

    category: str
    shape: str
    """What it looks like: its category, unless all look the same."""
    texture: Texture
    poses: tuple[Pose, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """One clip; a later actor is in front of an earlier one."""

    height: int
    width: int
    frames: int
    background: Texture
    drift: Point
    """Motion of the background from first to last frame, in shorter sides of the frame."""
    actors: tuple[Actor, ...]


@dataclass(frozen=True, slots=True)
class Stage:
    """What all clips of a split share."""

    height: int
    width: int
    frames: int
    families: Sequence[str]
    shapes: Sequence[str]
    """Shape of each category."""

    @property
    def side(self) -> int:
        """Unit of length: the shorter side, pixels."""
        return min(self.height, self.width)


def sample_scene(rng: np.random.Generator, stage: Stage, categories: Sequence[int]) -> Scene:
    """A random clip with one actor for each entry (an index into CATEGORIES), in random depth order."""
    background = sample_texture(rng, stage.families, (2.0, 5.0), (0.1, 0.3), [])
    means: list[Reals] = [background.mean]
    actors: list[Actor] = []
    depth: list[int] = rng.permutation(len(categories)).tolist()
    for place in depth:
        texture = sample_texture(rng, stage.families, (0.7, 1.2), (0.25, 0.55), means)
        means.append(texture.mean)
        category = categories[place]
        actors.append(Actor(CATEGORIES[category], stage.shapes[category], texture, _poses(rng, stage, actors)))
    angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.3)
    drift = (float(length * np.cos(angle)), float(length * np.sin(angle)))
    return Scene(stage.height, stage.width, stage.frames, background, drift, tuple(actors))


def _poses(rng: np.random.Generator, stage: Stage, others: Sequence[Actor]) -> tuple[Pose, ...]:
    """A smooth path that does not lie on another actor's all the time; crossing one is welcome."""
    poses = _path(rng, stage)
    for _ in range(12):
        if all(_mean_gap(poses, other.poses) > 0.75 for other in others):
            break
        poses = _path(rng, stage)
    return poses


def _mean_gap(one: Sequence[Pose], two: Sequence[Pose]) -> float:
    """Mean distance of the centres, in sums of the radii."""
    gaps = [np.hypot(a.x - b.x, a.y - b.y) / (a.radius + b.radius) for a, b in zip(one, two, strict=True)]
    return float(np.mean(gaps))


def _path(rng: np.random.Generator, stage: Stage) -> tuple[Pose, ...]:
    radius = stage.side * rng.uniform(0.24, 0.42) / 2
    growth, turn = rng.uniform(-0.2, 0.2), rng.uniform(-1.0, 1.0)
    start_angle = rng.uniform(0, 2 * np.pi)
    begin, end = _ends(rng, stage, float(radius))
    bend = (np.add(begin, end) / 2) + rng.uniform(-0.2, 0.2, size=2) * stage.side
    poses: list[Pose] = []
    for t in np.linspace(0.0, 1.0, stage.frames).tolist():
        x, y = (1 - t) ** 2 * np.array(begin) + 2 * t * (1 - t) * bend + t**2 * np.array(end)
        size = np.clip(radius * (1 + growth * (2 * t - 1)), 0.1 * stage.side, 0.225 * stage.side)
        poses.append(Pose(float(x), float(y), float(size), float(start_angle + turn * t)))
    return tuple(poses)


def _ends(rng: np.random.Generator, stage: Stage, radius: float) -> tuple[Point, Point]:
    """First and last centre: inside the frame, or beyond an edge for an actor that enters or leaves."""
    begin = _inside(rng, stage, radius)
    reach = rng.uniform(-0.6, 0.6, size=2) * stage.side
    end = _clamp(begin[0] + reach[0], begin[1] + reach[1], stage, radius)
    kind = rng.choice(["stays", "enters", "leaves", "passes"], p=[0.55, 0.2, 0.2, 0.05])
    if kind in ("enters", "passes"):
        begin = _beyond(rng, begin, stage, radius)
    if kind in ("leaves", "passes"):
        end = _beyond(rng, end, stage, radius)
    return begin, end


def _inside(rng: np.random.Generator, stage: Stage, radius: float) -> Point:
    return _clamp(rng.uniform(0, stage.width), rng.uniform(0, stage.height), stage, radius)


def _clamp(x: float, y: float, stage: Stage, radius: float) -> Point:
    margin = min(0.8 * radius, 0.45 * stage.side)
    return (float(np.clip(x, margin, stage.width - margin)), float(np.clip(y, margin, stage.height - margin)))


def _beyond(rng: np.random.Generator, point: Point, stage: Stage, radius: float) -> Point:
    """`point` moved straight out of the nearer edge of a random axis, until nothing of the shape is in view."""
    away = REACH * radius
    if rng.random() < 0.5:
        return (-away if point[0] < stage.width / 2 else stage.width + away, point[1])
    return (point[0], -away if point[1] < stage.height / 2 else stage.height + away)
