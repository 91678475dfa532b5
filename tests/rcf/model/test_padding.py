"""Padding is not there: a clip beside a larger one in a batch is described and understood as it is alone.

All claims are about everything behind the backbone, so the backbone here is one whose cells see their own pixels only.
What is claimed of the masks is less: the pixel decoder's convolutions and group norms run over the whole canvas.
"""

import copy
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as functional
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from rcf.config import ModelConfig
from rcf.model import build_network
from rcf.model.network import RCF
from rcf.model.position import LearnedPositions, SinePositions
from rcf.model.tokens import TokenMap, Tokens, joined, padding, sizes_at

SMALL, LARGE = (64, 96), (96, 160)
KINDS = [
    {},
    {"compression": "dwconv"},
    {"merge": "token"},
    {"pixel_weight": "static"},
    {"pixel_weight": "none"},
    {"tokens": 1},
    {"tokens": "full"},
    {"tokens": "full", "join": "decoder"},
    {"merge": "token", "join": "decoder", "encoder_pass": "shared"},
    {"frames": 0},
]


class OwnPixels(nn.Module):
    """A backbone whose cells are means of their own pixels, through a fixed random matrix."""

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.mixes = nn.ParameterList(torch.randn(count, 3, 1, 1, generator=generator) for count in channels)

    def forward(self, frames: Tensor) -> tuple[Tensor, ...]:
        pictures = frames.float() / 128 - 1
        means = [functional.avg_pool2d(pictures, stride, ceil_mode=True) for stride in (4, 8, 16, 32)]
        return tuple(functional.conv2d(mean, mix) for mean, mix in zip(means, self.mixes, strict=True))


def _blind(config: ModelConfig) -> RCF:
    network = build_network(config, categories=3, seed=0)
    network.backbone = OwnPixels(network.backbone.channels)
    return network


@pytest.fixture(params=KINDS, ids=str)
def network(request: pytest.FixtureRequest, tiny_model: Callable[..., ModelConfig]) -> RCF:
    return _blind(tiny_model(**{"frames": 2, **request.param}))


@pytest.fixture(
    params=[{"token_stride": 16}, {"position": "learned"}, {"token_types": True}], ids=lambda change: next(iter(change))
)
def other_network(request: pytest.FixtureRequest, tiny_model: Callable[..., ModelConfig]) -> RCF:
    return _blind(tiny_model(2).model_copy(update=request.param))


def _clip(frames: int, size: tuple[int, int] = SMALL, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (1, frames, 3, *size), dtype=torch.uint8, generator=generator)


def _padded(clip: Tensor, colour: int = 0) -> Tensor:
    canvas = torch.full((*clip.shape[:3], *LARGE), colour, dtype=torch.uint8)
    canvas[..., : clip.shape[-2], : clip.shape[-1]] = clip
    return canvas


def _sizes(*sizes: tuple[int, int]) -> Tensor:
    return torch.tensor(sizes, dtype=torch.int64)


def test_what_is_painted_on_the_padding_changes_no_bit_of_classes_and_codes(network: RCF) -> None:
    clip = _clip(network.references.frames + 1)
    black, white = (network(_padded(clip, colour), _sizes(SMALL)) for colour in (0, 255))
    assert torch.equal(black.classes, white.classes)
    assert torch.equal(black.codes, white.codes)


def test_without_sizes_the_padding_is_seen(network: RCF) -> None:
    """The test before this one can fail."""
    clip = _clip(network.references.frames + 1)
    black, white = (network(_padded(clip, colour)) for colour in (0, 255))
    assert not torch.allclose(black.codes, white.codes, atol=1e-4)


