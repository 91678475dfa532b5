"""The bound of the whole network is above every secant, and says where it comes from."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from rcf.config import ModelConfig
from rcf.diagnostics.jacobian import jacobian_norm
from rcf.diagnostics.layer_constants import UnboundedError
from rcf.diagnostics.network_bound import network_bound
from rcf.diagnostics.window_map import WindowMap, differentiable
from rcf.model import build_network

CASES = {
    "one reference": {},
    "two references": {"frames": 2, "merge": "channel"},
    "no reference": {"frames": 0},
    "no pixel weight": {"pixel_weight": "none"},
    "all tokens": {"tokens": "full"},
}


def images(seed: int, frames: int) -> Tensor:
    drawn = torch.randint(0, 256, (frames, 3, 32, 48), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)
    return drawn.double()


@pytest.mark.parametrize("case", CASES)
def test_no_secant_and_no_jacobian_is_above_the_bound(tiny_model: Callable[..., ModelConfig], case: str) -> None:
    network = build_network(tiny_model(**CASES[case]), categories=2, seed=1).double().eval()
    first, second = (
        network.backbone.normalise(images(seed, network.references.frames + 1).to(torch.uint8)) for seed in (0, 1)
    )
    found = network_bound(network, first)
    with differentiable(network):
        function = WindowMap(network, "both", 1.0)
        with torch.no_grad():
            secant = float((function(second) - function(first)).norm() / (second - first).norm())
        norm = jacobian_norm(function, first).value
    assert math.log10(max(secant, norm)) < found.both.log10
    assert max(found.classes, found.masks) <= found.both
    assert 3 < found.both.log10 < 400, "vacuous, and finite"


def test_stages_follow_the_figure_and_layers_of_the_backbone_are_named(
    tiny_model: Callable[..., ModelConfig],
) -> None:
    network = build_network(tiny_model(), categories=2, seed=0).double().eval()
    found = network_bound(network, network.backbone.normalise(images(0, 2).to(torch.uint8)))
    assert [name for name, _ in found.stages] == [
        "backbone", "target tokens", "reference tokens", "encoder.0", "encoder.1", "decoder.0", "decoder.1",
        "decoder.norm", "pixels", "classes", "masks",
    ]  # fmt: skip
    assert [name for name, _ in found.stages][-1] == "masks"
    assert found.backbone[0].name.startswith("bn1") or "conv" in found.backbone[0].name


def test_parts_without_a_constant_are_named(tiny_model: Callable[..., ModelConfig]) -> None:
    network = build_network(tiny_model(compression="dwconv"), categories=2, seed=0).double().eval()
    with pytest.raises(UnboundedError, match="no bound is known for DepthwiseConvolution"):
        network_bound(network, network.backbone.normalise(images(0, 2).to(torch.uint8)))
