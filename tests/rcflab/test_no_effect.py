"""Arms that share a key are one and the same network, bit for bit: the parts keep what identity claims."""

from typing import Any

import pytest
import torch

from rcf.config import ModelConfig, RcfConfig
from rcf.model import build_network
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
