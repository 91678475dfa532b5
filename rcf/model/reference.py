"""Box "robust context fusion, references" (section III-B, equation 2): the paper's contribution and its baselines.

    compressed  f_r N C H W --pixel weight--> --K x K--> C K K         kept for later targets: constant memory
                R of them --on channels: one 1x1 conv--> K K tokens    however many frames there are
                          --on tokens: a 1x1 conv each--> R K K tokens
    full        f_r N C H W --1x1 conv--> D H W kept --> R H W tokens  (fusion methods A and B)
    none        no tokens at all                                       (the row "0 reference frames")

Every kind acts on one frame alone until `tokens`, so a stream keeps the last R results and nothing else.
"""

from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as functional
from jaxtyping import Float
from torch import Tensor, nn

from rcf.model.tokens import Positions, Sizes, Tokens, flattened
from rcf.tensors import pairs

_DOWN_STAGES = 5
"""Depth-wise stages of stride 2: enough for maps of 32 K cells a side; the smaller a map, the fewer are used."""
_STATIC_SIDE = 16


@runtime_checkable
class References(Protocol):
    """What a target sees of the frames before it."""

    frames: int
    """R, the number of reference frames."""

    def compress(self, features: Tensor, sizes: Sizes | None = None) -> Tensor:
        """What to keep of N frames."""
        ...

    def tokens(self, windows: Tensor, sizes: Sizes | None = None) -> Tokens:
        """Tokens of N windows of R kept frames each, oldest first; `groups` equal parts, one behind the other."""
        ...

    @property
    def groups(self) -> int:
        """Parts of the tokens that come from frames of their own."""
        ...


class PredictedWeight(nn.Module):
    """A weight in (0, 1) for each pixel, predicted from the feature itself, so that it works at any size."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.predict = nn.Conv2d(channels, 1, 1)

    def forward(self, features: Float[Tensor, "N C H W"]) -> Float[Tensor, "N C H W"]:
        """Weighted features."""
        return features * self.predict(features).sigmoid()


class StaticWeight(nn.Module):
    """One learned map of weights for all frames, resized to theirs: where in a picture objects tend to be."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(1, 1, _STATIC_SIDE, _STATIC_SIDE))

    def no_weight_decay(self) -> set[str]:
        """A map over places, not a matrix (rcf/train/optimizer.py)."""
        return {"logits"}

    def forward(self, features: Float[Tensor, "N C H W"]) -> Float[Tensor, "N C H W"]:
        """Weighted features."""
        logits = functional.interpolate(self.logits, size=features.shape[-2:], mode="bilinear", align_corners=False)
        return features * logits.sigmoid()


class Pooling(nn.Module):
    """Average pooling to K x K at any input size."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, features: Float[Tensor, "N C H W"]) -> Float[Tensor, "N C K K"]:
        """K x K cells."""
        return functional.adaptive_avg_pool2d(features, self.side)


class DepthwiseConvolution(nn.Module):
    """Depth-wise 3x3 convolutions of stride 2 until the map is at most 2 K a side, then average pooling."""

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        self.side = side
        self.stage = nn.Conv2d(channels, channels, 3, stride=2, padding=1, groups=channels)

    def forward(self, features: Float[Tensor, "N C H W"]) -> Float[Tensor, "N C K K"]:
        """K x K cells; the stage is applied at least once, so that its weights always learn."""
        features = self.stage(features)
        for _ in range(_DOWN_STAGES - 1):
            if max(features.shape[-2:]) <= 2 * self.side:
                break
            features = self.stage(features)
        return functional.adaptive_avg_pool2d(features, self.side)


class CompressedReferences(nn.Module):
    """K x K cells of each frame; see the module's figure."""

    def __init__(self, frames: int, weight: nn.Module, compression: nn.Module, merge: nn.Module) -> None:
        super().__init__()
        self.frames = frames
        self.weight = weight
        self.compression = compression
        self.merge = merge

    @property
    def groups(self) -> int:
        """One where frames are merged on channels, else one a frame."""
        return int(getattr(self.merge, "groups", 1))

    def compress(self, features: Float[Tensor, "N C H W"], sizes: Sizes | None = None) -> Float[Tensor, "N C K K"]:
        """Weight, then compress; padding is left out frame by frame."""
        if sizes is None:
            return self.compression(self.weight(features))
        parts = [
            self.compression(self.weight(frame[None, :, :height, :width]))
            for frame, (height, width) in zip(features, pairs(sizes), strict=True)
        ]
        return torch.cat(parts)

    def tokens(self, windows: Float[Tensor, "N R C K K"], sizes: Sizes | None = None) -> Tokens:
        """K K tokens, or R K K."""
        merged: Tokens = self.merge(windows)
        return merged


