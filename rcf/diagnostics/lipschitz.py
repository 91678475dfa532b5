"""How much the output moves when the input moves: the secant constant of adjacent frames (section III-D, equation 5).

    d_in = | window_t - window_{t-1} |_2      window = the references and the target, normalised images
    d_out = | F(window_t) - F(window_{t-1}) |_2    F = class and mask probabilities of all slots, stacked
    K_hat = d_out / d_in                       a lower bound of any Lipschitz constant of F

The input of F is the whole window: with references, the target alone does not determine the output.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from rcf.tensors import floats


class SecantMean:
    """`lipschitz/secant_mean` over all adjacent frame pairs of an evaluation; pairs of equal windows are left out."""

    def __init__(self) -> None:
        self.pairs = 0
        self._sum = 0.0

    def add(self, ratios: Sequence[float]) -> None:
        """The `secant_ratios` of one video."""
        for ratio in ratios:
            self.pairs += 1
            self._sum += ratio

    def metrics(self) -> dict[str, float]:
        """The mean, left out where there was no pair."""
        return {"lipschitz/secant_mean": self._sum / self.pairs} if self.pairs else {}


def secant_ratios(
    images: Float[Tensor, "T 3 H W"],
    classes: Float[Tensor, "T Q G"],
    masks: Float[Tensor, "T Q h w"],
    references: int,
) -> list[float]:
    """K_hat of each adjacent pair of a video whose windows differ, from normalised images and logits of all frames."""
    gaps = zip(floats(window_gaps(images, references)), floats(output_gaps(classes, masks)), strict=True)
    return [gap_out / gap_in for gap_in, gap_out in gaps if gap_in > 0]


def window_gaps(images: Float[Tensor, "T 3 H W"], references: int) -> Float[Tensor, " T-1"]:
    """2-norm between the windows of frames t and t-1, for t = 1 .. T - 1; the oldest frame is repeated at the start."""
    if images.shape[0] < 2:
        return torch.zeros(0, dtype=torch.float64)
    # Frame by frame: a whole video in double precision would be the largest thing in memory.
    steps = torch.stack([(new.double() - old.double()).square().sum() for old, new in pairwise(images)])
    padded = torch.cat((steps.new_zeros(references), steps))
    # Position k of both windows differs by the frame step k places back; at the start it is the same repeated frame.
    return padded.unfold(0, references + 1, 1).sum(1).sqrt()


def output_gaps(classes: Float[Tensor, "T Q G"], masks: Float[Tensor, "T Q h w"]) -> Float[Tensor, " T-1"]:
    """2-norm between the stacked class and mask probabilities of frames t and t-1."""
    probabilities = classes.double().softmax(-1).flatten(1)
    shapes = masks.double().sigmoid().flatten(1)
    outputs = torch.cat((probabilities, shapes), dim=1)
    return (outputs[1:] - outputs[:-1]).square().sum(1).sqrt()
