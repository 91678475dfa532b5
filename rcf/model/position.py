"""2-D sine position encoding, normalised to the map, half of the channels per axis (as in DETR).

height, width --> D H W --flatten--> 1 L D
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def sine_positions(height: int, width: int, channels: int, like: Tensor) -> Float[Tensor, "1 L D"]:
    """Encoding of a height x width grid as tokens, on the device and in the dtype of `like`; `channels` % 4 == 0."""
    half = channels // 2
    exponent = torch.arange(half // 2, device=like.device, dtype=torch.float32) * 2 / half
    frequency = 10000.0**-exponent

    def axis(length: int) -> Tensor:
        position = (torch.arange(length, device=like.device, dtype=torch.float32) + 1) / length * 2 * math.pi
        angles = position[:, None] * frequency
        return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(1)

    rows = axis(height)[:, None].expand(height, width, half)
    columns = axis(width)[None].expand(height, width, half)
    return torch.cat((rows, columns), dim=-1).reshape(1, height * width, channels).to(like.dtype)
