"""Terms of the loss, each a pure function of logits and targets.

masks P HW (logits), targets P HW --> dice (P), bce (P);   all pairs Q x M at once for the matcher
"""

import torch.nn.functional as functional
from jaxtyping import Float
from torch import Tensor

_SMOOTH = 1.0
"""Added to both sides of the Dice fraction (MaskFormer), so that empty masks have a gradient."""


def dice(logits: Float[Tensor, "P L"], targets: Float[Tensor, "P L"]) -> Float[Tensor, " P"]:
    """Dice loss of each pair, 0 is perfect."""
    masks = logits.sigmoid()
    overlap = 2 * (masks * targets).sum(-1)
    return 1 - (overlap + _SMOOTH) / (masks.sum(-1) + targets.sum(-1) + _SMOOTH)


def pairwise_dice(logits: Float[Tensor, "Q L"], targets: Float[Tensor, "M L"]) -> Float[Tensor, "Q M"]:
    """Dice loss of every query with every instance."""
    masks = logits.sigmoid()
    overlap = 2 * masks @ targets.T
    return 1 - (overlap + _SMOOTH) / (masks.sum(-1)[:, None] + targets.sum(-1)[None] + _SMOOTH)


def pixel_cross_entropy(logits: Float[Tensor, "P L"], targets: Float[Tensor, "P L"]) -> Float[Tensor, " P"]:
    """Mean binary cross entropy over the pixels of each pair."""
    return functional.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(-1)


def pairwise_pixel_cross_entropy(logits: Float[Tensor, "Q L"], targets: Float[Tensor, "M L"]) -> Float[Tensor, "Q M"]:
    """`pixel_cross_entropy` of every query with every instance: softplus(x) - x t, averaged."""
    return (functional.softplus(logits).sum(-1)[:, None] - logits @ targets.T) / logits.shape[-1]


def at_stride_4(masks: Tensor, height: int, width: int) -> Float[Tensor, "M h w"]:
    """Ground truth as the share of each stride-4 cell that is covered."""
    return functional.interpolate(masks[None].float(), size=(height, width), mode="area")[0]
