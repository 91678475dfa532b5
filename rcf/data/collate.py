"""Clips of unlike size in one batch.

clips + canvas --padding right and below--> ClipBatch; `sizes` says what is padding, None where nothing is
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional

from rcf.data.frames import stacked
from rcf.data.sizes import Size
from rcf.structures import ClipBatch, FrameTargets

PADDING = (124, 116, 104)
"""Red, green and blue of what is padded: the mean of ImageNet, near zero after normalisation."""


@dataclass(frozen=True, slots=True, eq=False)
class ShownClip:
    """One clip as the network will see it, before padding."""

    frames: Sequence[UInt8[Tensor, "3 H W"]]
    """Each by itself: they are copied once, into the batch."""
    targets: tuple[FrameTargets, ...]
    audio: Float[Tensor, "P A E"] | None = None

    @property
    def size(self) -> Size:
        """Height and width of its frames."""
        return self.frames[0].shape[-2], self.frames[0].shape[-1]


def collate(clips: Sequence[ShownClip], canvas: Size, skipped: int = 0) -> ClipBatch:
    """A batch of `canvas` (height, width), or larger where a clip is.

    The canvas is that of the whole step, so that a part of it is the same wherever it is made.
    """
    sizes = [clip.size for clip in clips]
    height, width = (max(sides) for sides in zip(canvas, *sizes, strict=True))
    padded = any(size != (height, width) for size in sizes)
    audio = [clip.audio for clip in clips if clip.audio is not None]
    return ClipBatch(
        frames=_padded(clips, height, width) if padded else _stacked(clips),
        targets=tuple(tuple(_pad_targets(frame, height, width) for frame in clip.targets) for clip in clips),
        sizes=torch.tensor(sizes, dtype=torch.int64) if padded else None,
        audio=torch.stack(audio) if audio else None,
        skipped=skipped,
    )


def _stacked(clips: Sequence[ShownClip]) -> UInt8[Tensor, "B P 3 H W"]:
    frames = stacked([frame for clip in clips for frame in clip.frames])
    return frames.reshape(len(clips), -1, *frames.shape[1:])


def _padded(clips: Sequence[ShownClip], height: int, width: int) -> UInt8[Tensor, "B P 3 H W"]:
    colour = torch.tensor(PADDING, dtype=torch.uint8)
    padded = colour.repeat(len(clips), len(clips[0].frames), height, width, 1).movedim(-1, 2)
    for clip, place in zip(clips, padded, strict=True):
        for frame, there in zip(clip.frames, place, strict=True):
            there[:, : frame.shape[-2], : frame.shape[-1]] = frame
    return padded


def _pad_targets(targets: FrameTargets, height: int, width: int) -> FrameTargets:
    down, right = height - targets.masks.shape[-2], width - targets.masks.shape[-1]
    if not down and not right:
        return targets
    return FrameTargets(targets.labels, functional.pad(targets.masks, (0, right, 0, down)), targets.tracks)
