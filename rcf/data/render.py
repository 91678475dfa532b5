"""Pixels and masks of a scene.

Scene --background--> actors from back to front, edges blended by coverage --> frames (F, H, W, 3) uint8
                          |--> mask: most of the pixel is covered, and no later actor covers it (A, F, H, W)
frame --spoil (blur, noise or darkness)--> a frame in which the frames before it are worth having
"""

import numpy as np
from numpy.typing import NDArray

from rcf.data.scenes import Scene
from rcf.data.shapes import Flags, Reals, box, coverage, own_axes, pixel_centres

FEWEST_PIXELS = 6
"""A visible remainder below this counts as not visible."""


def render_masks(scene: Scene) -> tuple[Flags, Flags]:
    """Visible masks and whole masks (as if nothing were in front), each of shape (actors, frames, height, width)."""
    shape = (len(scene.actors), scene.frames, scene.height, scene.width)
    whole = np.zeros(shape, dtype=bool)
    for index, actor in enumerate(scene.actors):
        for t, pose in enumerate(actor.poses):
            area = box(pose, scene.height, scene.width)
            if area is not None:
                whole[index, t][area] = coverage(actor.shape, pose, *area) > 0.5
    visible = whole.copy()
    for index in range(len(scene.actors) - 1):
        visible[index] &= ~whole[index + 1 :].any(axis=0)
    visible[visible.sum(axis=(2, 3)) < FEWEST_PIXELS] = False
    return visible, whole


def render_frame(scene: Scene, t: int) -> Reals:
    """Frame `t`, shape (height, width, 3), values in 0..1."""
    side = min(scene.height, scene.width)
    part = t / max(scene.frames - 1, 1)
    y = pixel_centres(slice(0, scene.height))[:, None] / side + part * scene.drift[1]
    x = pixel_centres(slice(0, scene.width))[None, :] / side + part * scene.drift[0]
    image = scene.background.paint(x, y)
    for actor in scene.actors:
        pose = actor.poses[t]
        area = box(pose, scene.height, scene.width)
        if area is None:
            continue
        rows, columns = area
        centres = pixel_centres(columns)[None, :], pixel_centres(rows)[:, None]
        share = coverage(actor.shape, pose, rows, columns)[..., None]
        image[area] = (1 - share) * image[area] + share * actor.texture.paint(*own_axes(pose, *centres))
    return image


def spoil(image: Reals, kind: str, rng: np.random.Generator) -> Reals:
    """`image` with one fault of a bad frame: `blur`, `noise` or `dark`."""
    if kind == "blur":
        return _blur(image, rng.uniform(0.05, 0.08) * min(image.shape[:2]))
    if kind == "noise":
        return image + rng.normal(scale=rng.uniform(0.3, 0.45), size=image.shape)
    assert kind == "dark"
    return image * rng.uniform(0.08, 0.16) + rng.normal(scale=0.02, size=image.shape)


def to_bytes(image: Reals) -> NDArray[np.uint8]:
    """Values in 0..1 (clipped) as 0..255."""
    return np.rint(np.clip(image, 0.0, 1.0) * 255).astype(np.uint8)


def _blur(image: Reals, sigma: float) -> Reals:
    """Gaussian blur, one axis after the other, edges repeated."""
    reach = int(np.ceil(2.5 * sigma))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights /= weights.sum()
    for axis in (0, 1):
        size = image.shape[axis]
        padding = [(reach, reach) if each == axis else (0, 0) for each in range(3)]
        padded = np.pad(image, padding, mode="edge")
        image = sum((w * padded.take(range(k, k + size), axis=axis) for k, w in enumerate(weights)), start=0 * image)
    return image
