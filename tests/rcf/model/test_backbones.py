"""What every family of backbones must obey: one suite, run on a small member of each."""

import copy
import re
from collections.abc import Iterator

import pytest
import timm
import torch
from torch import Tensor, nn

from rcf.config import BackboneConfig
from rcf.errors import InputError
from rcf.model.backbone import STRIDES, Backbone, backbone_problems
from rcf.model.backbone_options import batch_norms, checkpoint_blocks, freeze_stages, stage_names
from rcf.model.weights import load_backbone_weights
from rcf.tensors import save_tensors, state_of

FAMILIES = {
    "ResNet": "resnet10t",
    "ResNet with bottlenecks": "test_resnet",
    "EfficientNet-Lite": "tf_efficientnet_lite0",
    "ConvNeXt": "test_convnext",
    "Swin": "swin_tiny_patch4_window7_224",
    "Swin V2": "swinv2_tiny_window8_256",
    "ViT": "test_vit",
    "ViT of 8 pixels": "vit_small_patch8_224",
    "DINOv2": "vit_small_patch14_dinov2",
    "DINOv3": "vit_small_patch16_dinov3",
}
FULL_SIZE = {
    "resnet50": (256, 512, 1024, 2048),
    "resnet101": (256, 512, 1024, 2048),
    "convnext_base": (128, 256, 512, 1024),
    "swin_base_patch4_window7_224": (128, 256, 512, 1024),
    "swin_large_patch4_window12_384": (192, 384, 768, 1536),
    "vit_base_patch16_224": (192, 384, 768, 768),
    "vit_base_patch14_dinov2": (192, 384, 768, 768),
    "vit_base_patch16_dinov3": (192, 384, 768, 768),
}
SIZES = [(64, 96), (50, 70), (33, 130)]


@pytest.fixture(scope="module", params=FAMILIES.values(), ids=FAMILIES.keys())
def shared(request: pytest.FixtureRequest) -> Iterator[Backbone]:
    torch.manual_seed(0)
    yield Backbone(BackboneConfig(name=request.param))


@pytest.fixture
def backbone(shared: Backbone) -> Backbone:
    """A backbone that a test may change; built once a family."""
    return copy.deepcopy(shared).eval()


def frames(count: int, height: int = 50, width: int = 70) -> Tensor:
    return torch.randint(0, 256, (count, 3, height, width), dtype=torch.uint8)


def name_of(backbone: Backbone) -> str:
    return backbone.body.network.pretrained_cfg["architecture"]


def answers_and_gradients(backbone: Backbone, images: Tensor) -> tuple[list[Tensor], dict[str, Tensor | None]]:
    maps = backbone(images)
    sum((level * level.detach().cos()).mean() for level in maps).backward()
    return list(maps), {name: weight.grad for name, weight in backbone.named_parameters()}


