"""One frame with its objects painted over it, each in the colour of its identity.

frame H W 3 + masks M H W + identities --painted--> pixels --labelled (number, word, score)--> picture

The colour is a function of the identity alone, so the same object has the same colour in every frame and every kind of
picture: overlay, mask, timeline, comparison.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom, pixels."""

# Okabe and Ito's palette: told apart with all common kinds of colour blindness.
_OKABE_ITO: tuple[Colour, ...] = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167),
)  # fmt: skip
_SHADES = (1.0, 0.55, 1.5)
"""Then the same seven darker, then lighter: lightness is what all eyes see. The number beside it never repeats."""


def identity_colour(identity: int) -> Colour:
    """Red, green, blue of an identity; the first 21 differ."""
    red, green, blue = _OKABE_ITO[identity % len(_OKABE_ITO)]
    shade = _SHADES[identity // len(_OKABE_ITO) % len(_SHADES)]
    if shade <= 1:
        return round(red * shade), round(green * shade), round(blue * shade)
    towards_white = shade - 1
    return (
        round(red + (255 - red) * towards_white),
        round(green + (255 - green) * towards_white),
        round(blue + (255 - blue) * towards_white),
    )


def painted(frame: NDArray[np.uint8], masks: NDArray[np.bool_], identities: Sequence[int]) -> NDArray[np.uint8]:
    """The frame with masks M H W over it; the last one lies on top."""
    # Half the colour is taken out of the scene, so that the colours of identities are the strongest in the picture.
    pixels = 0.5 * frame.astype(np.float32) + 0.5 * frame.mean(axis=2, keepdims=True, dtype=np.float32)
    for mask, identity in zip(masks, identities, strict=True):
        box = _box(mask)
        if box is None:
            continue
        colour = np.array(identity_colour(identity), dtype=np.float32)
        inner, part = mask[box], pixels[box]
        part[inner] = 0.4 * part[inner] + 0.6 * colour
        part[_border(inner)] = colour
    return pixels.astype(np.uint8)


def ink_on(colour: Colour) -> str:
    """Black or white, whichever can be read on `colour`."""
    return "black" if 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2] > 110 else "white"


def labelled(
    image: Image.Image,
    masks: NDArray[np.bool_],
    identities: Sequence[int],
    texts: Sequence[str],
    scale: float = 1.0,
    size: int = 10,
) -> Image.Image:
    """A text on top of each mask M H W, clear of those before; `image` is `scale` times the masks' size.

    It stands on the colour of its identity: a label that had to move away still says whose it is.
    """
    draw, font, placed = ImageDraw.Draw(image), _font(size), list[Box]()
    for mask, identity, text in zip(masks, identities, texts, strict=True):
        around = _box(mask)
        if around is None:
            continue
        wide, high = draw.textlength(text, font=font) + 0.6 * size, 1.3 * size
        middle, top = (around[1].start + around[1].stop) / 2 * scale, around[0].start * scale
        box = free_place((middle - wide / 2, top - high, middle + wide / 2, top), placed, image.size)
        placed.append(box)
        colour = identity_colour(identity)
        draw.rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill=colour, outline="black")
        draw.text((box[0] + 0.3 * size, (box[1] + box[3]) / 2), text, fill=ink_on(colour), font=font, anchor="lm")
    return image


def free_place(box: Box, placed: Sequence[Box], size: tuple[int, int]) -> Box:
    """`box` inside a picture of `size`, (width, height), moved down until it hides none of `placed`; from the bottom
    it goes on at the top. A picture that is full keeps the box where it was."""
    left, top, right, bottom = box
    wide, high = right - left, bottom - top
    left = min(max(left, 0.0), max(size[0] - wide, 0.0))
    start = top = min(max(top, 0.0), max(size[1] - high, 0.0))
    for _ in range(4 * len(placed) + 1):
        hidden = [each for each in placed if each[0] < left + wide and left < each[2]]
        below = [each[3] for each in hidden if each[1] < top + high and top < each[3]]
        if not below:
            return left, top, left + wide, top + high
        top = max(below) if max(below) + high <= size[1] else 0.0
    return left, start, left + wide, start + high


@cache
def _font(size: int) -> Any:
    return ImageFont.load_default() if size == 10 else ImageFont.load_default(size)


def _box(mask: NDArray[np.bool_]) -> tuple[slice, slice] | None:
    """The smallest box around a mask."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _border(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels of the mask that touch, side by side, one outside it."""
    padded = np.pad(mask, 1)
    inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask & ~inside
