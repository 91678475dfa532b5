"""The loss of a batch with deep supervision (equation 4).

Segmentation S N Q, targets of N frames --match--> pairs --> class term + mask terms, summed over S layers
                                                              each divided by counts of the whole step: Normaliser

A step may be split into parts, over processes or one after the other: with the step's counts the parts add up to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from jaxtyping import Float, Int
from torch import Tensor

from rcf.config import LossConfig
from rcf.loss.matcher import FrameToMatch, Matched, Matching, matching_of
from rcf.loss.pixels import PixelChoice, at_stride_4, pixel_choice
from rcf.loss.terms import dice, focal, pixel_cross_entropy
from rcf.structures import FrameTargets, Segmentation


@dataclass(frozen=True, slots=True, eq=False)
class Loss:
    """The sum to minimise, and its terms at the last layer (unweighted), for the log."""

    total: Float[Tensor, ""]
    class_term: Float[Tensor, ""]
    dice_term: Float[Tensor, ""]
    bce_term: Float[Tensor, ""]
    focal_term: Float[Tensor, ""]


@dataclass(frozen=True, slots=True)
class Normaliser:
    """What the terms of a step are divided by."""

    instances: float
    """Masks in all frames of the step."""
    class_weight: float
    """Sum of the weights of all slots: 1 for a slot with an instance, the empty class's weight for the others."""

    @classmethod
    def of(cls, frames: Sequence[FrameTargets], queries: int, empty_weight: float) -> "Normaliser":
        """Counts of `frames`; those of parts of a step may be added up."""
        counts = [len(frame.labels) for frame in frames]
        weights = [min(count, queries) + max(queries - count, 0) * empty_weight for count in counts]
        return cls(float(sum(counts)), float(sum(weights)))


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """All matched pairs of a batch: layer, frame, query, and the instance's mask and label."""

    layers: Int[Tensor, " P"]
    frames: Int[Tensor, " P"]
    queries: Int[Tensor, " P"]
    labels: Int[Tensor, " P"]
    masks: Float[Tensor, "P L"]


class SetLoss:
    """The loss that a configuration describes."""

    def __init__(self, config: LossConfig) -> None:
        self._config = config
        self._matching: Matching = matching_of(config)
        self._pixels: PixelChoice = pixel_choice(config)

    def __call__(
        self, answer: Segmentation, frames: Sequence[FrameTargets], normaliser: Normaliser | None = None, seed: int = 0
    ) -> Loss:
        """Loss of N frames (frames of one clip side by side). Each mask counts once, whatever its size.

        `normaliser` is that of the whole step, by default of these frames; `seed` draws the points of the step.
        """
        config, queries = self._config, answer.classes.shape[2]
        whole = normaliser or Normaliser.of(frames, queries, config.empty_weight)
        cells = self._pixels.at(answer.masks.shape[-2], answer.masks.shape[-1], seed)
        logits = cells.of(answer.masks)
        pairs = self._pair(answer.classes, logits, [cells.of(self._truth(frame, answer)) for frame in frames], frames)
        chosen = logits[pairs.layers, pairs.frames, pairs.queries].float()
        masks, instances = pairs.masks, max(whole.instances, 1.0)
        layers = answer.classes.shape[0]

        def per_layer(values: Float[Tensor, " P"]) -> Float[Tensor, " S"]:
            return torch.zeros(layers, device=values.device).index_add(0, pairs.layers, values) / instances

        terms = {
            "class": _class_terms(answer.classes, pairs, config.empty_weight) / whole.class_weight,
            "dice": per_layer(dice(chosen, masks)),
            "bce": per_layer(pixel_cross_entropy(chosen, masks)),
            "focal": per_layer(focal(chosen, masks)) if config.focal_weight else chosen.new_zeros(layers),
        }
        total = config.class_weight * terms["class"].sum() + config.dice_weight * terms["dice"].sum()
        for name, weight in (("bce", config.bce_weight), ("focal", config.focal_weight)):
            if weight:
                total = total + weight * terms[name].sum()
        last = {name: values[-1].detach() for name, values in terms.items()}
        return Loss(total, last["class"], last["dice"], last["bce"], last["focal"])

    def _truth(self, frame: FrameTargets, answer: Segmentation) -> Float[Tensor, "M h w"]:
        return at_stride_4(frame.masks, *answer.masks.shape[-2:]).to(answer.masks.device)

    def _pair(
        self,
        classes: Float[Tensor, "S N Q G"],
        logits: Float[Tensor, "S N Q L"],
        truth: Sequence[Float[Tensor, "_ L"]],
        frames: Sequence[FrameTargets],
    ) -> _Pairs:
        device = classes.device
        labels = [frame.labels.to(device) for frame in frames]
        found = self._matching(
            [
                FrameToMatch(classes[:, index].detach(), logits[:, index].detach(), labels[index], each, frame.tracks)
                for index, (each, frame) in enumerate(zip(truth, frames, strict=True))
            ]
        )
        starts = [0]
        for each in labels[:-1]:
            starts.append(starts[-1] + len(each))
        rows = _rows(found, starts)
        columns = torch.tensor(rows, dtype=torch.int64).reshape(-1, 4).T.to(device)
        layer, frame, query, instance = columns.unbind()
        return _Pairs(layer, frame, query, torch.cat(labels)[instance], torch.cat(list(truth))[instance])


def _rows(found: Sequence[Matched], starts: Sequence[int]) -> list[tuple[int, int, int, int]]:
    """Layer, frame, query, and the instance's place among those of all frames."""
    return [
        (layer, frame, query, starts[frame] + instance)
        for frame, matched in enumerate(found)
        for layer, pairs in enumerate(zip(matched.queries, matched.instances, strict=True))
        for query, instance in zip(*pairs, strict=True)
    ]


def _class_terms(classes: Float[Tensor, "S N Q G"], pairs: _Pairs, empty_weight: float) -> Float[Tensor, " S"]:
    """Cross entropy of each layer, summed with the weights of the slots: the empty class is weighted down."""
    layers, count, queries, kinds = classes.shape
    wanted = torch.full((layers, count, queries), kinds - 1, device=classes.device)
    wanted[pairs.layers, pairs.frames, pairs.queries] = pairs.labels
    weights = torch.ones(kinds, device=classes.device)
    weights[-1] = empty_weight
    losses = functional.cross_entropy(classes.float().flatten(0, 2), wanted.flatten(), weights, reduction="none")
    return losses.view(layers, -1).sum(1)