def test_a_padded_clip_is_understood_like_the_same_clip_alone(network: RCF) -> None:
    clip = _clip(network.references.frames + 1)
    alone, padded = network(clip), network(_padded(clip), _sizes(SMALL))
    torch.testing.assert_close(padded.classes, alone.classes, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(padded.codes, alone.codes, atol=1e-5, rtol=1e-5)


def test_the_same_holds_for_the_other_options_of_the_tokens(other_network: RCF) -> None:
    clip = _clip(3)
    alone = other_network(clip)
    black, white = (other_network(_padded(clip, colour), _sizes(SMALL)) for colour in (0, 255))
    assert torch.equal(black.classes, white.classes)
    torch.testing.assert_close(black.codes, alone.codes, atol=1e-5, rtol=1e-5)


def test_clips_of_unlike_size_in_one_batch_are_understood_like_each_alone(network: RCF) -> None:
    small, large = _clip(network.references.frames + 1), _clip(network.references.frames + 1, LARGE, seed=1)
    both = network(torch.cat((_padded(small), large)), _sizes(SMALL, LARGE))
    for number, clip in enumerate((small, large)):
        torch.testing.assert_close(both.codes[number], network(clip).codes[0], atol=1e-5, rtol=1e-5)


def test_sizes_of_the_whole_canvas_are_no_padding(network: RCF) -> None:
    clip = _clip(network.references.frames + 1)
    plain, sized = network(clip), network(clip, _sizes(SMALL))
    torch.testing.assert_close(sized.masks, plain.masks, atol=1e-5, rtol=1e-5)


def test_what_is_kept_of_a_padded_frame_is_exactly_what_is_kept_of_the_frame(network: RCF) -> None:
    """Compressed references leave padding out; full ones mark it later, so only their own part is the same."""
    frame = _clip(1)[0]
    alone = network.describe(frame).kept
    kept = network.describe(_padded(frame[None])[0], _sizes(SMALL)).kept
    torch.testing.assert_close(kept[..., : alone.shape[-2], : alone.shape[-1]], alone, atol=1e-6, rtol=1e-6)
    assert kept.shape == alone.shape or network.references.groups == network.references.frames


@pytest.mark.parametrize("positions", [SinePositions(8), LearnedPositions(8)], ids=["sine", "learned"])
def test_positions_of_a_padded_map_are_those_of_the_map_itself(positions: nn.Module) -> None:
    sizes = _sizes((3, 5), (6, 2), (6, 7))
    found = positions(6, 7, torch.zeros(1), sizes).view(3, 6, 7, 8)
    for (height, width), padded in zip(sizes.tolist(), found, strict=True):
        alone = positions(height, width, torch.zeros(1)).view(height, width, 8)
        torch.testing.assert_close(padded[:height, :width], alone, atol=1e-6, rtol=1e-6)


def test_padding_marks_the_cells_below_and_to_the_right() -> None:
    marked = padding(3, 4, _sizes((2, 3))).view(3, 4)
    assert marked.tolist() == [[row >= 2 or column >= 3 for column in range(4)] for row in range(3)]


@given(size=st.integers(1, 2000), stride=st.sampled_from([4, 8, 16, 32]))
def test_a_cell_that_a_frame_covers_in_part_is_no_padding(size: int, stride: int) -> None:
    (cells, _), *_ = sizes_at(_sizes((size, size)), stride).tolist()
    assert (cells - 1) * stride < size <= cells * stride


@given(cells=st.integers(1, 60), canvas=st.integers(0, 60))
def test_the_coarser_map_is_enlarged_the_same_way_whatever_the_canvas(cells: int, canvas: int) -> None:
    """Stride 16 beside stride 32: cell i of the finer map lies in cell i // 2 of the coarser one."""
    fine = cells + canvas
    coarse = -(-fine // 2)
    level = torch.arange(coarse, dtype=torch.float32).view(1, 1, 1, coarse)
    pyramid = (torch.zeros(1), torch.zeros(1), torch.zeros(1, 1, 1, fine), level)
    found = TokenMap(16, (0, 0, 1, 1))(pyramid)[0, 1, 0]
    assert found.tolist() == [cell // 2 for cell in range(fine)]


def test_joined_tokens_without_padding_beside_padded_ones_are_all_seen() -> None:
    padded = Tokens(torch.zeros(2, 3, 4), torch.zeros(2, 3, 4), torch.tensor([[False, True, True]] * 2))
    plain = Tokens(torch.ones(2, 2, 4), torch.ones(1, 2, 4))
    together = joined(padded, plain)
    assert together.ignore is not None
    assert together.ignore.tolist() == [[False, True, True, False, False]] * 2
    assert together.positions.shape == (2, 5, 4)


def test_gradients_of_padded_clips_are_finite_and_reach_every_parameter(network: RCF) -> None:
    network = copy.deepcopy(network).train()
    answer = network(_padded(_clip(network.references.frames + 1)), _sizes(SMALL))
    (answer.classes.square().sum() + answer.masks.square().sum()).backward()
    weights = [(name, weight.grad) for name, weight in network.named_parameters()]
    assert [name for name, grad in weights if grad is None or not grad.isfinite().all()] == []
