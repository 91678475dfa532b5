"""Constants of layers and of whole backbones: known values, and never below what a random step shows."""

import math

import pytest
import torch
from torch import nn

from rcf.config import BackboneConfig
from rcf.diagnostics import spectral_norms
from rcf.diagnostics.graph_bound import graph_bound
from rcf.diagnostics.layer_constants import (
    UnboundedError,
    growing_norm,
    layer_constant,
    normalised_reach,
    pooling_norm,
)
from rcf.diagnostics.spectral_norms import convolution_bound
from rcf.model.backbone import Backbone


def constant(layer: nn.Module, shape: tuple[int, ...] = (1, 4, 8, 8)) -> float:
    return 10 ** layer_constant(layer.eval(), shape).log10


@pytest.mark.parametrize(
    ("layer", "value"),
    [
        (nn.ReLU(), 1.0),
        (nn.GELU(), 1.128904),
        (nn.GELU(approximate="tanh"), 1.128993),
        (nn.SiLU(), 1.099839),
        (nn.Hardswish(), 1.5),
        (nn.Sigmoid(), 0.25),
        (nn.LayerNorm(256), 316.227766),
        (nn.GroupNorm(2, 4), 316.227766),
        (nn.MaxPool2d(3, 2, 1), 2.0),
        (nn.MaxPool2d(2, 2), 1.0),
    ],
)
def test_layers_have_the_constants_of_the_literature(layer: nn.Module, value: float) -> None:
    assert value <= constant(layer) * (1 + 1e-9)
    assert constant(layer) == pytest.approx(value, rel=2e-6)


@pytest.mark.parametrize("kind", [nn.GELU, nn.SiLU, nn.Hardswish, nn.Sigmoid, nn.Hardsigmoid])
def test_no_slope_is_above_the_constant(kind: type[nn.Module]) -> None:
    points = torch.linspace(-8, 8, 20_001, dtype=torch.float64)
    values = kind()(points)
    assert float(((values[1:] - values[:-1]) / (points[1:] - points[:-1])).abs().max()) <= constant(kind())


def test_pooling_and_growing_are_exact() -> None:
    assert pooling_norm((12, 20), 2) == pytest.approx(0.12909944)
    assert pooling_norm((11, 19), 2) == pytest.approx(0.1462494, abs=1e-7)
    assert (pooling_norm((2, 2), 1), growing_norm(2)) == (pytest.approx(0.5), 2.0)


def test_a_token_behind_a_layer_norm_is_no_longer_than_said() -> None:
    layer = nn.LayerNorm(256).double()
    assert 10 ** normalised_reach(layer).log10 == pytest.approx(16.0)
    nn.init.normal_(layer.weight)
    nn.init.normal_(layer.bias)
    layer.requires_grad_(False)
    drawn = torch.randn(1000, 256, dtype=torch.float64) * torch.logspace(-3, 3, 1000, dtype=torch.float64)[:, None]
    assert float(layer(drawn).norm(dim=1).max()) <= 10 ** normalised_reach(layer).log10


def test_a_layer_of_which_nothing_is_known_is_refused() -> None:
    with pytest.raises(UnboundedError, match="no Lipschitz constant is known for LSTM"):
        layer_constant(nn.LSTM(2, 2), (1, 2, 2))


def test_powers_of_the_gram_matrix_bound_large_convolutions_too(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = nn.Conv2d(12, 9, 3, padding=1).double()
    exact = convolution_bound(layer, (6, 7))
    monkeypatch.setattr(spectral_norms, "_LARGE", 1)
    assert 1 - 1e-12 <= convolution_bound(layer, (6, 7)) / exact <= 1.02


@pytest.mark.parametrize("name", ["test_efficientnet", "test_resnet", "test_byobnet", "test_convnext"])
def test_no_step_moves_a_map_of_a_backbone_by_more_than_its_bound(name: str) -> None:
    torch.manual_seed(0)  # pyright: ignore[reportUnknownMemberType]
    backbone = Backbone(BackboneConfig(name=name)).eval()
    with torch.no_grad():
        for norm in backbone.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.running_var.uniform_(0.5, 2.0)  # pyright: ignore[reportOptionalMemberAccess]
                norm.weight.uniform_(0.5, 1.5)
    start = torch.randn(1, 3, 64, 96)
    step = torch.randn(1, 3, 64, 96)
    diameter = 2 * float(step.norm())
    found = graph_bound(backbone.body.network, backbone.body.levels, start, diameter)
    with torch.no_grad():
        for size in (1e-3, 1.0):
            maps = zip(backbone.pyramid(start), backbone.pyramid(start + size * step), found.maps, strict=True)
            for before, after, allowed in maps:
                moved = float((after - before).double().norm() / (size * step.double().norm()))
                assert math.log10(moved) <= allowed.log10
    assert len(found.modules) > 5


def test_a_backbone_whose_graph_is_not_known_has_no_bound() -> None:
    backbone = Backbone(BackboneConfig(name="swin_tiny_patch4_window7_224")).eval()
    with pytest.raises(UnboundedError, match="the graph of SwinTransformer depends on its input"):
        graph_bound(backbone.body.network, backbone.body.levels, torch.zeros(1, 3, 64, 64), 1.0)
