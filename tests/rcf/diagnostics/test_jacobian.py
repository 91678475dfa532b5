"""Local norms against the whole Jacobian of a tiny network, and against functions whose slope is known."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from rcf.config import ModelConfig
from rcf.diagnostics.golub_kahan import Effort
from rcf.diagnostics.jacobian import along_segment, integrated_step, jacobian_norm
from rcf.diagnostics.window_map import Part, WindowMap, differentiable, segment_window
from rcf.model import build_network
from rcf.model.network import RCF
from rcf.streaming import segment_video

PARTS: tuple[Part, ...] = ("classes", "masks", "both")
FINE = Effort(steps=40, tolerance=1e-6)


@pytest.fixture(scope="module")
def window() -> Tensor:
    return torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


@pytest.fixture
def network(tiny_model: Callable[..., ModelConfig]) -> RCF:
    return build_network(tiny_model(), categories=2, seed=0).double()


def test_the_map_answers_as_the_stream_does(tiny_network: RCF, video: Tensor) -> None:
    wanted = segment_video(tiny_network.eval(), video)
    with differentiable(tiny_network), torch.no_grad():
        images = tiny_network.backbone.normalise(video)
        found = segment_window(tiny_network, images[2:5])
    torch.testing.assert_close(found.masks[-1, 0], wanted.masks[-1, 4], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found.classes[-1, 0], wanted.classes[-1, 4], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("part", PARTS)
def test_the_norm_is_that_of_the_whole_jacobian(network: RCF, window: Tensor, part: Part) -> None:
    with differentiable(network):
        function = WindowMap(network, part, usual_area=4.0)
        whole = torch.autograd.functional.jacobian(function, window).flatten(1)
        found = jacobian_norm(function, window, FINE)
    assert found.converged
    assert found.value == pytest.approx(float(torch.linalg.matrix_norm(whole, 2)), rel=1e-6)


def test_parts_and_slots_bound_the_whole(network: RCF, window: Tensor) -> None:
    with differentiable(network):
        parts = {
            part: jacobian_norm(WindowMap(network, part, 4.0), window).value for part in ("classes", "masks", "both")
        }
        slots = [jacobian_norm(WindowMap(network, "both", 4.0, slot=slot), window).value for slot in range(5)]
    assert max(parts["classes"], parts["masks"]) <= parts["both"] * 1.001
    assert parts["both"] <= math.hypot(parts["classes"], parts["masks"]) * 1.001
    assert max(slots) <= parts["both"] * 1.001 <= 1.002 * math.hypot(*slots)


def test_a_borrowed_network_comes_back_as_it_was(tiny_network: RCF) -> None:
    tiny_network.train()
    learned = [weight.requires_grad for weight in tiny_network.parameters()]
    with pytest.raises(KeyError), differentiable(tiny_network):
        assert not tiny_network.training
        assert not any(weight.requires_grad for weight in tiny_network.parameters())
        raise KeyError
    assert tiny_network.training
    assert [weight.requires_grad for weight in tiny_network.parameters()] == learned
    assert torch.backends.mha.get_fastpath_enabled()


def test_a_linear_map_has_the_secant_of_its_singular_vectors() -> None:
    matrix = torch.randn(6, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    _, values, right = torch.linalg.svd(matrix)

    def function(point: Tensor) -> Tensor:
        return matrix @ point

    start = torch.zeros(4, dtype=torch.float64)
    found = along_segment(function, start, right[0])
    assert found is not None
    assert (found.secant, found.largest) == pytest.approx((float(values[0]),) * 2)
    assert (found.stable, found.undersampled) == (True, False)
    assert along_segment(function, start, start) is None
    flat = along_segment(lambda point: point[:1] * 0, start, right[0])
    assert flat is not None and (flat.secant, flat.largest) == (0.0, 0.0)


def test_a_steep_place_between_two_points_is_said_to_be_missed() -> None:
    def steep(point: Tensor) -> Tensor:
        return torch.sigmoid(100 * (point - 0.5))

    start, end = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    two = along_segment(steep, start, end, points=2, most=2)
    assert two is not None
    assert two.largest == pytest.approx(1.93e-20, rel=1e-2)
    assert (two.secant, two.undersampled, two.stable) == (pytest.approx(1.0), True, False)
    three = along_segment(steep, start, end, points=3, most=3)
    assert three is not None
    assert (three.largest, three.undersampled) == (pytest.approx(25.0), False)


def test_the_derivative_of_a_smooth_network_integrates_to_its_step() -> None:
    torch.manual_seed(0)  # pyright: ignore[reportUnknownMemberType]
    network = nn.Sequential(nn.Linear(5, 8), nn.GELU(), nn.Linear(8, 8), nn.GELU(), nn.Linear(8, 3)).double()
    start, end = torch.randn(2, 5, dtype=torch.float64)
    with torch.no_grad():
        wanted = network(end) - network(start)
    torch.testing.assert_close(integrated_step(network, start, end), wanted, rtol=0, atol=1e-10)


def test_an_operator_that_drops_its_derivative_is_refused() -> None:
    class Silent(torch.autograd.Function):
        @staticmethod
        def forward(point: Tensor) -> Tensor:
            return point.clone()

        @staticmethod
        def setup_context(ctx: object, inputs: tuple[object, ...], output: object) -> None: ...

        @staticmethod
        def backward(ctx: object, gradient: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
            return gradient

        @staticmethod
        def jvp(ctx: object, tangent: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
            return tangent * 0

    with pytest.raises(ValueError, match="not transposes"):
        jacobian_norm(lambda point: Silent.apply(point), torch.ones(3, dtype=torch.float64))  # pyright: ignore
