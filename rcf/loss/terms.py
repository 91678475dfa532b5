"""Terms of the loss, each a pure function of logits and targets.

masks P L (logits), targets P L --> dice, bce, focal (P);   all pairs Q x M at once for the matcher
"""

import torch.nn.functional as functional
from jaxtyping import Float
from torch import Tensor

_SMOOTH = 1.0
"""Added to both sides of the Dice fraction (MaskFormer), so that empty masks have a gradient."""
_FOCAL_ALPHA, _FOCAL_GAMMA = 0.25, 2.0
"""As in MaskFormer: weight of the object's pixels, and power that quietens pixels already right."""


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


def focal(logits: Float[Tensor, "P L"], targets: Float[Tensor, "P L"]) -> Float[Tensor, " P"]:
    """Mean focal loss over the cells of each pair (Lin et al. 2017); a cell covered in part: the mean of its pixels."""
    of_object, of_rest = _focal_parts(logits)
    return (of_object * targets + of_rest * (1 - targets)).mean(-1)


def pairwise_focal(logits: Float[Tensor, "Q L"], targets: Float[Tensor, "M L"]) -> Float[Tensor, "Q M"]:
    """`focal` of every query with every instance."""
    of_object, of_rest = _focal_parts(logits)
    return (of_object @ targets.T + of_rest @ (1 - targets).T) / logits.shape[-1]


def _focal_parts(logits: Float[Tensor, "P L"]) -> tuple[Float[Tensor, "P L"], Float[Tensor, "P L"]]:
    """Loss of each pixel if it belongs to the object, and if it does not."""
    masks = logits.sigmoid()
    of_object = _FOCAL_ALPHA * (1 - masks) ** _FOCAL_GAMMA * functional.softplus(-logits)
    of_rest = (1 - _FOCAL_ALPHA) * masks**_FOCAL_GAMMA * functional.softplus(logits)
    return of_object, of_rest
