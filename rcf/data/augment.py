"""What is changed in a clip: drawn once for the whole clip, done to all its frames and masks alike.

    AugmentConfig, stream(seed, step, place) --draw_look--> Look: window of each frame, flip, colour, size
    frames, targets --cut, resize, flip (masks alike)--> colour (frames only) --> frames, targets

Each kind of change has a stream of its own, so that switching one on shifts no other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from rcf.config import AugmentConfig
from rcf.data.frames import resize_frame, stacked
from rcf.data.mask_size import resize_masks
from rcf.data.sizes import Size
from rcf.data.windows import WHOLE, Window, draw_crop, draw_path
from rcf.seeding import stream
from rcf.structures import FrameTargets

FEWEST_PIXELS = 6
"""An object of which a window shows less counts as not visible. Without a window one pixel is enough."""
_GREY = (0.299, 0.587, 0.114)
"""Share of red, green and blue in brightness (ITU-R BT.601)."""


@dataclass(frozen=True, slots=True)
class Colour:
    """Factors; 1 changes nothing."""

    brightness: float
    contrast: float
    saturation: float


@dataclass(frozen=True, slots=True)
class Look:
    """What is done to a clip."""

    windows: tuple[Window, ...]
    """One a frame."""
    size: Size | None
    """Height and width of the frames; None leaves them as they are."""
    flipped: bool
    colour: Colour | None


def draw_look(
    augment: AugmentConfig,
    *,
    frames: int,
    still: bool,
    flipped: bool,
    size: Size | None,
    position: tuple[int, int, int],
) -> Look:
    """The look of the clip at `position` = (seed, step, place in the step); its size and flip are drawn elsewhere."""
    seed, step, place = position
    windows = (WHOLE,) * frames
    if still:
        windows = draw_path(stream(seed, "augment/still", step, place), frames, augment.still_shift)
    if augment.crop:
        rng = stream(seed, "augment/crop", step, place)
        if rng.random() < augment.crop:
            crop = draw_crop(rng, augment.crop_smallest)
            windows = tuple(window.within(crop) for window in windows)
    colour = _draw_colour(stream(seed, "augment/colour", step, place), augment.colour) if augment.colour else None
    return Look(windows, size, flipped, colour)


def _draw_colour(rng: np.random.Generator, most: float) -> Colour:
    brightness, contrast, saturation = (1.0 + rng.uniform(-most, most, size=3)).tolist()
    return Colour(brightness, contrast, saturation)


def show_frames(frames: Sequence[UInt8[Tensor, "3 h w"]], look: Look) -> list[UInt8[Tensor, "3 H W"]]:
    """The frames of a clip under `look`; one that nothing is done to is the frame itself, no copy."""
    shown = [_show_frame(frame, window, look) for frame, window in zip(frames, look.windows, strict=True)]
    return shown if look.colour is None else list(recolour(stacked(shown), look.colour))


def _show_frame(frame: UInt8[Tensor, "3 h w"], window: Window, look: Look) -> UInt8[Tensor, "3 H W"]:
    rows, columns = window.pixels(frame.shape[-2], frame.shape[-1])
    shown = resize_frame(frame[:, rows, columns], *(look.size or frame.shape[-2:]))
    return shown.flip(-1) if look.flipped else shown


def show_targets(targets: FrameTargets, window: Window, look: Look) -> FrameTargets:
    """The instances of one frame as `show_frames` shows it; those of which too little is left drop out."""
    own = targets.masks.shape[-2], targets.masks.shape[-1]
    rows, columns = window.pixels(*own)
    masks = resize_masks(targets.masks[:, rows, columns], *(look.size or own))
    if look.flipped:
        masks = masks.flip(-1)
    if window == WHOLE and masks.shape[-2:] == own:
        return FrameTargets(targets.labels, masks, targets.tracks)
    # NumPy's count of one mask takes a tenth of torch's.
    pixels = torch.tensor([np.count_nonzero(mask) for mask in masks.numpy()], dtype=torch.int64)
    seen = pixels >= (1 if window == WHOLE else FEWEST_PIXELS)
    return FrameTargets(targets.labels[seen], masks[seen], targets.tracks[seen])


def recolour(frames: UInt8[Tensor, "P 3 H W"], colour: Colour) -> UInt8[Tensor, "P 3 H W"]:
    """Other brightness, then contrast (around the mean of the whole clip), then saturation; cut at 0 and 255."""
    # All three are linear, so they are one factor of the pixel, one of its grey and a constant.
    pixels = frames.float()
    grey = sum((share * pixels[:, channel] for channel, share in enumerate(_GREY)), start=torch.zeros(()))
    factor = colour.brightness * colour.contrast
    constant = (1 - colour.contrast) * colour.brightness * grey.mean()
    shared = grey.mul_(factor * (1 - colour.saturation)).add_(constant)
    return pixels.mul_(factor * colour.saturation).add_(shared[:, None]).round_().clamp_(0, 255).to(torch.uint8)
