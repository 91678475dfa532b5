"""Clips of unlike size in one batch.

clips + canvas --padding right and below--> ClipBatch; `sizes` says what is padding, None where nothing is
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional

from rcf.data.sizes import Size
from rcf.structures import ClipBatch, FrameTargets

PADDING = (124, 116, 104)
"""Red, green and blue of what is padded: the mean of ImageNet, near zero after normalisation."""


@dataclass(frozen=True, slots=True, eq=False)
class ShownClip:
    """One clip as the network will see it, before padding."""

    frames: UInt8[Tensor, "P 3 H W"]
    targets: tuple[FrameTargets, ...]
    audio: Float[Tensor, "P A E"] | None = None


def collate(clips: Sequence[ShownClip], canvas: Size, skipped: int = 0) -> ClipBatch:
    """A batch of `canvas` (height, width), or larger where a clip is.

    The canvas is that of the whole step, so that a part of it is the same wherever it is made.
    """
    sizes = [(clip.frames.shape[-2], clip.frames.shape[-1]) for clip in clips]
    height, width = (max(sides) for sides in zip(canvas, *sizes, strict=True))
    padded = any(size != (height, width) for size in sizes)
    audio = [clip.audio for clip in clips if clip.audio is not None]
    return ClipBatch(
        frames=torch.stack([_pad_frames(clip.frames, height, width) for clip in clips]),
        targets=tuple(tuple(_pad_targets(frame, height, width) for frame in clip.targets) for clip in clips),
        sizes=torch.tensor(sizes, dtype=torch.int64) if padded else None,
        audio=torch.stack(audio) if audio else None,
        skipped=skipped,
    )


def _pad_frames(frames: UInt8[Tensor, "P 3 h w"], height: int, width: int) -> UInt8[Tensor, "P 3 H W"]:
    if frames.shape[-2:] == (height, width):
        return frames
    colour = torch.tensor(PADDING, dtype=torch.uint8)[None, :, None, None]
    padded = colour.repeat(frames.shape[0], 1, height, width)
    padded[..., : frames.shape[-2], : frames.shape[-1]] = frames
    return padded


def _pad_targets(targets: FrameTargets, height: int, width: int) -> FrameTargets:
    down, right = height - targets.masks.shape[-2], width - targets.masks.shape[-1]
    if not down and not right:
        return targets
    return FrameTargets(targets.labels, functional.pad(targets.masks, (0, right, 0, down)), targets.tracks)
