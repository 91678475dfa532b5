"""Small networks and clips for the tests of rcf: real parts, narrow widths."""

from collections.abc import Callable
from functools import cache

import pytest
import torch

from rcf.config import AttentionConfig, BackboneConfig, MaskConfig, ModelConfig, ReferenceConfig
from rcf.model import build_network
from rcf.model.network import RCF


def _tiny_model(frames: int = 1, tokens: int | str = 4, pixel_weight: str = "predicted", **more: str) -> ModelConfig:
    """A network of a hundred thousand weights with all boxes of the figure."""
    attention = AttentionConfig(layers=2, heads=2, feedforward=32, dropout=0.0)
    knobs = {"frames": frames, "tokens": tokens, "pixel_weight": pixel_weight, **more}
    reference = ReferenceConfig.model_validate(knobs)
    return ModelConfig(
        backbone=BackboneConfig(name="test_efficientnet"),
        reference=reference,
        width=16,
        encoder=attention,
        decoder=attention,
        queries=5,
        mask=MaskConfig(fpn_width=16, filter_width=8),
    )


@pytest.fixture
def tiny_model() -> Callable[..., ModelConfig]:
    """(frames, tokens, pixel_weight, further fields of ReferenceConfig) -> configuration of a small network."""
    return _tiny_model


@pytest.fixture(scope="session")
def network_of() -> Callable[[ModelConfig], RCF]:
    """Configuration -> network of three categories in evaluation mode, built once: tests leave it as it is."""
    return cache(lambda config: build_network(config, categories=3, seed=0))


@pytest.fixture
def tiny_network() -> RCF:
    """Two reference frames, so that windows matter."""
    return build_network(_tiny_model(frames=2), categories=3, seed=0)


@pytest.fixture
def video() -> torch.Tensor:
    """Seven frames of 64 x 96, uint8."""
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (7, 3, 64, 96), dtype=torch.uint8, generator=generator)
