"""The network as the paper draws it: shapes, tokens, windows, folding, weights."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from rcf.config import BackboneConfig, ModelConfig
from rcf.errors import InputError
from rcf.model import build_network
from rcf.model.backbone import STRIDES, Backbone, backbone_problems
from rcf.model.mask_head import DynamicMasks
from rcf.model.position import SinePositions
from rcf.model.reference import ChannelMerge, CompressedReferences, Pooling, PredictedWeight

Tiny = Callable[..., ModelConfig]


@pytest.mark.parametrize("frames", [0, 1, 3, 5])
@pytest.mark.parametrize("tokens", [1, 4, 16, 64])
def test_every_knob_gives_one_answer_per_target_frame(frames: int, tokens: int, tiny_model: Tiny) -> None:
    network = build_network(tiny_model(frames, tokens), categories=3, seed=0)
    clips = torch.randint(0, 256, (2, frames + 2, 3, 64, 96), dtype=torch.uint8)
    answer = network(clips)
    assert answer.classes.shape == (2, 4, 5, 4)
    assert answer.masks.shape == (2, 4, 5, 16, 24)


def test_reference_frames_change_the_answer(tiny_model: Tiny) -> None:
    network = build_network(tiny_model(frames=1), categories=3, seed=0)
    clip = torch.randint(0, 256, (1, 2, 3, 64, 96), dtype=torch.uint8)
    other = clip.clone()
    other[:, 0] = 255 - other[:, 0]
    assert not torch.allclose(network(clip).masks, network(other).masks, atol=1e-5)


def test_pixel_weight_acts_before_the_pooling() -> None:
    """Equation 2: weight first. A weight that is zero on the left half leaves the right half's mean only."""
    merge = ChannelMerge(1, 2, 4, SinePositions(4))
    references = CompressedReferences(1, PredictedWeight(2), Pooling(1), merge)
    predict = references.weight.predict
    with torch.no_grad():
        predict.weight.copy_(torch.tensor([50.0, 0.0]).view(1, 2, 1, 1))
        predict.bias.zero_()
    features = torch.ones(1, 2, 4, 4)
    features[:, 0, :, :2] = -1.0
    features[:, 1, :, :2] = 8.0
    kept = references.compress(features)
    assert kept[0, 1, 0, 0].item() == pytest.approx(0.5, abs=1e-6)


def test_the_last_convolution_is_folded_into_the_filters_exactly() -> None:
    """masks = filters . (W x + b), computed as (filters W) . x + filters . b."""
    head = DynamicMasks(code_width=6, pixel_width=10, filter_width=7).double()
    codes = torch.randn(2, 3, 4, 6, dtype=torch.float64)
    pixels = torch.randn(3, 10, 5, 8, dtype=torch.float64)
    plain = torch.einsum("snqf,nfhw->snqhw", head.filters(codes), head.project(pixels))
    torch.testing.assert_close(head(codes, pixels), plain, atol=1e-12, rtol=1e-12)


def test_sine_positions_equal_the_formula_of_detr() -> None:
    found = SinePositions(8)(3, 5, like=torch.zeros(1)).view(3, 5, 8)
    row, column = 1, 4
    for axis, position, length in ((0, row, 3), (1, column, 5)):
        for pair in range(2):
            angle = (position + 1) / length * 2 * np.pi / 10000 ** (2 * pair / 4)
            values = found[row, column, 4 * axis + 2 * pair : 4 * axis + 2 * pair + 2]
            np.testing.assert_allclose(values.numpy(), [np.sin(angle), np.cos(angle)], atol=1e-6)


@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", "resnet10t", "convnext_atto"])
def test_backbones_have_four_maps_at_the_four_strides(name: str) -> None:
    backbone = Backbone(BackboneConfig(name=name)).eval()
    maps = backbone(torch.zeros(1, 3, 64, 96, dtype=torch.uint8))
    assert [level.shape[-2:] for level in maps] == [(64 // stride, 96 // stride) for stride in STRIDES]
    assert tuple(level.shape[1] for level in maps) == backbone.channels


def test_the_packaged_weights_fill_every_tensor_of_the_backbone() -> None:
    random = Backbone(BackboneConfig())
    packaged = Backbone(BackboneConfig(weights="package:efficientnet-lite0"))
    same = [
        name
        for (name, a), b in zip(random.body.named_parameters(), packaged.body.parameters(), strict=True)
        if a.dim() > 1 and torch.equal(a, b)
    ]
    assert same == []


def test_weights_from_a_file_are_the_ones_of_the_file(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("weights") / "resnet.safetensors"
    source = Backbone(BackboneConfig(name="resnet10t"))
    save_file({name: value.contiguous() for name, value in source.body.state_dict().items()}, path)
    loaded = Backbone(BackboneConfig(name="resnet10t", weights=f"file:{path}"))
    assert all(
        torch.equal(a, b)
        for a, b in zip(source.body.state_dict().values(), loaded.body.state_dict().values(), strict=True)
    )


@pytest.mark.parametrize(
    ("config", "place"),
    [
        (BackboneConfig(name="resnet_none"), "model.backbone.name"),
        (BackboneConfig(weights="internet"), "model.backbone.weights"),
        (BackboneConfig(name="resnet10t", weights="package:efficientnet-lite0"), "model.backbone.weights"),
        (BackboneConfig(weights="file:/nowhere.safetensors"), "model.backbone.weights"),
    ],
)
def test_a_backbone_that_is_not_to_be_had_names_the_field(config: BackboneConfig, place: str) -> None:
    with pytest.raises(InputError) as caught:
        Backbone(config)
    assert [problem.place for problem in caught.value.problems] == [place]


def test_frozen_norms_stay_frozen_in_training_mode() -> None:
    backbone = Backbone(BackboneConfig(name="resnet10t", norm="frozen")).train()
    before = {name: value.clone() for name, value in backbone.body.state_dict().items() if "running" in name}
    backbone(torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8))
    assert all(torch.equal(value, backbone.body.state_dict()[name]) for name, value in before.items())


def test_a_backbone_of_one_input_size_is_refused_before_training() -> None:
    found = backbone_problems(BackboneConfig(name="swin_tiny_patch4_window7_224"))
    assert [problem.place for problem in found] == ["model.backbone.name"]


def test_weights_of_another_network_or_no_weights_at_all_are_input_errors(tmp_path: Path) -> None:
    (tmp_path / "torn.safetensors").write_bytes(b"no tensors")
    save_file({"conv1.weight": torch.zeros(1)}, tmp_path / "other.safetensors")
    for name in ("torn", "other"):
        found = backbone_problems(BackboneConfig(name="resnet10t", weights=f"file:{tmp_path / name}.safetensors"))
        assert len(found) == 1
