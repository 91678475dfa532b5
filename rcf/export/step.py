"""One push of a stream as a function of tensors of fixed size, state in and state out.

    frame 1 3 H W --backbone--> ... references R C K K, heard R V (of the state) ... --> classes Q G, masks Q H W
                                own, last, masks, issued (of the state) ------------> identities Q

The state of a new video is zeros, all of it. The frame has the size of the network's input: resize outside, as
`rcf.streaming.resize_frames` does. Masks come at that size.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from rcf.config import EvaluationConfig
from rcf.errors import InputError, Problem
from rcf.export.identity_steps import RuleState, forced_identities, settled
from rcf.model.network import RCF
from rcf.reading import enlarge
from rcf.sound import MEL_BINS


class StepState(NamedTuple):
    """All that a stream holds of its past."""

    frames: Tensor
    """1, how many were pushed."""
    kept: Tensor
    """R C K K: what the last frames have left behind, oldest first."""
    heard: Tensor
    """R V: the feature of their sound; R is at least 1."""
    own: Tensor
    """Q, the identity that each slot carried last."""
    last: Tensor
    """Q, its identity in the last frame; 0 where it was silent."""
    last_masks: Tensor
    """Q h w at stride 4."""
    issued: Tensor
    """1, the identities so far."""


class StepAnswer(NamedTuple):
    """What is said of a frame, slot by slot."""

    fired: Tensor
    """Q: whether there is an object in this slot."""
    identities: Tensor
    """Q; 0 where it did not fire."""
    probabilities: Tensor
    """Q G; the last category is "empty"."""
    masks: Tensor
    """Q H W, true where the object is; nothing where the slot did not fire."""


@dataclass(frozen=True, slots=True)
class StepSizes:
    """The sizes that are fixed in an exported step."""

    height: int
    width: int
    """Of a frame, pixels."""
    hops: int
    """Of a log-mel patch; 0 for a network that does not listen."""


class StreamStep(nn.Module):
    """See the module's figure."""

    def __init__(self, network: RCF, config: EvaluationConfig, sizes: StepSizes) -> None:
        """Raises rcf.errors.InputError for an identity rule that cannot be exported."""
        super().__init__()
        if config.identity == "cosine":
            got, wanted = "cosine, which solves an assignment", "slot or slot_iou"
            raise InputError([Problem("configuration", "evaluation.identity", got, wanted, "Export with another rule")])
        self.network = network.eval()
        self.sizes = sizes
        self.class_threshold = config.class_threshold
        self._logit = math.log(config.mask_threshold / (1 - config.mask_threshold))
        self._override = config.override_iou if config.identity == "slot_iou" else None
        self._references = network.references.frames

    def forward(
        self, frame: UInt8[Tensor, "1 3 H W"], sound: Float[Tensor, "1 A E"], *state: Tensor
    ) -> tuple[Tensor, ...]:
        """The fields of StepAnswer, then those of the next StepState. `state` are the fields of a StepState."""
        before = StepState(*state)
        here = self.network.describe(frame, audio=sound)
        first = before.frames == 0
        kept = torch.where(first, here.kept.expand_as(before.kept), before.kept)
        heard = torch.where(first, here.heard.expand_as(before.heard), before.heard)
        window = torch.cat((heard[: self._references], here.heard))[None]
        answer = self.network.segment(here, kept[None, : self._references], window)
        probabilities = answer.classes[-1, 0].float().softmax(-1)
        fired = probabilities[:, :-1].amax(-1) > self.class_threshold
        logits = answer.masks[-1, 0].float()
        masks = (logits > self._logit) & fired[:, None, None]
        rule: RuleState = (before.own, before.last, before.last_masks, before.issued)
        forced = torch.zeros_like(before.own)
        if self._override is not None:
            forced = forced_identities(fired, masks, rule, self._override)
        identities, own, count = settled(fired, forced, rule)
        full = (enlarge(logits, (self.sizes.height, self.sizes.width)) > self._logit) & fired[:, None, None]
        after = StepState(
            before.frames + 1,
            torch.cat((kept[1:], here.kept)),
            torch.cat((heard[1:], here.heard)),
            own,
            identities,
            masks,
            count,
        )
        return (*StepAnswer(fired, identities, probabilities, full), *after)

    @torch.inference_mode()
    def start(self) -> StepState:
        """The state of a new video: zeros."""
        height, width, hops = self.sizes.height, self.sizes.width, self.sizes.hops
        frame = torch.zeros(1, 3, height, width, dtype=torch.uint8)
        here = self.network.describe(frame, audio=torch.zeros(1, hops, MEL_BINS))
        queries, rows = self.network.decoder.slots.num_embeddings, max(self._references, 1)
        stride_4 = here.pyramid[0].shape[-2:]
        return StepState(
            torch.zeros(1, dtype=torch.int64),
            torch.zeros(rows, *here.kept.shape[1:]),
            torch.zeros(rows, *here.heard.shape[1:]),
            torch.zeros(queries, dtype=torch.int64),
            torch.zeros(queries, dtype=torch.int64),
            torch.zeros(queries, *stride_4, dtype=torch.bool),
            torch.zeros(1, dtype=torch.int64),
        )

    def example(self) -> tuple[Tensor, ...]:
        """Inputs of the right sizes."""
        height, width, hops = self.sizes.height, self.sizes.width, self.sizes.hops
        frame = torch.zeros(1, 3, height, width, dtype=torch.uint8)
        return (frame, torch.zeros(1, hops, MEL_BINS), *self.start())
