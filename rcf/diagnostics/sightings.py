"""Which slot showed which true object, frame by frame: what every statement on the order of slots is counted from.

fired masks, true masks --Hungarian on IoU, only > 0.5--> Sighting(track, slot, identity) of a frame
    --of one track, in adjacent frames--> Step    kept: the same slot; else an order change, with its frames
    --of one track, over a gap----------> Step    a return after occlusion
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from rcf.identity import mask_iou
from rcf.structures import FramePrediction, FrameTargets
from rcf.tensors import booleans, floats, integers

_SAME_OBJECT_IOU = 0.5


@dataclass(frozen=True, slots=True)
class Sighting:
    """A true object that some slot showed in one frame."""

    frame: int
    track: int
    label: int
    slot: int
    identity: int
    overridden: bool
    """The identity rule gave the slot another identity than its own."""
    area: float
    """Share of the frame that the object covers."""
    centre: tuple[float, float]
    """Row and column of its middle, in sides of the frame."""
    has_twin: bool
    """Another object of its category is in the frame."""


@dataclass(frozen=True, slots=True)
class Step:
    """Two sightings of one object after another."""

    before: Sighting
    after: Sighting

    @property
    def is_adjacent(self) -> bool:
        """Without a frame between them in which the object was not found."""
        return self.after.frame == self.before.frame + 1

    @property
    def kept_slot(self) -> bool:
        """Whether the order of the slots held."""
        return self.before.slot == self.after.slot

    @property
    def kept_identity(self) -> bool:
        """Whether the object is still the same one for a user; otherwise this is an identity switch."""
        return self.before.identity == self.after.identity

    @property
    def motion(self) -> float:
        """How far the object moved, in its own sizes: distance of the middles over the root of the area."""
        return math.dist(self.before.centre, self.after.centre) / math.sqrt(self.before.area)


def sightings(
    frame: int, prediction: FramePrediction, masks: Bool[Tensor, "M h w"], truth: FrameTargets
) -> list[Sighting]:
    """Those of one frame, by track; `masks` are the predicted ones at the size of the true ones."""
    slots, identities = integers(prediction.slots), integers(prediction.identities)
    overridden, tracks, labels = booleans(prediction.overridden), integers(truth.tracks), integers(truth.labels)
    areas, centres = _shapes(truth.masks)
    found = [
        Sighting(
            frame, tracks[row], labels[row], slots[column], identities[column], overridden[column],
            areas[row], centres[row], labels.count(labels[row]) > 1,
        )
        for row, column in matched(truth.masks, masks, _SAME_OBJECT_IOU)
    ]  # fmt: skip
    return sorted(found, key=lambda each: each.track)


def matched(truth: Bool[Tensor, "P h w"], masks: Bool[Tensor, "M h w"], least_iou: float) -> list[tuple[int, int]]:
    """True and predicted masks, one to one, so that their IoU add up to most; of these the pairs above `least_iou`."""
    overlap = mask_iou(truth, masks)
    rows, columns = linear_sum_assignment(-overlap.numpy())
    found = zip(rows.tolist(), columns.tolist(), strict=True)
    return [(row, column) for row, column in found if float(overlap[row, column]) > least_iou]


def steps(seen: Sequence[Sighting]) -> list[Step]:
    """Of all objects of one video, in order of the later frame, then of the track."""
    last: dict[int, Sighting] = {}
    found: list[Step] = []
    for each in sorted(seen, key=lambda sighting: (sighting.frame, sighting.track)):
        if each.track in last:
            found.append(Step(last[each.track], each))
        last[each.track] = each
    return found


def overrides(seen: Sequence[Sighting]) -> Iterator[tuple[Sighting, bool]]:
    """Each sighting with an overridden identity, and whether that was right: the identity was this object's before.

    Identities that no true object has carried yet are left out: nobody can say.
    """
    owner: dict[int, int] = {}
    for each in sorted(seen, key=lambda sighting: (sighting.frame, sighting.track)):
        if each.overridden and each.identity in owner:
            yield each, owner[each.identity] == each.track
        owner[each.identity] = each.track


def _shapes(masks: Bool[Tensor, "P h w"]) -> tuple[list[float], list[tuple[float, float]]]:
    """Share of the frame and middle of each mask; no mask is empty."""
    height, width = masks.shape[-2:]
    weights = masks.double()
    counts = weights.sum((1, 2))
    rows = (weights.sum(2) @ torch.arange(height, dtype=torch.float64) + counts / 2) / counts / height
    columns = (weights.sum(1) @ torch.arange(width, dtype=torch.float64) + counts / 2) / counts / width
    return floats(counts / (height * width)), list(zip(floats(rows), floats(columns), strict=True))


def slot_classes(seen: Sequence[Sighting], slots: int, categories: int) -> Int[Tensor, "Q C"]:
    """How often each slot showed each category (figure 9)."""
    counts = torch.zeros(slots, categories, dtype=torch.int64)
    for each in seen:
        counts[each.slot, each.label] += 1
    return counts