def test_maps_have_the_sizes_of_their_strides_rounded_up_for_any_image(backbone: Backbone) -> None:
    for height, width in SIZES:
        with torch.no_grad():
            maps = backbone(frames(1, height, width))
        wanted = [
            (1, count, -(-height // stride), -(-width // stride))
            for count, stride in zip(backbone.channels, STRIDES, strict=True)
        ]
        assert [tuple(level.shape) for level in maps] == wanted


def test_gradients_are_finite_and_reach_every_parameter(backbone: Backbone) -> None:
    """A parameter without a gradient would stop a training over several devices."""
    _, gradients = answers_and_gradients(backbone.train(), frames(2))
    assert [name for name, value in gradients.items() if value is None or not value.isfinite().all()] == []


def test_a_frame_is_described_alike_alone_and_among_others(backbone: Backbone) -> None:
    images = frames(2)
    with torch.no_grad():
        together, alone = backbone(images), [backbone(image[None]) for image in images]
    for level, parts in zip(together, zip(*alone, strict=True), strict=True):
        torch.testing.assert_close(level, torch.cat(parts), atol=1e-4, rtol=1e-4)


def test_training_mode_without_batch_norm_has_no_randomness(backbone: Backbone) -> None:
    """Stochastic depth is off in all families, also where timm has it on (Swin)."""
    for norm in batch_norms(backbone.train()):
        norm.eval()
    images = frames(1)
    with torch.no_grad():
        first, second = backbone(images), backbone(images)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_constants_are_those_of_the_weights(backbone: Backbone) -> None:
    settings = timm.get_pretrained_cfg(name_of(backbone))
    white = backbone.normalise(torch.full((1, 3, 2, 2), 255, dtype=torch.uint8))
    wanted = [(1 - mean) / std for mean, std in zip(settings.mean, settings.std, strict=True)]
    torch.testing.assert_close(white[0, :, 0, 0], torch.tensor(wanted))


def test_activations_computed_again_give_the_same_answers_gradients_and_statistics(backbone: Backbone) -> None:
    plain, thrifty = backbone.train(), copy.deepcopy(backbone).train()
    checkpoint_blocks(thrifty.body)
    images = frames(2)
    kept: dict[str, int] = {}
    found: dict[str, tuple[list[Tensor], dict[str, Tensor | None]]] = {}
    for label, each in (("plain", plain), ("thrifty", thrifty)):
        sizes: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(lambda x, sizes=sizes: sizes.append(x.numel()) or x, lambda x: x):
            found[label] = answers_and_gradients(each, images)
        kept[label] = sum(sizes)
    torch.testing.assert_close(found["thrifty"], found["plain"], atol=0, rtol=0)
    torch.testing.assert_close(state_of(thrifty), state_of(plain), atol=0, rtol=0)
    assert kept["thrifty"] < kept["plain"] / 2


def test_frozen_stages_do_not_move_and_the_others_do(backbone: Backbone) -> None:
    held = {f"body.network.{name}" for stage in stage_names(backbone.body)[:3] for name in stage}
    backbone._frozen = freeze_stages(backbone.body, 3)
    before = copy.deepcopy(state_of(backbone.train()))
    _, gradients = answers_and_gradients(backbone, frames(2))
    assert {name for name, value in gradients.items() if value is None} == held
    prefixes = tuple({name.rsplit(".", 1)[0] + ".running" for name in held})
    moved = {name for name, value in state_of(backbone).items() if not torch.equal(value, before[name])}
    assert [name for name in moved if name.startswith(prefixes)] == []


def test_the_five_stages_hold_every_parameter_of_the_network_once(backbone: Backbone) -> None:
    stages = stage_names(backbone.body)
    names = [name for stage in stages for name in stage]
    assert sorted(names) == sorted(name for name, _ in backbone.body.network.named_parameters())
    assert all(stages)


def test_names_are_those_of_timm_and_a_few_of_ours(backbone: Backbone) -> None:
    """So that files of timm's weights fit, whatever is in the head of timm's network."""
    with torch.device("meta"):
        timms = {name: value.shape for name, value in timm.create_model(name_of(backbone)).state_dict().items()}
    own = re.compile(r"body\.(norms|levels)\.\d+\.")
    others = {name: value.shape for name, value in state_of(backbone).items() if not own.match(name)}
    assert others == {
        f"body.network.{name}": shape for name, shape in timms.items() if f"body.network.{name}" in others
    }


@pytest.mark.parametrize("ours", [True, False], ids=["our names", "names of timm"])
def test_weights_come_back_from_a_file(
    backbone: Backbone, ours: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("weights") / "weights.safetensors"
    source = backbone.body if ours else backbone.body.network
    save_tensors(state_of(source) | ({} if ours else {"head.fc.weight": torch.zeros(3)}), path)
    other = copy.deepcopy(backbone)
    for weight in other.parameters():
        nn.init.constant_(weight, 0.5)
    load_backbone_weights(other.body, BackboneConfig(name=name_of(backbone), weights=f"file:{path}"))
    found = other.body if ours else other.body.network
    torch.testing.assert_close(state_of(found), state_of(source), atol=0, rtol=0)


@pytest.mark.parametrize(("name", "channels"), FULL_SIZE.items())
def test_networks_of_full_size_have_no_problems_and_the_same_sizes(name: str, channels: tuple[int, ...]) -> None:
    with torch.device("meta"):
        backbone = Backbone(BackboneConfig(name=name, frozen_stages=1, gradient_checkpointing=True))
        maps = backbone(torch.zeros(1, 3, 360, 640, dtype=torch.uint8))
    assert [tuple(level.shape[2:]) for level in maps] == [(90, 160), (45, 80), (23, 40), (12, 20)]
    assert tuple(level.shape[1] for level in maps) == backbone.channels == channels


@pytest.mark.parametrize("name", ["mixer_s16_224", "maxvit_tiny_tf_224", "csatv2"])
def test_a_network_of_one_input_size_or_of_other_strides_is_refused_before_training(name: str) -> None:
    found = backbone_problems(BackboneConfig(name=name))
    assert [problem.place for problem in found] == ["model.backbone.name"]
    assert name in str(found[0])


def test_the_start_of_a_backbone_depends_on_the_random_stream_only() -> None:
    found: list[Backbone] = []
    for _ in range(2):
        torch.manual_seed(3)
        found.append(Backbone(BackboneConfig(name="resnet10t")))
    torch.testing.assert_close(state_of(found[0]), state_of(found[1]), atol=0, rtol=0)


def test_an_unknown_tag_names_the_tags_there_are() -> None:
    with pytest.raises(InputError, match=r"resnet50\.a1_in1k"):
        Backbone(BackboneConfig(name="resnet50.best"))
