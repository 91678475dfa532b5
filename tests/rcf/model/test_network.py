"""The network as the paper draws it: shapes, tokens, windows, folding, weights."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from rcf.config import ModelConfig
from rcf.model import build_network
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
