"""Box "identity": which object a fired slot is (section III-D). No matching is learned, none is supervised.

    slot rule       slot i at t has the identity of slot i before
    slot_iou rule   ... unless its mask overlaps a mask of t-1 by more than `override_iou`: then that mask's identity
    cosine rule     slots of t and t-1 are paired by the cosine of their instance codes: MinVIS, a baseline

What the paper leaves open: a slot that overlaps its own mask of t-1 by that much keeps its identity; others are
settled greedily by falling IoU (ties: lower slot, then lower predecessor), each identity is used once a frame, and a
slot whose own identity is taken gets a new one. A silent slot keeps its own.

All that a rule holds of the past fits into a few tensors of at most one row a slot: `state_dict`, `load_state_dict`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as functional
from jaxtyping import Bool, Float, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from rcf.config import EvaluationConfig
from rcf.tensors import floats, from_numpy, integers, pairs


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """Identities of the fired slots of one frame."""

    identities: Int[Tensor, " M"]
    overridden: Bool[Tensor, " M"]


@runtime_checkable
class IdentityRule(Protocol):
    """Gives identities frame by frame; holds all that it needs of the past."""

    def assign(self, slots: Int[Tensor, " M"], masks: Bool[Tensor, "M h w"], codes: Float[Tensor, "Q D"]) -> Assignment:
        """Identities for the slots that fired in the next frame; `codes` are those of all slots."""
        ...


@runtime_checkable
class SavableRule(IdentityRule, Protocol):
    """A rule whose past can be put aside in mid-video."""

    def state_dict(self) -> dict[str, Tensor]:
        """All that it holds of the past, as tensors of its own."""
        ...

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from what `state_dict` gave. Raises KeyError where a tensor is missing."""
        ...


class SlotIdentity:
    """The slot rule alone."""

    def __init__(self) -> None:
        self._of_slot: dict[int, int] = {}
        self._next = 0

    def assign(self, slots: Int[Tensor, " M"], masks: Bool[Tensor, "M h w"], codes: Float[Tensor, "Q D"]) -> Assignment:
        """Every slot keeps its identity; a slot that fires for the first time gets a new one."""
        return self.settle(slots, {})

    def identity_of(self, slot: int) -> int | None:
        """The identity that `slot` carried last, if it is still its own."""
        return self._of_slot.get(slot)

    def settle(self, slots: Int[Tensor, " M"], forced: dict[int, int]) -> Assignment:
        """Identities under `forced` (position in `slots` -> identity), each identity once."""
        taken = set(forced.values())
        identities: list[int] = []
        overridden: list[bool] = []
        for position, slot in enumerate(integers(slots)):
            own = self._of_slot.get(slot)
            identity = forced.get(position)
            overridden.append(identity is not None and identity != own)
            if identity is None:
                identity = own if own is not None and own not in taken else self._new()
                taken.add(identity)
            identities.append(identity)
        # An identity belongs to the slot that carried it last; a silent slot that lost its own starts anew.
        self._of_slot = {slot: identity for slot, identity in self._of_slot.items() if identity not in taken}
        self._of_slot.update(zip(integers(slots), identities, strict=True))
        return Assignment(torch.tensor(identities, dtype=torch.int64), torch.tensor(overridden, dtype=torch.bool))

    def state_dict(self) -> dict[str, Tensor]:
        """Which identity each slot carried last, and how many there were."""
        rows = torch.tensor(sorted(self._of_slot.items()), dtype=torch.int64).reshape(-1, 2)
        return {"of_slot": rows, "identities_so_far": torch.tensor([self._next])}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from `state_dict`."""
        self._of_slot = dict(pairs(state["of_slot"]))
        self._next = int(state["identities_so_far"])

    def _new(self) -> int:
        self._next += 1
        return self._next


class SlotIouIdentity:
    """The slot rule with the IoU override."""

    def __init__(self, override_iou: float) -> None:
        self._rule = SlotIdentity()
        self._override_iou = override_iou
        self._masks: Tensor | None = None
        self._identities: list[int] = []

    def assign(self, slots: Int[Tensor, " M"], masks: Bool[Tensor, "M h w"], codes: Float[Tensor, "Q D"]) -> Assignment:
        """Overlap with the last frame first, then the slot rule for what is left."""
        forced = {} if self._masks is None else self._forced(slots, mask_iou(masks, self._masks))
        assignment = self._rule.settle(slots, forced)
        self._masks, self._identities = masks, integers(assignment.identities)
        return assignment

    def state_dict(self) -> dict[str, Tensor]:
        """That of the slot rule, and the masks of the last frame with their identities."""
        last = {} if self._masks is None else {"last_masks": self._masks.clone()}
        return {**self._rule.state_dict(), **last, "last_identities": torch.tensor(self._identities, dtype=torch.int64)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from `state_dict`."""
        self._rule.load_state_dict(state)
        self._masks, self._identities = state.get("last_masks"), integers(state["last_identities"])

    def _forced(self, slots: Int[Tensor, " M"], overlap: Float[Tensor, "M P"]) -> dict[int, int]:
        rows, columns = (overlap > self._override_iou).nonzero(as_tuple=True)
        pairs = zip(floats(overlap[rows, columns]), integers(rows), integers(columns), strict=True)
        own = [self._rule.identity_of(slot) for slot in integers(slots)]
        forced: dict[int, int] = {}
        used: set[int] = set()
        # Where both rules agree there is nothing to settle: two slots on one object would swap identities otherwise.
        agreed = [(self._identities[column] != own[row], -iou, row, column) for iou, row, column in pairs]
        for _, _, row, column in sorted(agreed):
            if row not in forced and column not in used:
                forced[row] = self._identities[column]
                used.add(column)
        return forced


class CosineIdentity:
    """All slots of adjacent frames are paired one to one, fired or not, so that their codes' cosines add up to most.

    The slot rule is then followed along these pairs (Huang et al. 2022, MinVIS, section 3.3).
    """

    def __init__(self) -> None:
        self._codes: Tensor | None = None
        """Codes of the last frame, in the order of the identities."""

    def assign(self, slots: Int[Tensor, " M"], masks: Bool[Tensor, "M h w"], codes: Float[Tensor, "Q D"]) -> Assignment:
        """Identity k + 1 is what was slot k in the first frame."""
        directions = functional.normalize(codes.double(), dim=-1)
        order = torch.arange(len(codes))
        if self._codes is not None:
            slot_of = linear_sum_assignment(-(self._codes @ directions.T).numpy())[1]
            order = from_numpy(slot_of)
        self._codes = directions[order]
        identity_of = torch.empty_like(order)
        identity_of[order] = torch.arange(1, len(codes) + 1)
        identities = identity_of[slots]
        return Assignment(identities, identities != slots + 1)

    def state_dict(self) -> dict[str, Tensor]:
        """The codes of the last frame."""
        return {} if self._codes is None else {"codes": self._codes.clone()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from `state_dict`."""
        self._codes = state.get("codes")


def mask_iou(left: Bool[Tensor, "M h w"], right: Bool[Tensor, "P h w"]) -> Float[Tensor, "M P"]:
    """Intersection over union of every pair of masks; 0 where both are empty."""
    a, b = left.flatten(1).double(), right.flatten(1).double()
    both = a @ b.T
    either = a.sum(1)[:, None] + b.sum(1)[None] - both
    return both / either.clamp(min=1)


def identity_rule(config: EvaluationConfig) -> SavableRule:
    """The rule that `config` names, at the start of a video."""
    if config.identity == "cosine":
        return CosineIdentity()
    return SlotIdentity() if config.identity == "slot" else SlotIouIdentity(config.override_iou)
