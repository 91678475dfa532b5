"""How far the input of the network moves between adjacent frames (section III-D, equation 5).

d_in = | window_t - window_{t-1} |_2      window = the references and the target, normalised images; their sound, as
                                          log-mel, where the network listens: all that F sees
"""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor


def squared_steps(frames: Float[Tensor, "T ..."]) -> Float[Tensor, " T-1"]:
    """Squares of the 2-norms between adjacent frames, images or their sound."""
    if frames.shape[0] < 2:
        return torch.zeros(0, dtype=torch.float64)
    # Frame by frame: a whole video in double precision would be the largest thing in memory.
    return torch.stack([(new.double() - old.double()).square().sum() for old, new in pairwise(frames)])


def over_windows(steps: Float[Tensor, " N"], references: int) -> Float[Tensor, " N"]:
    """2-norms between adjacent windows, from the `squared_steps` of frames; the oldest is repeated at the start."""
    if steps.shape[0] == 0:
        return steps
    padded = torch.cat((steps.new_zeros(references), steps))
    # Position k of both windows differs by the frame step k places back; at the start it is the same repeated frame.
    return padded.unfold(0, references + 1, 1).sum(1).sqrt()
