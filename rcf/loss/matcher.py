"""Hungarian matching: which query answers for which instance (equation 3).

similarity(query, instance) = p(class) - Dice loss            `sum`, the paper's
                            = p(class) x (1 - Dice loss)      `product`, the network before this one

FrameMatching   each frame by itself
PairMatching    similarities of frames t-1 and t are added where an object is in both: one assignment for both frames,
                which supervises the order of the slots (the row "supervision" of table VII)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from rcf.config import LossConfig
from rcf.loss.terms import pairwise_dice, pairwise_focal, pairwise_pixel_cross_entropy
from rcf.tensors import integers


@dataclass(frozen=True, slots=True, eq=False)
class FrameToMatch:
    """One frame: what S layers of Q queries say, and the M instances that are there."""

    classes: Float[Tensor, "S Q G"]
    masks: Float[Tensor, "S Q L"]
    labels: Int[Tensor, " M"]
    targets: Float[Tensor, "M L"]
    tracks: Int[Tensor, " M"]


Costs = NDArray[np.float32]
"""Layers x queries x instances."""


@dataclass(frozen=True, slots=True)
class Matched:
    """Pairs of one frame, for each layer: queries and, beside them, the instances that they answer for."""

    queries: list[list[int]]
    instances: list[list[int]]


@runtime_checkable
class Matching(Protocol):
    """Pairs queries and instances in all frames of a batch."""

    def __call__(self, frames: Sequence[FrameToMatch]) -> list[Matched]:
        """One result a frame; frames of one clip are neighbours, in order."""
        ...


class FrameMatching:
    """The best assignment of each frame at each layer; pairs come in order of the query."""

    def __init__(self, config: LossConfig) -> None:
        self._config = config

    def __call__(self, frames: Sequence[FrameToMatch]) -> list[Matched]:
        """One assignment a frame and layer."""
        return [_assigned(cost) for cost in _costs(frames, self._config)]


class PairMatching:
    """One assignment for frames 2k and 2k + 1 together; an object that only one of them shows counts there alone."""

    def __init__(self, config: LossConfig) -> None:
        self._config = config

    def __call__(self, frames: Sequence[FrameToMatch]) -> list[Matched]:
        """Both frames of a pair give an object to the same query."""
        costs = _costs(frames, self._config)
        matched: list[Matched] = []
        for first in range(0, len(frames), 2):
            matched += self._pair(frames[first : first + 2], costs[first : first + 2])
        return matched

    def _pair(self, frames: Sequence[FrameToMatch], costs: Sequence[Costs]) -> list[Matched]:
        tracks = [integers(frame.tracks) for frame in frames]
        union = sorted({track for each in tracks for track in each})
        joint = np.zeros((*costs[0].shape[:2], len(union)), dtype=np.float32)
        for cost, each in zip(costs, tracks, strict=True):
            joint[:, :, [union.index(track) for track in each]] += cost
        both = _assigned(joint)
        return [_part(both, [union.index(track) for track in each]) for each in tracks]


def _part(matched: Matched, columns: list[int]) -> Matched:
    """The pairs of those objects that are in `columns`, by their place there."""
    kept = [
        [(query, columns.index(column)) for query, column in zip(queries, instances, strict=True) if column in columns]
        for queries, instances in zip(matched.queries, matched.instances, strict=True)
    ]
    return Matched([[query for query, _ in pairs] for pairs in kept], [[place for _, place in pairs] for pairs in kept])


def matching_of(config: LossConfig) -> Matching:
    """The matching that `config` names."""
    return PairMatching(config) if config.order_supervision else FrameMatching(config)


def matching_cost(
    classes: Float[Tensor, "Q G"],
    masks: Float[Tensor, "Q L"],
    labels: Int[Tensor, " M"],
    targets: Float[Tensor, "M L"],
    config: LossConfig,
) -> Float[Tensor, "Q M"]:
    """Cost of each pair: minus its similarity. The product has no weights and no terms of single pixels."""
    likely = classes.softmax(-1)[:, labels]
    dice = pairwise_dice(masks, targets)
    if config.matching == "product":
        return -likely * (1 - dice)
    cost = config.dice_weight * dice - config.class_weight * likely
    if config.bce_weight:
        cost = cost + config.bce_weight * pairwise_pixel_cross_entropy(masks, targets)
    if config.focal_weight:
        cost = cost + config.focal_weight * pairwise_focal(masks, targets)
    return cost


@torch.no_grad()
def _costs(frames: Sequence[FrameToMatch], config: LossConfig) -> list[Costs]:
    """Costs of all frames; one copy from the device for the whole batch, since each copy waits for it."""
    parts: list[Tensor] = []
    for frame in frames:
        classes, masks = frame.classes.flatten(0, 1).float(), frame.masks.flatten(0, 1).float()
        parts.append(matching_cost(classes, masks, frame.labels, frame.targets, config).flatten())
    flat: NDArray[np.float32] = torch.cat(parts).cpu().numpy()
    ends = np.cumsum([part.numel() for part in parts])[:-1]
    shapes = [(*frame.classes.shape[:2], len(frame.labels)) for frame in frames]
    return [part.reshape(shape) for part, shape in zip(np.split(flat, ends), shapes, strict=True)]


def _assigned(costs: Costs) -> Matched:
    # A diverged network gives NaN costs; the assignment is then of no account, and the loss check reports the step.
    finite = np.nan_to_num(costs, nan=1e6, posinf=1e6, neginf=-1e6)
    pairs = [linear_sum_assignment(cost) for cost in finite]
    return Matched([rows.tolist() for rows, _ in pairs], [columns.tolist() for _, columns in pairs])
