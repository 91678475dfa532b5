"""Window attention of a Swin transformer on a map of any size.

    map N H W C --pad right, below--> whole windows --shift--> windows x area x C --attention--> crop --> N H W C

timm shifts first and pads after that, so on a map that is no multiple of the window the first rows meet the last ones
as if they were neighbours, and tokens see the padding. Here the map is padded first, as in the authors' detection code,
and the padding is hidden from attention as well: what a token sees does not depend on how much was added.
On maps that are multiples of the window both are the same, bit for bit.
"""

from functools import partial

import torch
import torch.nn.functional as functional
from jaxtyping import Float
from timm.models.swin_transformer import SwinTransformerBlock
from timm.models.swin_transformer_v2 import SwinTransformerV2Block
from torch import Tensor, nn

_HIDDEN = -100.0
"""What timm adds to the logit of a hidden token."""
_TIMM_METHOD = "_attn"


def pad_windows(network: nn.Module) -> None:
    """Let all blocks of a Swin transformer (of either version) in `network` attend as above; others are left alone."""
    for block in network.modules():
        if isinstance(block, SwinTransformerBlock | SwinTransformerV2Block):
            # On the object and not by a subclass: timm's stages name the class of their blocks themselves.
            setattr(block, _TIMM_METHOD, partial(attend_in_windows, block))


def attend_in_windows(
    block: SwinTransformerBlock | SwinTransformerV2Block, tokens: Float[Tensor, "N H W C"]
) -> Float[Tensor, "N H W C"]:
    """Attention within the (shifted) windows of `block`. An axis that fits into one window is not shifted."""
    window = block.window_size
    height, width = tokens.shape[1:3]
    moves = any(block.target_shift_size)
    down, right = (
        side // 2 if moves and size > side else 0 for size, side in zip((height, width), window, strict=True)
    )
    padded = functional.pad(tokens, (0, 0, 0, -width % window[1], 0, -height % window[0]))
    mask = None
    if down or right or padded.shape != tokens.shape:
        rows = _regions(height, window[0], down, tokens.device)
        columns = _regions(width, window[1], right, tokens.device)
        mask = _mask(rows, columns, window, tokens.dtype)
    windows = _partition(torch.roll(padded, (-down, -right), (1, 2)), window)
    answer = _join(block.attn(windows, mask=mask), window, padded.shape)
    return torch.roll(answer, (down, right), (1, 2))[:, :height, :width]


def _regions(size: int, window: int, shift: int, device: torch.device) -> Tensor:
    """For each place of a shifted axis: 0, 1 where it has come round from the other end, 2 where it is padding."""
    regions = torch.zeros(size + -size % window, device=device)
    regions[:shift] = 1
    regions[size:] = 2
    return regions.roll(-shift)


def _mask(rows: Tensor, columns: Tensor, window: tuple[int, int], dtype: torch.dtype) -> Tensor:
    """Windows x area x area, to be added to the logits: tokens of one region see each other."""
    regions = _partition((3 * rows[:, None] + columns[None])[None, :, :, None], window)[..., 0]
    apart = regions[:, None] != regions[:, :, None]
    return torch.zeros(apart.shape, dtype=dtype, device=apart.device).masked_fill(apart, _HIDDEN)


def _partition(tokens: Tensor, window: tuple[int, int]) -> Tensor:
    """N H W C --> (N windows) x area x C."""
    count, height, width, channels = tokens.shape
    high, wide = window
    tiles = tokens.reshape(count, height // high, high, width // wide, wide, channels)
    return tiles.transpose(2, 3).reshape(-1, high * wide, channels)


def _join(windows: Tensor, window: tuple[int, int], shape: torch.Size) -> Tensor:
    """The inverse of `_partition`."""
    count, height, width, channels = shape
    high, wide = window
    tiles = windows.reshape(count, height // high, width // wide, high, wide, channels)
    return tiles.transpose(2, 3).reshape(shape)
