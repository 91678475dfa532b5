"""Hungarian matching: which query answers for which instance (equation 3).

similarity(query, instance) = p(class) - Dice loss      maximised one to one, for each layer and frame by itself
"""

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from rcf.config import LossConfig
from rcf.loss.terms import pairwise_dice, pairwise_pixel_cross_entropy
from rcf.tensors import from_numpy

Assignment = tuple[Tensor, Tensor]
"""Indices of queries and, beside them, of the instances they answer for."""


def matching_cost(
    classes: Float[Tensor, "Q G"],
    masks: Float[Tensor, "Q L"],
    labels: Int[Tensor, " M"],
    targets: Float[Tensor, "M L"],
    config: LossConfig,
) -> Float[Tensor, "Q M"]:
    """Cost of each pair: minus the weighted similarity of equation 3."""
    cost = config.dice_weight * pairwise_dice(masks, targets) - config.class_weight * classes.softmax(-1)[:, labels]
    if config.bce_weight:
        cost = cost + config.bce_weight * pairwise_pixel_cross_entropy(masks, targets)
    return cost


@torch.no_grad()
def match(
    classes: Float[Tensor, "S Q G"],
    masks: Float[Tensor, "S Q L"],
    labels: Int[Tensor, " M"],
    targets: Float[Tensor, "M L"],
    config: LossConfig,
) -> list[Assignment]:
    """The best assignment of one frame at each of S layers; pairs come in order of the query."""
    layers, queries = classes.shape[:2]
    flat = matching_cost(classes.flatten(0, 1).float(), masks.flatten(0, 1).float(), labels, targets, config)
    costs = flat.view(layers, queries, -1).cpu().numpy()
    return [_assign(cost) for cost in costs]


def _assign(cost: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Assignment:
    # A diverged network gives NaN costs; the assignment is then of no account, and the loss check reports the step.
    rows, columns = linear_sum_assignment(np.nan_to_num(cost, nan=1e6, posinf=1e6, neginf=-1e6))
    return from_numpy(rows.astype(np.int64)), from_numpy(columns.astype(np.int64))
