"""The bound of the whole network is above every secant, and says where it comes from."""

import math
from collections.abc import Callable

import pytest
import torch

from rcf.config import AudioConfig, ModelConfig
from rcf.diagnostics.jacobian import jacobian_norm
from rcf.diagnostics.layer_constants import UnboundedError
from rcf.diagnostics.network_bound import network_bound
from rcf.diagnostics.window_map import Window, WindowMap, differentiable
from rcf.model import build_network
from rcf.model.audio import NoAudio
from rcf.model.network import RCF
from rcf.sound import MEL_BINS

CASES = {
    "one reference": {},
    "two references": {"frames": 2, "merge": "channel"},
    "no reference": {"frames": 0},
    "no pixel weight": {"pixel_weight": "none"},
    "all tokens": {"tokens": "full"},
}


def window(network: RCF, seed: int) -> Window:
    frames, drawn = network.references.frames + 1, torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (frames, 3, 32, 48), generator=drawn, dtype=torch.uint8)
    sound = 3 * torch.randn(frames, 16, MEL_BINS, generator=drawn, dtype=torch.float64)
    return Window(network.backbone.normalise(images), None if isinstance(network.audio, NoAudio) else sound)


def listening(model: ModelConfig) -> ModelConfig:
    return model.model_copy(update={"audio": AudioConfig(features="small", mel_frames=16, lstm_width=8)})


@pytest.mark.parametrize("case", [*CASES, "sound"])
def test_no_secant_and_no_jacobian_is_above_the_bound(tiny_model: Callable[..., ModelConfig], case: str) -> None:
    model = listening(tiny_model()) if case == "sound" else tiny_model(**CASES[case])
    network = build_network(model, categories=2, seed=1).double().eval()
    first, second = (window(network, seed) for seed in (0, 1))
    found = network_bound(network, first)
    with differentiable(network):
        function = WindowMap(network, "both", 1.0, first)
        here, there = first.stacked, second.stacked
        with torch.no_grad():
            secant = float((function(there) - function(here)).norm() / (there - here).norm())
        norm = jacobian_norm(function, here).value
    assert math.log10(max(secant, norm)) < found.both.log10
    assert max(found.classes, found.masks) <= found.both
    assert 3 < found.both.log10 < 400, "vacuous, and finite"


def test_stages_follow_the_figure_and_layers_of_the_backbone_are_named(
    tiny_model: Callable[..., ModelConfig],
) -> None:
    network = build_network(tiny_model(), categories=2, seed=0).double().eval()
    found = network_bound(network, window(network, 0))
    assert [name for name, _ in found.stages] == [
        "backbone", "target tokens", "reference tokens", "encoder.0", "encoder.1", "decoder.0", "decoder.1",
        "decoder.norm", "pixels", "classes", "masks",
    ]  # fmt: skip
    assert [name for name, _ in found.stages][-1] == "masks"
    assert found.backbone[0].name.startswith("bn1") or "conv" in found.backbone[0].name


def test_parts_without_a_constant_are_named(tiny_model: Callable[..., ModelConfig]) -> None:
    network = build_network(tiny_model(compression="dwconv"), categories=2, seed=0).double().eval()
    with pytest.raises(UnboundedError, match="no bound is known for DepthwiseConvolution"):
        network_bound(network, window(network, 0))


def test_sound_has_a_stage_of_its_own(tiny_model: Callable[..., ModelConfig]) -> None:
    network = build_network(listening(tiny_model()), categories=2, seed=0).double().eval()
    assert "audio tokens" in [name for name, _ in network_bound(network, window(network, 0)).stages]
