"""The loss of a batch with deep supervision (equation 4).

Segmentation S N Q, targets of N frames --match--> pairs --> class term + Dice term (+ BCE), summed over S layers
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from jaxtyping import Float, Int
from torch import Tensor

from rcf.config import LossConfig
from rcf.loss.matcher import match
from rcf.loss.terms import at_stride_4, dice, pixel_cross_entropy
from rcf.structures import FrameTargets, Segmentation


@dataclass(frozen=True, slots=True, eq=False)
class Loss:
    """The sum to minimise, and its terms at the last layer (unweighted), for the log."""

    total: Float[Tensor, ""]
    class_term: Float[Tensor, ""]
    dice_term: Float[Tensor, ""]
    bce_term: Float[Tensor, ""]


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """All matched pairs of a batch: layer, frame, query, and the instance's mask and label."""

    layers: Int[Tensor, " P"]
    frames: Int[Tensor, " P"]
    queries: Int[Tensor, " P"]
    labels: Int[Tensor, " P"]
    masks: Float[Tensor, "P L"]


def set_loss(answer: Segmentation, frames: Sequence[FrameTargets], config: LossConfig) -> Loss:
    """Loss of N frames. Every layer has its own matching; each mask counts once, whatever its size."""
    layers, count, queries = answer.classes.shape[:3]
    pairs = _pair(answer, frames, config)
    wanted = torch.full((layers, count, queries), answer.classes.shape[-1] - 1, device=answer.classes.device)
    wanted[pairs.layers, pairs.frames, pairs.queries] = pairs.labels
    class_terms = _class_terms(answer.classes, wanted, config.empty_weight)
    logits = answer.masks[pairs.layers, pairs.frames, pairs.queries].flatten(1).float()
    instances = max(sum(len(frame.labels) for frame in frames), 1)

    def per_layer(values: Float[Tensor, " P"]) -> Float[Tensor, " S"]:
        return torch.zeros(layers, device=values.device).index_add(0, pairs.layers, values) / instances

    dice_terms = per_layer(dice(logits, pairs.masks))
    bce_terms = per_layer(pixel_cross_entropy(logits, pairs.masks))
    total = config.class_weight * class_terms.sum() + config.dice_weight * dice_terms.sum()
    if config.bce_weight:
        total = total + config.bce_weight * bce_terms.sum()
    return Loss(total, class_terms[-1].detach(), dice_terms[-1].detach(), bce_terms[-1].detach())


def _pair(answer: Segmentation, frames: Sequence[FrameTargets], config: LossConfig) -> _Pairs:
    height, width = answer.masks.shape[-2:]
    device = answer.masks.device
    rows: list[tuple[Tensor, ...]] = []
    for index, frame in enumerate(frames):
        targets = at_stride_4(frame.masks, height, width).flatten(1).to(device)
        labels = frame.labels.to(device)
        found = match(answer.classes[:, index], answer.masks[:, index].flatten(2), labels, targets, config)
        for layer, (queries, instances) in enumerate(found):
            place = (torch.full_like(queries, layer), torch.full_like(queries, index), queries)
            rows.append((*place, labels[instances], targets[instances]))
    return _Pairs(*(torch.cat(column).to(device) for column in zip(*rows, strict=True)))


def _class_terms(
    classes: Float[Tensor, "S N Q G"], wanted: Int[Tensor, "S N Q"], empty_weight: float
) -> Float[Tensor, " S"]:
    """Cross entropy of each layer, the empty class weighted down, normalised by the sum of weights."""
    weights = torch.ones(classes.shape[-1], device=classes.device)
    weights[-1] = empty_weight
    losses = functional.cross_entropy(classes.float().flatten(0, 2), wanted.flatten(), weights, reduction="none")
    layers = classes.shape[0]
    return losses.view(layers, -1).sum(1) / weights[wanted].view(layers, -1).sum(1)
