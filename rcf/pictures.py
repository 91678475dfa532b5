"""Overlays: one row of frames, each object in the colour of its identity, or each place in the heat of its attention.

frames + FramePredictions          --> a strip of up to 8 frames, PNG
frames + attention maps + log-mel  --> the same frames, plain and in heat, above what is heard at each
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from rcf.structures import FramePrediction
from rcf.tensors import integers

# Okabe and Ito's palette: told apart with all common kinds of colour blindness.
_COLOURS = np.array(
    [(230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167)],
    dtype=np.float32,
)
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
    red, green, blue = (int(value) for value in _COLOURS[0])
    grey.paste((red, green, blue), mask=share)
    return grey


def save_png(image: Image.Image, path: Path) -> None:
    """Write the picture whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    image.save(temporary, format="PNG")
    temporary.replace(path)


def painted(
    frame: NDArray[np.uint8], masks: Sequence[NDArray[np.bool_]], identities: Sequence[int], labels: Sequence[str]
) -> Image.Image:
    """A frame H W 3 at the height of a tile, each mask H W in the colour of its identity, with its label on it."""
    # Half the colour is taken out of the scene, so that the colours of identities are the strongest in the picture.
    pixels = 0.5 * frame.astype(np.float32) + 0.5 * frame.mean(axis=2, keepdims=True, dtype=np.float32)
    for mask, identity in zip(masks, identities, strict=True):
        colour = _COLOURS[identity % len(_COLOURS)]
        pixels[mask] = 0.4 * pixels[mask] + 0.6 * colour
        pixels[_border(mask)] = colour
    image, scale = enlarged(pixels.astype(np.uint8)), _HEIGHT / frame.shape[0]
    draw = ImageDraw.Draw(image)
    for mask, label in zip(masks, labels, strict=True):
        rows, columns = mask.nonzero()
        if len(rows):
            place = (float(columns.mean()) * scale - 12, float(rows.mean()) * scale - 6)
            draw.text(place, label, fill="white", stroke_width=1, stroke_fill="black")
    return image


def _tile(frame: NDArray[np.uint8], prediction: FramePrediction, categories: tuple[str, ...]) -> Image.Image:
    identities = integers(prediction.identities)
    labels = [
        f"{identity} {categories[int(prediction.class_probabilities[index, :-1].argmax())]}"
        for index, identity in enumerate(identities)
    ]
    return painted(frame, list(prediction.masks.numpy()), identities, labels)


def _border(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels of the mask that touch, side by side, one outside it."""
    padded = np.pad(mask, 1)
    inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask & ~inside
