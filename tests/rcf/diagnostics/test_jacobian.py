"""Local norms against the whole Jacobian of a tiny network, and against functions whose slope is known."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from rcf.config import AudioConfig, ModelConfig
from rcf.diagnostics.golub_kahan import Effort
from rcf.diagnostics.jacobian import along_segment, integrated_step, jacobian_norm
from rcf.diagnostics.window_map import Part, Window, WindowMap, differentiable, segment_window
from rcf.model import build_network
from rcf.model.network import RCF
from rcf.sound import MEL_BINS
from rcf.streaming import segment_video

PARTS: tuple[Part, ...] = ("classes", "masks", "both")
FINE = Effort(steps=40, tolerance=1e-6)


@pytest.fixture(scope="module")
def window() -> Window:
    return Window(torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(3), dtype=torch.float64))


def listening(tiny_model: Callable[..., ModelConfig]) -> tuple[RCF, Window]:
    """With a window of its own, which sounds."""
    audio = AudioConfig(features="small", mel_frames=16, lstm_width=8)
    drawn = torch.Generator().manual_seed(4)
    window = Window(
        torch.randn(2, 3, 16, 16, generator=drawn, dtype=torch.float64),
        torch.randn(2, 16, MEL_BINS, generator=drawn, dtype=torch.float64),
    )
    network = build_network(tiny_model().model_copy(update={"audio": audio}), categories=2, seed=0)
    return network.double(), window


@pytest.fixture
def network(tiny_model: Callable[..., ModelConfig]) -> RCF:
    return build_network(tiny_model(), categories=2, seed=0).double()


def test_the_map_answers_as_the_stream_does(tiny_network: RCF, video: Tensor) -> None:
    wanted = segment_video(tiny_network.eval(), video)
    with differentiable(tiny_network), torch.no_grad():
        images = tiny_network.backbone.normalise(video)
        found = segment_window(tiny_network, Window(images[2:5]))
    torch.testing.assert_close(found.masks[-1, 0], wanted.masks[-1, 4], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found.classes[-1, 0], wanted.classes[-1, 4], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("part", PARTS)
def test_the_norm_is_that_of_the_whole_jacobian(network: RCF, window: Window, part: Part) -> None:
    with differentiable(network):
        function = WindowMap(network, part, 4.0, window)
        whole = torch.autograd.functional.jacobian(function, window.stacked)
        found = jacobian_norm(function, window.stacked, FINE)
    assert found.converged
    assert found.value == pytest.approx(float(torch.linalg.matrix_norm(whole, 2)), rel=1e-6)


def test_sound_is_a_part_of_the_point(tiny_model: Callable[..., ModelConfig]) -> None:
    network, window = listening(tiny_model)
    assert window.sound is not None
    with differentiable(network):
        function = WindowMap(network, "both", 4.0, window)
        whole = torch.autograd.functional.jacobian(function, window.stacked)
        found = jacobian_norm(function, window.stacked, FINE)
    assert found.value == pytest.approx(float(torch.linalg.matrix_norm(whole, 2)), rel=1e-6)
    of_sound = whole[:, window.images.numel() :]
    assert of_sound.shape[1] == window.sound.numel()
    assert float(of_sound.abs().max()) > 0


def test_sound_has_a_derivative_in_single_precision_and_libraries_are_back_after(
    tiny_model: Callable[..., ModelConfig],
) -> None:
    """In double precision torch takes no library for the LSTM: that would prove nothing."""
    network, window = listening(tiny_model)
    assert window.sound is not None
    single = Window(window.images.float(), window.sound.float())
    libraries = torch.backends.mkldnn.enabled, torch.backends.cudnn.enabled
    with differentiable(network.float()):
        found = jacobian_norm(WindowMap(network, "both", 4.0, single), single.stacked)
    with differentiable(network.double()):
        wanted = jacobian_norm(WindowMap(network, "both", 4.0, window), window.stacked)
    assert found.value == pytest.approx(wanted.value, rel=1e-3)
    assert (torch.backends.mkldnn.enabled, torch.backends.cudnn.enabled) == libraries


def test_a_window_comes_back_from_its_vector(tiny_model: Callable[..., ModelConfig]) -> None:
    _, window = listening(tiny_model)
    again = window.unstacked(window.stacked)
    assert again.sound is not None and window.sound is not None
    assert torch.equal(again.images, window.images)
    assert torch.equal(again.sound, window.sound)


def test_parts_and_slots_bound_the_whole(network: RCF, window: Window) -> None:
    def norm(part: Part, slot: int | None = None) -> float:
        return jacobian_norm(WindowMap(network, part, 4.0, window, slot), window.stacked).value

    with differentiable(network):
        parts = {part: norm(part) for part in PARTS}
        slots = [norm("both", slot) for slot in range(5)]
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
