"""Position encodings of a map's cells, sine (default, as in DETR) or learned.

height, width --> half of the channels by row, half by column --> 1 L D, or N L D where maps are padded differently
"""

import math

import torch
import torch.nn.functional as functional
from jaxtyping import Float, Int
from torch import Tensor, nn

from rcf.tensors import pairs

_LEARNED_SIDE = 16


class SinePositions(nn.Module):
    """Sines of the row and column, normalised to the part of the map that is no padding; `channels` % 4 == 0."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(
        self, height: int, width: int, like: Tensor, sizes: Int[Tensor, "N 2"] | None = None
    ) -> Float[Tensor, "n L D"]:
        """Encoding of a height x width grid as tokens, on the device and in the dtype of `like`."""
        device, half = like.device, self.channels // 2
        whole = torch.tensor([[height, width]], device=device) if sizes is None else sizes
        rows = sine_axis(height, whole[:, 0], half)[:, :, None].expand(-1, height, width, half)
        columns = sine_axis(width, whole[:, 1], half)[:, None].expand(-1, height, width, half)
        return torch.cat((rows, columns), dim=-1).flatten(1, 2).to(like.dtype)


def sine_axis(length: int, whole: Int[Tensor, " n"], channels: int) -> Float[Tensor, "n L C"]:
    """Sines and cosines of positions 1 .. `length`, with a full turn over `whole` of them."""
    exponent = torch.arange(channels // 2, device=whole.device, dtype=torch.float32) * 2 / channels
    position = torch.arange(length, device=whole.device, dtype=torch.float32) + 1
    angles = (position[None] / whole[:, None] * 2 * math.pi)[..., None] * 10000.0**-exponent
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(2)


class LearnedPositions(nn.Module):
    """One learned grid, resized to the part of the map that is no padding."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.grid = nn.Parameter(torch.randn(1, channels, _LEARNED_SIDE, _LEARNED_SIDE) * 0.02)

    def no_weight_decay(self) -> set[str]:
        """A table of places, not a matrix (rcf/train/optimizer.py)."""
        return {"grid"}

    def forward(
        self, height: int, width: int, like: Tensor, sizes: Int[Tensor, "N 2"] | None = None
    ) -> Float[Tensor, "n L D"]:
        """As `SinePositions`."""
        if sizes is None:
            return _tokens(self._resized(height, width)).to(like.dtype)
        maps: list[Tensor] = []
        for rows, columns in pairs(sizes):
            maps.append(functional.pad(self._resized(rows, columns), (0, width - columns, 0, height - rows)))
        return _tokens(torch.cat(maps)).to(like.dtype)

    def _resized(self, height: int, width: int) -> Float[Tensor, "1 D H W"]:
        return functional.interpolate(self.grid, size=(height, width), mode="bilinear", align_corners=False)


def _tokens(maps: Float[Tensor, "n D H W"]) -> Float[Tensor, "n L D"]:
    return maps.flatten(2).transpose(1, 2)
