"""From logits to what a person would say of a frame: which slots fired, with which masks, as which objects.

classes Q G, masks Q h w --thresholds--> fired slots --identity rule--> FramePrediction at the frame's own size
"""

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as functional
from jaxtyping import Float, Int
from torch import Tensor

from rcf.config import EvaluationConfig
from rcf.identity import IdentityRule, SavableRule, identity_rule
from rcf.structures import FramePrediction


class FrameReader:
    """Reads the frames of one video in order; online and batched inference share it."""

    def __init__(self, config: EvaluationConfig, rule: IdentityRule | None = None) -> None:
        """`rule`, at the start of its video, stands in for the one that `config` names."""
        self._config = config
        self._logit = math.log(config.mask_threshold / (1 - config.mask_threshold))
        self._rule: IdentityRule = identity_rule(config) if rule is None else rule

    def read(
        self,
        classes: Float[Tensor, "Q G"],
        masks: Float[Tensor, "Q h w"],
        codes: Float[Tensor, "Q D"],
        size: tuple[int, int],
    ) -> FramePrediction:
        """The next frame; `size` is (height, width) of the frame as it came."""
        probabilities = classes.float().softmax(-1)
        fired = fired_slots(probabilities, self._config.class_threshold)
        logits = masks[fired].float()
        assignment = self._rule.assign(fired.cpu(), (logits > self._logit).cpu(), codes.cpu())
        full = enlarge(logits, size) > self._logit
        return FramePrediction(
            slots=fired.cpu(),
            identities=assignment.identities,
            class_probabilities=probabilities[fired].cpu(),
            masks=full.cpu(),
            overridden=assignment.overridden,
        )

    def state_dict(self) -> dict[str, Tensor]:
        """What the rule of identity holds of the frames so far."""
        return self._savable().state_dict()

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from `state_dict`; the thresholds and the rule are those of the configuration."""
        self._savable().load_state_dict(state)

    def _savable(self) -> SavableRule:
        if not isinstance(self._rule, SavableRule):
            raise TypeError(f"{type(self._rule).__name__} cannot be saved in mid-video")
        return self._rule


def fired_slots(probabilities: Float[Tensor, "Q G"], threshold: float) -> Int[Tensor, " M"]:
    """Slots whose most probable category, "empty" left out, is above `threshold`."""
    return (probabilities[:, :-1].amax(-1) > threshold).nonzero()[:, 0]


def enlarge(logits: Float[Tensor, "M h w"], size: tuple[int, int]) -> Float[Tensor, "M H W"]:
    """Bilinear resize of mask logits; resizing logits keeps sub-pixel borders that resizing masks would lose."""
    if logits.shape[0] == 0:
        return torch.zeros(0, *size, dtype=logits.dtype, device=logits.device)
    return functional.interpolate(logits[None], size=size, mode="bilinear", align_corners=False)[0]
