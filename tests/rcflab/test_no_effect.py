"""Arms that share a key are one and the same network and loss, bit for bit: the parts keep what identity claims."""

from typing import Any

import pytest
import torch

from rcf.config import LossConfig, ModelConfig, RcfConfig
from rcf.loss.criterion import SetLoss
from rcf.model import build_network
from rcf.structures import FrameTargets, Segmentation
from rcf.tensors import state_of
from rcflab.identity import Fingerprints, train_key

_SMALL = {
    "backbone": {"name": "resnet10t"},
    "width": 16,
    "encoder": {"layers": 1, "heads": 2, "feedforward": 32},
    "decoder": {"layers": 1, "heads": 2, "feedforward": 32},
    "mask": {"fpn_width": 16, "filter_width": 8},
}


def model_of(reference: dict[str, Any], audio: dict[str, Any] | None = None) -> ModelConfig:
    """A small network with these options."""
    return ModelConfig.model_validate({**_SMALL, "reference": reference, "audio": audio or {}})


def key_of(model: ModelConfig) -> str:
    """Its training at seed 0."""
    return train_key("rcf", RcfConfig(model=model).model_dump(mode="json"), 0, Fingerprints("", "", ""))


def answer_of(model: ModelConfig) -> dict[str, torch.Tensor]:
    """Weights, and what the network says of two target frames."""
    network = build_network(model, categories=3, seed=0)
    generator = torch.Generator().manual_seed(0)
    clip = torch.randint(0, 256, (1, model.reference.frames + 2, 3, 64, 96), dtype=torch.uint8, generator=generator)
    with torch.inference_mode():
        found = network(clip)
    return {**state_of(network), "answer.classes": found.classes, "answer.masks": found.masks}


@pytest.mark.parametrize(
    ("cause", "idle"),
    [
        (
            {"frames": 0},
            {
                "tokens": "full",
                "compression": "dwconv",
                "merge": "token",
                "pixel_weight": "static",
                "join": "decoder",
                "encoder_pass": "shared",
            },
        ),
        ({"frames": 2, "tokens": "full"}, {"compression": "dwconv", "merge": "token", "pixel_weight": "none"}),
        ({"frames": 1, "tokens": 4}, {"merge": "token"}),
        ({"frames": 1, "tokens": 4, "join": "decoder"}, {"merge": "token"}),
        ({"frames": 2, "join": "encoder"}, {"encoder_pass": "shared"}),
    ],
)
def test_options_that_keep_the_key_keep_every_bit_of_the_network(cause: dict[str, Any], idle: dict[str, Any]) -> None:
    one, two = model_of(cause), model_of({**cause, **idle})
    assert key_of(one) == key_of(two)
    first, second = answer_of(one), answer_of(two)
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


def test_options_of_a_silent_network_keep_every_bit_of_it() -> None:
    one = model_of({})
    two = model_of({}, {"features": "none", "mel_frames": 32, "causal": False, "lstm_width": 16})
    assert key_of(one) == key_of(two)
    first, second = answer_of(one), answer_of(two)
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


def test_the_stride_of_the_mask_terms_does_not_matter_on_random_points() -> None:
    generator = torch.Generator().manual_seed(0)
    answer = Segmentation(
        torch.randn(2, 1, 5, 4, generator=generator),
        torch.randn(2, 1, 5, 16, 24, generator=generator),
        torch.randn(1, 5, 8, generator=generator),
    )
    masks = torch.zeros(2, 64, 96, dtype=torch.bool)
    masks[0, 10:40, 10:40] = True
    masks[1, 30:60, 50:90] = True
    truth = [FrameTargets(torch.tensor([0, 2]), masks, torch.tensor([1, 2]))]
    found = [SetLoss(LossConfig(mask_points=50, mask_stride=stride))(answer, truth, seed=3) for stride in (4, 16)]
    assert found[0].total.item() == found[1].total.item()
