"""How far the input of the network moves between adjacent frames (section III-D, equation 5).

d_in = | window_t - window_{t-1} |_2      window = the references and the target, normalised images
"""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor


def window_gaps(images: Float[Tensor, "T 3 H W"], references: int) -> Float[Tensor, " T-1"]:
    """2-norm between the windows of frames t and t-1, for t = 1 .. T - 1; the oldest frame is repeated at the start."""
    return over_windows(squared_steps(images), references)


def squared_steps(images: Float[Tensor, "T 3 H W"]) -> Float[Tensor, " T-1"]:
    """Squares of the 2-norms between adjacent frames."""
    if images.shape[0] < 2:
        return torch.zeros(0, dtype=torch.float64)
    # Frame by frame: a whole video in double precision would be the largest thing in memory.
    return torch.stack([(new.double() - old.double()).square().sum() for old, new in pairwise(images)])


def over_windows(steps: Float[Tensor, " N"], references: int) -> Float[Tensor, " N"]:
    """2-norms between adjacent windows, from the `squared_steps` of their frames."""
    if steps.shape[0] == 0:
        return steps
    padded = torch.cat((steps.new_zeros(references), steps))
    # Position k of both windows differs by the frame step k places back; at the start it is the same repeated frame.
    return padded.unfold(0, references + 1, 1).sum(1).sqrt()
