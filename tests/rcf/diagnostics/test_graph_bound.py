"""Bounds of backbones with gates and of ConvNeXts: above every step and Jacobian, and not exponential in depth."""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from timm.layers.grn import GlobalResponseNorm
from timm.layers.norm_act import GroupNormAct
from timm.models.convnext import ConvNeXt
from torch import Tensor, nn

from rcf.config import BackboneConfig
from rcf.diagnostics.golub_kahan import Effort
from rcf.diagnostics.graph_bound import GraphBound, graph_bound
from rcf.diagnostics.jacobian import jacobian_norm
from rcf.diagnostics.layer_constants import UnboundedError, layer_constant
from rcf.model.backbone import Backbone
from rcf.model.backbone_body import HierarchicalBody
from rcf.tensors import length, seed_globally

LOW, HIGH = -2.1, 2.6
"""The domain: every pixel is between them."""
SIZE = (1, 3, 32, 32)


class Gated(nn.Module):
    """A convolution, squeeze and excitation, and a shortcut."""

    def __init__(self, width: int, scale: float, shortcut: bool = True) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(width, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.activation = nn.Hardswish()
        self.reduce, self.expand = nn.Conv2d(width, 2, 1), nn.Conv2d(2, width, 1)
        self.inner, self.gate = nn.ReLU(), nn.Sigmoid()
        self.shortcut = shortcut
        with torch.no_grad():
            for layer in (self.convolution, self.reduce, self.expand):
                layer.weight.mul_(scale)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.activation(self.norm(self.convolution(images)))
        gate = self.gate(self.expand(self.inner(self.reduce(maps.mean((2, 3), keepdim=True)))))
        return images + maps * gate if self.shortcut else maps * gate


class Plain(nn.Module):
    """A chain of parts in timm's manner: one map, the last."""

    def __init__(self, *parts: nn.Module) -> None:
        super().__init__()
        self.parts = nn.Sequential(*parts)

    def forward_intermediates(
        self, images: Tensor, *, indices: Sequence[int], norm: bool, intermediates_only: bool
    ) -> list[Tensor]:
        assert (indices, norm, intermediates_only) == ([0], False, True)
        return [self.parts(images)]


class Made(nn.Module):
    """A part made of a function."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function
        self.anchor = nn.Identity()  # with a part of its own it is followed, and no layer

    def forward(self, images: Tensor) -> Tensor:
        return self.function(images)


def images(seed: int, kind: str) -> Tensor:
    """Inside of the domain, at one of its corners, or of one colour."""
    drawn = torch.rand(SIZE, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    share = {"inside": drawn, "corner": drawn.round(), "edge": drawn[:, :, :1, :1].expand(SIZE).round()}[kind]
    return LOW + (HIGH - LOW) * share


def bound(network: nn.Module, start: Tensor, levels: Sequence[int] = (0,)) -> GraphBound:
    diameter = length(torch.maximum(start - LOW, HIGH - start))
    return graph_bound(network, levels, start, diameter)


def convnext(**options: object) -> nn.Module:
    network = ConvNeXt(depths=(1, 1, 1, 1), dims=(8, 12, 16, 20), num_classes=0, **options)  # pyright: ignore[reportArgumentType]
    for name, weight in network.named_parameters():
        if name.endswith(("gamma", "grn.weight", "grn.bias", "norm.weight")):
            nn.init.uniform_(weight, -1.0, 1.0)
    return network


def squeezing(seed: int) -> nn.Module:
    network = Plain(*(Gated(3, 2.0, shortcut=number % 2 == 0) for number in range(3)))
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.weight, -2.0, 2.0)
            nn.init.uniform_(part.bias, -2.0, 2.0)
            part.running_var = torch.rand(3) + 0.3
            part.running_mean = torch.randn(3)
    return network


NETWORKS: dict[str, Callable[[int], nn.Module]] = {
    "squeeze and excitation": squeezing,
    "ConvNeXt": lambda _: convnext(),
    "ConvNeXt of 1x1 convolutions": lambda _: convnext(conv_mlp=True, drop_path_rate=0.1),
    "ConvNeXt 2": lambda _: convnext(use_grn=True, ls_init_value=None),
}


@pytest.mark.parametrize(("kind", "seed"), itertools.product(NETWORKS, range(3)))
def test_no_step_and_no_jacobian_in_the_domain_is_above_the_bound(kind: str, seed: int) -> None:
    seed_globally(seed)
    network = NETWORKS[kind](seed).double().eval().requires_grad_(False)
    levels = [0] if isinstance(network, Plain) else [0, 1, 2, 3]
    starts = [images(seed, each) for each in ("inside", "corner", "edge")]
    ends = [images(seed + 10, "inside"), images(seed + 10, "corner"), LOW + HIGH - starts[-1]]
    ends += [start + 1e-4 * torch.randn(SIZE, dtype=torch.float64) for start in starts]
    found = bound(network, starts[0], levels)

    def maps(point: Tensor) -> list[Tensor]:
        timm_network: Any = network
        return timm_network.forward_intermediates(point, indices=levels, norm=False, intermediates_only=True)

    def of(level: int) -> Callable[[Tensor], Tensor]:
        return lambda point: maps(point)[level]

    for start, end in itertools.product(starts, ends):
        for before, after, allowed in zip(maps(start), maps(end), found.maps, strict=True):
            assert math.log10(length(after - before) / length(end - start)) <= allowed.log10
    for start in starts:
        for level, allowed in enumerate(found.maps):
            assert math.log10(jacobian_norm(of(level), start, Effort(8, (0,))).value) <= allowed.log10


@pytest.mark.parametrize("scale", [0.2, 1.0])
def test_gates_one_behind_the_other_do_not_square_the_bound(scale: float) -> None:
    def log(depth: int) -> float:
        seed_globally(0)
        network = Plain(*(Gated(3, scale, shortcut=False) for _ in range(depth))).double().eval()
        return bound(network, images(0, "inside")).maps[0].log10

    found = {depth: log(depth) for depth in (8, 16, 32, 64)}
    if scale < 1:  # convolutions that do not lengthen
        assert found[64] - found[32] == pytest.approx(2 * (found[32] - found[16]), rel=0.1), "linear"
    # A quadratic polynomial of the depth at most: one that squared with every gate would be 2 ** 32 times as large.
    assert abs(found[64]) <= 4.5 * abs(found[32]) <= 4.5**2 * abs(found[16])


def test_real_networks_with_gates_stay_below_a_thousand_decades() -> None:
    seed_globally(0)
    backbone = Backbone(BackboneConfig(name="efficientnet_b0")).eval()
    assert isinstance(backbone.body, HierarchicalBody)
    found = bound(backbone.body.network, torch.zeros(1, 3, 64, 64), backbone.body.levels)
    assert found.maps[-1].log10 < 400, "267866 where each gate squares what is before it"


def test_a_layer_scale_counts_its_largest_entry() -> None:
    network = Plain(Scaled(torch.tensor([0.5, -3.0, 1.0])))
    assert bound(network.eval(), torch.zeros(SIZE)).maps[0].log10 == pytest.approx(math.log10(3))


class Scaled(nn.Module):
    """As ConvNeXt does it."""

    def __init__(self, gain: Tensor) -> None:
        super().__init__()
        self.gain = nn.Parameter(gain)
        self.anchor = nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        return images.permute(0, 2, 3, 1).mul(self.gain).permute(0, 3, 1, 2)


CASES: dict[str, tuple[Callable[[Tensor], Tensor], float]] = {
    "twice the same": (lambda x: x + x, 2.0),
    "stacked twice": (lambda x: torch.cat([x, x], 1), math.sqrt(2)),
    "a number": (lambda x: 3 * x - 1.0, 3.0),
    "a mean that is spread": (lambda x: x + x.mean((2, 3), keepdim=True), 2.0),
    "a part": (lambda x: x[:, 1:], 1.0),
}


@pytest.mark.parametrize("case", CASES)
def test_operations_have_the_constants_of_their_figures(case: str) -> None:
    function, value = CASES[case]
    found = bound(Plain(Made(function)), images(0, "inside"))
    assert 10 ** found.maps[0].log10 == pytest.approx(value)


def test_a_square_counts_its_input_at_the_far_end_of_the_domain() -> None:
    start = torch.zeros(SIZE, dtype=torch.float64)
    found = bound(Plain(Made(lambda x: x * x)), start)
    assert 2 * HIGH <= 10 ** found.maps[0].log10 <= 4 * HIGH * math.sqrt(start.numel())


REFUSED: dict[str, Callable[[Tensor], Tensor]] = {
    "a sum with a factor": lambda x: torch.add(x, x, alpha=5),
    "one channel twice": lambda x: x[:, [0, 0]],
    "a function that is not listed": lambda x: x.exp(),
}


@pytest.mark.parametrize("case", REFUSED)
def test_operations_that_are_not_known_are_refused(case: str) -> None:
    with pytest.raises(UnboundedError, match="no Lipschitz constant is known for"):
        bound(Plain(Made(REFUSED[case])), images(0, "inside"))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_response_norm_bound_is_near_what_one_loud_channel_reaches(count: int) -> None:
    layer = GlobalResponseNorm(count, channels_last=False).double()
    nn.init.ones_(layer.weight)
    layer.requires_grad_(False)
    loud = torch.full((1, count, 2, 3), 1e-4, dtype=torch.float64)
    loud[:, 0] = 1e3
    drawn = [torch.randn(1, count, 2, 3, dtype=torch.float64) * 10.0**power for power in (-3, 0, 3)]
    allowed = 10 ** layer_constant(layer, ()).log10
    reached = [jacobian_norm(layer, point).value for point in (loud, *drawn)]
    assert count**1.5 - 1 <= max(reached) <= allowed


def test_grown_maps_and_a_norm_with_its_activation_have_both_factors() -> None:
    growing = nn.Upsample(scale_factor=2.0, mode="nearest")
    assert layer_constant(growing, ()).log10 == pytest.approx(math.log10(2))
    norm = GroupNormAct(4, 2, act_layer=nn.SiLU)
    assert layer_constant(norm, ()).log10 == pytest.approx(math.log10(1.09984 / math.sqrt(1e-5)))
