"""Every trainable weight gets a gradient in every step: ranks add them up, and one that is missing would hang all."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from rcf.config import LossConfig, ModelConfig
from rcf.loss.criterion import SetLoss
from rcf.model import build_network
from rcf.structures import FrameTargets

_VARIANTS: dict[str, dict[str, Any]] = {
    "no reference": {"reference": {"frames": 0}},
    "two references as tokens": {"reference": {"frames": 2, "merge": "token", "compression": "dwconv"}},
    "full references in the decoder": {"reference": {"tokens": "full", "join": "decoder"}},
    "one encoder for both": {"reference": {"tokens": "full", "join": "decoder", "encoder_pass": "shared"}},
    "learned positions and types": {"position": "learned", "token_types": True},
    "static weights": {"reference": {"pixel_weight": "static"}},
    "frozen stages": {"backbone": {"name": "resnet10t", "frozen_stages": 2, "norm": "frozen"}},
}


def _targets(instances: int) -> FrameTargets:
    masks = torch.zeros(instances, 64, 96, dtype=torch.bool)
    masks[:, 8:40, 8:40] = True
    return FrameTargets(torch.zeros(instances, dtype=torch.int64), masks, torch.arange(instances))


@pytest.mark.parametrize("instances", [0, 2])
@pytest.mark.parametrize("variant", _VARIANTS)
def test_every_trainable_weight_takes_part(
    tiny_model: Callable[..., ModelConfig], variant: str, instances: int
) -> None:
    plain = tiny_model().model_dump()
    parts = {
        name: {**plain[name], **value} if isinstance(value, dict) else value
        for name, value in _VARIANTS[variant].items()
    }
    network = build_network(ModelConfig.model_validate({**plain, **parts}), categories=3, seed=0).train()
    frames = torch.randint(0, 256, (1, network.references.frames + 1, 3, 64, 96), dtype=torch.uint8)
    SetLoss(LossConfig())(network(frames), [_targets(instances)]).total.backward()
    idle = [name for name, weight in network.named_parameters() if weight.requires_grad and weight.grad is None]
    assert idle == []
