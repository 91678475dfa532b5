"""Overlays: one row of frames, each object in the colour of its identity, or each place in the heat of its attention.

frames + FramePredictions          --> a strip of up to 8 frames, PNG
frames + attention maps + log-mel  --> the same frames, plain and in heat, above what is heard at each
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rcf.overlay import identity_colour, labelled, painted
from rcf.structures import FramePrediction
from rcf.tensors import integers

_FRAMES = 8
_HEIGHT = 180
_HEARD = 64
"""Height of a log-mel patch: one pixel a bin."""
_GAP = 4
_MOST_ORANGE = 200
"""Of 255: the hottest place is not painted over."""


def overlay_strip(
    frames: list[NDArray[np.uint8]], predictions: list[FramePrediction], categories: tuple[str, ...]
) -> Image.Image:
    """Frames H W 3 side by side, at most 8, evenly spread, with masks, category and identity."""
    return side_by_side([_tile(frames[index], predictions[index], categories) for index in spread(len(frames))])


def heat_strip(
    frames: list[NDArray[np.uint8]], maps: list[NDArray[np.float32]], heard: list[NDArray[np.float32]]
) -> Image.Image:
    """Frames H W 3 side by side, at most 8, evenly spread; below each the same, hotter where more attention goes.

    `maps` h w are stretched over their frames; no heat is the smallest value of the whole strip and full heat the
    largest. `heard`, in the third row, are log-mel patches (hops, bins): the latest hop is on the right, the lowest bin
    at the bottom.
    """
    chosen = spread(len(frames))
    least, most = (float(limit([limit(maps[index]) for index in chosen])) for limit in (np.min, np.max))
    lowest, loudest = (float(limit([heard[index] for index in chosen])) for limit in (np.min, np.max))
    tiles: list[Image.Image] = []
    for index in chosen:
        plain = enlarged(frames[index])
        hot = heated(plain, (maps[index] - least) / max(most - least, 1e-12))
        level = (heard[index] - lowest) / max(loudest - lowest, 1e-6)
        below = Image.fromarray((255 * level.T[::-1]).astype(np.uint8))
        sound = below.resize((plain.width, _HEARD), Image.Resampling.NEAREST).convert("RGB")
        tile = Image.new("RGB", (plain.width, 2 * (_HEIGHT + _GAP) + _HEARD), "white")
        for row, part in enumerate((plain, hot, sound)):
            tile.paste(part, (0, row * (_HEIGHT + _GAP)))
        tiles.append(tile)
    return side_by_side(tiles)


def spread(count: int) -> list[int]:
    """Which of so many frames are shown: at most 8, the first and the last among them."""
    return sorted({round((count - 1) * place / max(_FRAMES - 1, 1)) for place in range(_FRAMES)})


def side_by_side(tiles: list[Image.Image]) -> Image.Image:
    """Tiles of one height as a strip."""
    strip = Image.new("RGB", (sum(tile.width + _GAP for tile in tiles) - _GAP, tiles[0].height), "white")
    left = 0
    for tile in tiles:
        strip.paste(tile, (left, 0))
        left += tile.width + _GAP
    return strip


def enlarged(frame: NDArray[np.uint8], height: int = _HEIGHT) -> Image.Image:
    """A frame H W 3 at the height of a tile, in pixels, with its own proportions."""
    size = (max(round(frame.shape[1] * height / frame.shape[0]), 1), height)
    larger = height >= frame.shape[0]
    return Image.fromarray(frame).resize(size, Image.Resampling.NEAREST if larger else Image.Resampling.BOX)


def heated(frame: Image.Image, heat: NDArray[np.float32]) -> Image.Image:
    """A grey frame with orange where it is hot; what is below the orange still shows. `heat` h w, 0..1."""
    grey = frame.convert("L").convert("RGB")
    share = Image.fromarray((_MOST_ORANGE * heat).astype(np.uint8)).resize(frame.size, Image.Resampling.BILINEAR)
    grey.paste(identity_colour(0), mask=share)
    return grey


def save_png(image: Image.Image, path: Path) -> None:
    """Write the picture whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    image.save(temporary, format="PNG")
    temporary.replace(path)


def tile(
    frame: NDArray[np.uint8], masks: NDArray[np.bool_], identities: Sequence[int], texts: Sequence[str]
) -> Image.Image:
    """A frame H W 3 at the height of a tile, each of its masks M H W in the colour of its identity, with its text."""
    return labelled(enlarged(painted(frame, masks, identities)), masks, identities, texts, _HEIGHT / frame.shape[0])


def _tile(frame: NDArray[np.uint8], prediction: FramePrediction, categories: tuple[str, ...]) -> Image.Image:
    identities = integers(prediction.identities)
    best = integers(prediction.class_probabilities[:, :-1].argmax(-1))
    texts = [f"{identity} {categories[category]}" for identity, category in zip(identities, best, strict=True)]
    return tile(frame, prediction.masks.numpy(), identities, texts)
