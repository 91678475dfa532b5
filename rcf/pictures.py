"""Overlays: one row of frames, each object in the colour of its identity.

frames + FramePredictions --> a strip of up to 8 frames, PNG
"""

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
_GAP = 4


def overlay_strip(
    frames: list[NDArray[np.uint8]], predictions: list[FramePrediction], categories: tuple[str, ...]
) -> Image.Image:
    """Frames H W 3 side by side, at most 8, evenly spread, with masks, category and identity."""
    last = len(frames) - 1
    chosen = sorted({round(last * place / max(_FRAMES - 1, 1)) for place in range(_FRAMES)})
    tiles = [_tile(frames[index], predictions[index], categories) for index in chosen]
    strip = Image.new("RGB", (sum(tile.width + _GAP for tile in tiles) - _GAP, _HEIGHT), "white")
    left = 0
    for tile in tiles:
        strip.paste(tile, (left, 0))
        left += tile.width + _GAP
    return strip


def save_png(image: Image.Image, path: Path) -> None:
    """Write the picture whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    image.save(temporary, format="PNG")
    temporary.replace(path)


def _tile(frame: NDArray[np.uint8], prediction: FramePrediction, categories: tuple[str, ...]) -> Image.Image:
    # Half the colour is taken out of the scene, so that the colours of identities are the strongest in the picture.
    pixels = 0.5 * frame.astype(np.float32) + 0.5 * frame.mean(axis=2, keepdims=True, dtype=np.float32)
    for mask, identity in zip(prediction.masks.numpy(), integers(prediction.identities), strict=True):
        colour = _COLOURS[identity % len(_COLOURS)]
        pixels[mask] = 0.4 * pixels[mask] + 0.6 * colour
        pixels[_border(mask)] = colour
    image = Image.fromarray(pixels.astype(np.uint8))
    scale = _HEIGHT / image.height
    image = image.resize((round(image.width * scale), _HEIGHT), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(image)
    for index, identity in enumerate(integers(prediction.identities)):
        rows, columns = prediction.masks[index].numpy().nonzero()
        if len(rows):
            label = categories[int(prediction.class_probabilities[index, :-1].argmax())]
            place = (float(columns.mean()) * scale - 12, float(rows.mean()) * scale - 6)
            draw.text(place, f"{identity} {label}", fill="white", stroke_width=1, stroke_fill="black")
    return image


def _border(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels of the mask that touch, side by side, one outside it."""
    padded = np.pad(mask, 1)
    inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask & ~inside
