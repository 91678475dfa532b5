"""Frozen norms, frozen stages, checkpointing: the switches of the configuration, in all modes."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from rcf.config import BackboneConfig
from rcf.model.backbone import Backbone, backbone_problems
from rcf.model.backbone_body import PlainBody
from rcf.model.backbone_options import batch_norms, stage_names
from rcf.tensors import state_of

FRAMES = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def resnet(**options: object) -> Backbone:
    torch.manual_seed(0)
    return Backbone(BackboneConfig.model_validate({"name": "resnet10t", **options}))


def test_frozen_norms_keep_their_statistics_in_training_mode_and_do_not_learn() -> None:
    backbone = resnet(norm="frozen").eval().train()
    before = {name: value.clone() for name, value in state_of(backbone).items() if "running" in name}
    backbone(FRAMES)
    assert all(torch.equal(value, state_of(backbone)[name]) for name, value in before.items())
    assert not any(weight.requires_grad for norm in batch_norms(backbone) for weight in norm.parameters())


def test_a_new_backbone_has_its_frozen_parts_asleep_before_anyone_sets_a_mode() -> None:
    assert not any(norm.training for norm in batch_norms(resnet(norm="frozen")))
    assert not any(module.training for module in resnet(frozen_stages=5).body.network.modules())


def test_norms_that_are_not_frozen_follow_the_batch() -> None:
    backbone = resnet().train()
    before = {name: value.clone() for name, value in state_of(backbone).items() if "running_mean" in name}
    backbone(FRAMES)
    assert not any(torch.equal(value, state_of(backbone)[name]) for name, value in before.items())


@pytest.mark.parametrize("count", range(6))
def test_stages_are_frozen_from_the_input_on(count: int) -> None:
    backbone = resnet(frozen_stages=count).train()
    learns = [
        {backbone.body.network.get_parameter(name).requires_grad for name in stage}
        for stage in stage_names(backbone.body)
    ]
    assert learns == [{False}] * count + [{True}] * (5 - count)
    asleep = [not any(norm.training for norm in batch_norms(stage)) for stage in stages_of_resnet(backbone)]
    assert asleep == [True] * count + [False] * (5 - count)


def stages_of_resnet(backbone: Backbone) -> list[nn.Module]:
    network = backbone.body.network
    return [nn.ModuleList([network.conv1, network.bn1]), network.layer1, network.layer2, network.layer3, network.layer4]


def test_tokens_and_positions_of_a_transformer_are_frozen_with_its_stem() -> None:
    with torch.device("meta"):
        backbone = Backbone(BackboneConfig(name="vit_small_patch16_dinov3", frozen_stages=1))
    network = backbone.body.network
    assert not network.reg_token.requires_grad
    assert not network.cls_token.requires_grad
    assert all(weight.requires_grad for weight in network.blocks.parameters())


def test_a_whole_frozen_transformer_still_learns_its_pyramid() -> None:
    backbone = Backbone(BackboneConfig(name="test_vit", frozen_stages=5)).train()
    sum(level.square().mean() for level in backbone(FRAMES)).backward()
    assert {name.split(".")[1] for name, weight in backbone.named_parameters() if weight.grad is not None} == {"levels"}


def test_options_change_no_name_of_a_tensor() -> None:
    plain = list(state_of(resnet()))
    assert plain == list(state_of(resnet(norm="frozen", frozen_stages=2, gradient_checkpointing=True)))


def test_checkpointing_forgets_activations_while_training_only() -> None:
    """What is saved for the backward pass: much less in training mode, the same in evaluation mode."""

    def kept(backbone: Backbone) -> int:
        sizes: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(lambda x: sizes.append(x.numel()) or x, lambda x: x):
            backbone(FRAMES)
        return sum(sizes)

    plain, thrifty = resnet(norm="frozen"), resnet(norm="frozen", gradient_checkpointing=True)
    assert kept(thrifty.train()) < kept(plain.train()) / 2
    assert kept(thrifty.eval()) == kept(plain.eval())


def test_checkpointing_repeats_the_random_numbers_of_the_first_pass() -> None:
    """Dropout inside a block that is computed twice."""
    gradients: list[torch.Tensor] = []
    for thrifty in (False, True):
        backbone = resnet(norm="frozen", gradient_checkpointing=thrifty).train()
        block = backbone.body.network.layer1[0]
        block.act1 = nn.Sequential(nn.ReLU(), nn.Dropout(0.5))
        torch.manual_seed(1)
        backbone(FRAMES)[-1].square().mean().backward()
        gradients.append(block.conv1.weight.grad)
    torch.testing.assert_close(gradients[1], gradients[0], atol=0, rtol=0)


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"name": "vgg11", "gradient_checkpointing": True}, "model.backbone.gradient_checkpointing"),
        ({"name": "test_byobnet", "frozen_stages": 2}, "model.backbone.frozen_stages"),
    ],
)
def test_an_option_that_a_network_cannot_have_is_refused_by_name(options: dict[str, object], place: str) -> None:
    found = backbone_problems(BackboneConfig.model_validate(options))
    assert [problem.place for problem in found] == [place]


def test_plain_transformers_see_images_resized_so_that_a_patch_stands_for_16_pixels() -> None:
    """Patches of 14: an image of 32 x 64 is seen as 28 x 56, and its map has 2 x 4 positions."""
    seen: list[torch.Tensor] = []
    backbone = Backbone(BackboneConfig(name="eva02_tiny_patch14_224")).eval()
    backbone.body.network.patch_embed.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    frames = torch.randint(0, 256, (1, 3, 32, 64), dtype=torch.uint8)
    with torch.no_grad():
        maps = backbone(frames)
    images = backbone.normalise(frames)
    small = nn.functional.interpolate(images, size=(28, 56), mode="bilinear", antialias=True)
    torch.testing.assert_close(seen, [small])
    assert maps[2].shape[-2:] == (2, 4)


def test_a_plain_transformer_at_the_size_of_its_weights_is_the_network_of_timm() -> None:
    backbone = Backbone(BackboneConfig(name="test_vit")).eval()
    body = backbone.body
    assert isinstance(body, PlainBody)
    frames = torch.randint(0, 256, (1, 3, 160, 160), dtype=torch.uint8)
    with torch.no_grad():
        tokens = body.network.forward_features(backbone.normalise(frames))[:, body.network.num_prefix_tokens :]
        last = tokens.transpose(1, 2).unflatten(2, (10, 10))
        wanted = [level(last) for level in body.levels]
        found = backbone(frames)
    assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))


def test_maps_of_a_plain_transformer_differ_by_a_factor_of_two_each() -> None:
    backbone = Backbone(BackboneConfig(name="test_vit")).eval()
    sizes = [level.shape[-1] for level in backbone(torch.zeros(1, 3, 64, 128, dtype=torch.uint8))]
    assert all(fine == 2 * coarse for fine, coarse in pairwise(sizes))


def test_images_follow_the_memory_format_of_the_weights() -> None:
    backbone = resnet().eval().to(memory_format=torch.channels_last)
    assert all(level.is_contiguous(memory_format=torch.channels_last) for level in backbone(FRAMES))