class ChannelMerge(nn.Module):
    """All frames on channels, one 1x1 convolution: the number of tokens does not grow with the frames."""

    groups = 1

    def __init__(self, frames: int, channels: int, width: int, positions: Positions) -> None:
        super().__init__()
        self.project = nn.Conv2d(frames * channels, width, 1)
        self.positions = positions

    def forward(self, windows: Float[Tensor, "N R C K K"]) -> Tokens:
        """K K tokens."""
        return flattened(self.project(windows.flatten(1, 2)), self.positions, None)


class TokenMerge(nn.Module):
    """Each frame gives tokens of its own, by the same 1x1 convolution."""

    def __init__(self, frames: int, channels: int, width: int, positions: Positions) -> None:
        super().__init__()
        self.groups = frames
        self.project = nn.Conv2d(channels, width, 1)
        self.positions = positions

    def forward(self, windows: Float[Tensor, "N R C K K"]) -> Tokens:
        """R K K tokens, the oldest frame first."""
        return _frame_by_frame(self.project(windows.flatten(0, 1)), windows.shape[1], self.positions, None)


class FullReferences(nn.Module):
    """Every position of each reference is a token, made like a target's: no compression, no pixel weight."""

    def __init__(self, frames: int, channels: int, width: int, positions: Positions) -> None:
        super().__init__()
        self.frames = frames
        self.project = nn.Conv2d(channels, width, 1)
        self.positions = positions

    @property
    def groups(self) -> int:
        """One a frame."""
        return self.frames

    def compress(self, features: Float[Tensor, "N C H W"], sizes: Sizes | None = None) -> Float[Tensor, "N D H W"]:
        """The projected map."""
        return self.project(features)

    def tokens(self, windows: Float[Tensor, "N R D H W"], sizes: Sizes | None = None) -> Tokens:
        """R H W tokens, the oldest frame first."""
        return _frame_by_frame(windows.flatten(0, 1), windows.shape[1], self.positions, sizes)


class NoReferences(nn.Module):
    """The row "0 reference frames": no tokens at all."""

    groups = 1

    def __init__(self, width: int) -> None:
        super().__init__()
        self.frames, self.width = 0, width

    def compress(self, features: Float[Tensor, "N C H W"], sizes: Sizes | None = None) -> Float[Tensor, "N C 0 0"]:
        """Nothing to keep, and no view either: it would hold the whole map in memory."""
        return features.new_zeros(*features.shape[:2], 0, 0)

    def tokens(self, windows: Tensor, sizes: Sizes | None = None) -> Tokens:
        """Zero tokens."""
        empty = torch.zeros(windows.shape[0], 0, self.width, dtype=windows.dtype, device=windows.device)
        return Tokens(empty, empty[:1])


def _frame_by_frame(maps: Float[Tensor, "NR D H W"], frames: int, positions: Positions, sizes: Sizes | None) -> Tokens:
    """Tokens of R maps a window, one map behind the other."""
    whole = None if sizes is None else sizes.repeat_interleave(frames, 0)
    each = flattened(maps, positions, whole)
    length, width = each.contents.shape[1:]

    def together(values: Tensor) -> Tensor:
        return torch.reshape(values, (-1, frames * length, *values.shape[2:]))

    places = each.positions.repeat(1, frames, 1) if whole is None else each.positions.expand(-1, length, width)
    if whole is not None:
        places = together(places)
    return Tokens(together(each.contents), places, None if each.ignore is None else together(each.ignore))
