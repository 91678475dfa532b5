"""Truth, prediction and error below one another: what was found, missed, made up, or given to the wrong object.

frames, true masks by track, predicted masks by identity --Hungarian over the clip--> identity <-> track
    row 1 truth        each track in the colour of its number
    row 2 prediction   each identity in the colour of the track that it is paired with, others in one of their own
    row 3 error        right | missed | made up | taken for another object
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.optimize import linear_sum_assignment

from rcf.overlay import Colour, painted
from rcf.pictures import enlarged, side_by_side, spread

Masks = Mapping[int, NDArray[np.bool_]]
"""Number of an object -> its mask H W in one frame."""

RIGHT, MISSED, MADE_UP, SWAPPED = range(4)
_KINDS: tuple[tuple[str, Colour], ...] = (
    ("right", (0, 158, 115)),
    ("missed", (86, 180, 233)),
    ("made up", (213, 94, 0)),
    ("taken for another object", (240, 228, 66)),
)
_GAP, _LEGEND = 4, 24


def comparison_strip(
    frames: Sequence[NDArray[np.uint8]], truth: Sequence[Masks], found: Sequence[Masks]
) -> Image.Image:
    """Frames H W 3, at most 8 of them, evenly spread, in three rows and a legend."""
    partner = paired(truth, found)
    own = max((number for masks in truth for number in masks), default=0) + 1
    shown = [{partner.get(identity, own + identity): mask for identity, mask in masks.items()} for masks in found]
    chosen = spread(len(frames))
    columns = [_column(frames[index], truth[index], shown[index]) for index in chosen]
    strip = side_by_side(columns)
    picture = Image.new("RGB", (max(strip.width, 640), strip.height + _LEGEND), "white")
    picture.paste(strip, (0, 0))
    _legend(ImageDraw.Draw(picture), strip.height + 4)
    return picture


def paired(truth: Sequence[Masks], found: Sequence[Masks]) -> dict[int, int]:
    """Identity -> track, one to one, so that their overlap over the whole clip adds up to most; never without any."""
    both: dict[tuple[int, int], int] = defaultdict(int)
    for tracks, identities in zip(truth, found, strict=True):
        for track, mask in tracks.items():
            for identity, guess in identities.items():
                both[identity, track] += int((mask & guess).sum())
    identities, tracks = (sorted({pair[side] for pair in both}) for side in (0, 1))
    overlap = np.array([[both.get((identity, track), 0) for track in tracks] for identity in identities])
    if not overlap.size:
        return {}
    rows, columns = linear_sum_assignment(-overlap)
    return {identities[r]: tracks[c] for r, c in zip(rows, columns, strict=True) if overlap[r, c]}


def errors(truth: Masks, found: Masks, shape: tuple[int, int]) -> NDArray[np.int8]:
    """Of each pixel what it is, RIGHT to SWAPPED, or -1 where both say background. Numbers are those of the tracks."""
    wanted, got, right = (np.zeros(shape, np.bool_) for _ in range(3))
    for mask in truth.values():
        wanted |= mask
    for number, mask in found.items():
        got |= mask
        if number in truth:
            right |= mask & truth[number]
    kinds = np.full(shape, -1, np.int8)
    kinds[wanted & ~got], kinds[got & ~wanted], kinds[wanted & got], kinds[right] = MISSED, MADE_UP, SWAPPED, RIGHT
    return kinds


def _column(frame: NDArray[np.uint8], truth: Masks, found: Masks) -> Image.Image:
    tiles = [enlarged(_objects(frame, masks)) for masks in (truth, found)]
    tiles.append(enlarged(_coloured(frame, errors(truth, found, (frame.shape[0], frame.shape[1])))))
    column = Image.new("RGB", (tiles[0].width, sum(tile.height + _GAP for tile in tiles)), "white")
    for row, tile in enumerate(tiles):
        column.paste(tile, (0, row * (tile.height + _GAP)))
    return column


def _objects(frame: NDArray[np.uint8], masks: Masks) -> NDArray[np.uint8]:
    stacked = np.stack([*masks.values()]) if masks else np.zeros((0, *frame.shape[:2]), np.bool_)
    return painted(frame, stacked, list(masks))


def _coloured(frame: NDArray[np.uint8], kinds: NDArray[np.int8]) -> NDArray[np.uint8]:
    """The frame in grey, and each kind of error in its colour."""
    pixels = np.repeat(0.6 * frame.mean(axis=2, keepdims=True, dtype=np.float32) + 60, 3, axis=2)
    for kind, (_, colour) in enumerate(_KINDS):
        pixels[kinds == kind] = 0.25 * pixels[kinds == kind] + 0.75 * np.array(colour, np.float32)
    return pixels.astype(np.uint8)


def _legend(draw: ImageDraw.ImageDraw, top: int) -> None:
    font, left = ImageFont.load_default(13), 4
    for name, colour in _KINDS:
        draw.rectangle((left, top + 2, left + 12, top + 14), fill=colour)
        draw.text((left + 17, top), name, fill="black", font=font)
        left += round(draw.textlength(name, font=font)) + 34
    draw.text((left, top), "rows: truth, prediction, error", fill=(90, 90, 90), font=font)
