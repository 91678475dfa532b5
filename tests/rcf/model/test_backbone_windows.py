"""Windows of a Swin transformer on maps of any size: timm where it is right, the definition elsewhere."""

import copy

import pytest
import timm
import torch
from hypothesis import given
from hypothesis import strategies as st
from timm.models.swin_transformer import SwinTransformerBlock
from torch import Tensor

from rcf.config import BackboneConfig
from rcf.model.backbone import Backbone
from rcf.model.backbone_windows import attend_in_windows


@pytest.mark.parametrize(
    ("name", "window"), [("swin_tiny_patch4_window7_224", 7), ("swinv2_tiny_window8_256", 8)], ids=["V1", "V2"]
)
def test_maps_of_images_that_are_multiples_of_everything_are_those_of_timm_bit_for_bit(name: str, window: int) -> None:
    """At the size of the weights, and at twice the width, where the last map is shifted along one axis only."""
    backbone = Backbone(BackboneConfig(name=name)).eval()
    for scale in (1, 2):
        size = (32 * window, 32 * window * scale)
        network = timm.create_model(name, num_classes=0, img_size=size, window_size=window).eval()
        network.load_state_dict(backbone.body.network.state_dict(), strict=False)
        frames = torch.randint(0, 256, (1, 3, *size), dtype=torch.uint8)
        with torch.no_grad():
            plain = network.forward_intermediates(backbone.normalise(frames), intermediates_only=True)
            wanted = [norm(level) for norm, level in zip(backbone.body.norms, plain, strict=True)]
            found = backbone(frames)
        assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))


def by_definition(block: SwinTransformerBlock, tokens: Tensor, shift: tuple[int, int]) -> Tensor:
    """Attention of every token to every other one, cut to those of its window; no padding, no rolling."""
    side = block.window_size[0]
    count, height, width, channels = tokens.shape
    rows, columns = (
        axis.flatten() for axis in torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    )
    down, right = rows[:, None] - rows, columns[:, None] - columns
    tiles = [torch.div(at - by, side, rounding_mode="floor") for at, by in ((rows, shift[0]), (columns, shift[1]))]
    apart = (tiles[0][:, None] != tiles[0]) | (tiles[1][:, None] != tiles[1])
    index = (down + side - 1) * (2 * side - 1) + right + side - 1
    bias = block.attn.relative_position_bias_table[index.masked_fill(apart, 0)].permute(2, 0, 1)
    heads = block.attn.num_heads
    query, key, value = (
        part.view(count, height * width, heads, channels // heads).transpose(1, 2)
        for part in block.attn.qkv(tokens.flatten(1, 2)).chunk(3, -1)
    )
    logits = query @ key.transpose(-2, -1) * (channels // heads) ** -0.5 + bias
    seen = logits.masked_fill(apart, -torch.inf).softmax(-1) @ value
    return block.attn.proj(seen.transpose(1, 2).flatten(2)).view(tokens.shape)


@given(height=st.integers(1, 13), width=st.integers(1, 13), moves=st.booleans())
def test_tokens_see_their_window_and_nothing_of_the_padding(height: int, width: int, moves: bool) -> None:
    torch.manual_seed(height * 20 + width)
    side = 4
    block = SwinTransformerBlock(8, (28, 28), num_heads=2, window_size=side, shift_size=2 if moves else 0).double()
    torch.nn.init.normal_(block.attn.relative_position_bias_table)
    torch.nn.init.normal_(block.attn.qkv.bias)
    tokens = torch.randn(2, height, width, 8, dtype=torch.float64)
    shift = tuple(2 if moves and size > side else 0 for size in (height, width))
    with torch.no_grad():
        found, wanted = attend_in_windows(block, tokens), by_definition(block, tokens, shift)
    torch.testing.assert_close(found, wanted, atol=1e-9, rtol=1e-9)


def test_a_copy_attends_with_weights_of_its_own() -> None:
    original = Backbone(BackboneConfig(name="swin_tiny_patch4_window7_224")).eval()
    other = copy.deepcopy(original)
    with torch.no_grad():
        for name, weight in other.named_parameters():
            if name.endswith("attn.proj.bias"):
                weight.add_(1.0)
        frames = torch.randint(0, 256, (1, 3, 32, 32), dtype=torch.uint8)
        assert not torch.equal(other(frames)[-1], original(frames)[-1])
