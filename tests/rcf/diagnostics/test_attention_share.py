"""Shares of attention sum to 1, even attention has the entropy log n, full and compressed lie side by side."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from rcf.config import AudioConfig, ModelConfig
from rcf.diagnostics.attention import window_attention
from rcf.diagnostics.attention_maps import DecoderAttention, EncoderAttention, TokenParts
from rcf.diagnostics.attention_share import (
    attention_shares,
    entropy,
    layer_shares,
    mean_shares,
    share_on_objects,
    slot_shares,
)
from rcf.model import build_network

PARTS = TokenParts(height=2, width=3, references=4, sounds=2)


def drawn(seed: int, parts: TokenParts = PARTS, sharp: float = 3.0) -> EncoderAttention:
    logits = torch.randn(2, 3, parts.count, parts.count, generator=torch.Generator().manual_seed(seed))
    return EncoderAttention((sharp * logits).softmax(-1), parts)


@given(seed=st.integers(0, 10_000), references=st.sampled_from([0, 1, 4]), sounds=st.integers(0, 2))
def test_shares_of_target_references_and_sound_make_one(seed: int, references: int, sounds: int) -> None:
    parts = TokenParts(2, 3, references, sounds, references_last=bool(seed % 2))
    for share in attention_shares(drawn(seed, parts)):
        assert share.target + share.reference + share.audio == pytest.approx(1, abs=1e-6)
        assert 0 <= share.entropy.nats <= math.log(parts.count) + 1e-6


def test_even_attention_has_the_entropy_of_the_number_of_keys_and_gives_each_part_its_share_of_tokens() -> None:
    even = EncoderAttention(torch.full((1, 1, 12, 12), 1 / 12), PARTS)
    (share,) = attention_shares(even)
    assert (share.target, share.reference, share.audio) == pytest.approx((6 / 12, 4 / 12, 2 / 12))
    assert share.target_if_even == pytest.approx(share.target)
    assert share.entropy.nats == pytest.approx(math.log(12))
    assert share.entropy.of_even == pytest.approx(1)
    for spread in (share.reference_entropy, share.reference_map_entropy):
        assert spread is not None
        assert (spread.nats, spread.of_even) == pytest.approx((math.log(6), 1))


def test_attention_on_one_token_has_no_entropy() -> None:
    assert entropy(torch.eye(4)).tolist() == [0, 0, 0, 0]


def test_tokens_that_each_look_at_a_place_of_their_own_are_narrow_and_their_mean_is_wide() -> None:
    """As a full reference that finds each pixel again: what is sharp is the token, not the map."""
    parts = TokenParts(height=2, width=2, references=4)
    weights = torch.full((1, 1, 8, 8), 1 / 8)
    weights[:, :, 4:] = torch.eye(4).repeat(1, 2) / 2
    (share,) = attention_shares(EncoderAttention(weights, parts))
    assert share.reference_entropy is not None
    assert share.reference_map_entropy is not None
    assert share.reference_entropy.nats == 0
    assert share.reference_map_entropy.nats == pytest.approx(math.log(4))


def test_layers_and_heads_are_named_and_without_references_nothing_is_said_of_them() -> None:
    shares = attention_shares(drawn(0, TokenParts(2, 3)))
    assert [(share.layer, share.head) for share in shares] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    assert {(share.reference, share.audio) for share in shares} == {(0, 0)}
    assert {share.reference_entropy for share in shares} == {None}
    assert all(share.target == pytest.approx(1) for share in shares)


def test_one_cell_has_no_share_of_an_even_entropy() -> None:
    (share,) = attention_shares(EncoderAttention(torch.ones(1, 1, 1, 1), TokenParts(1, 1)))
    assert (share.entropy.nats, share.entropy.of_even) == (0, None)
    assert mean_shares([share, share]) == (share,)


def test_means_are_over_windows_for_each_head_and_over_both_for_each_layer() -> None:
    one, other = attention_shares(drawn(1)), attention_shares(drawn(2))
    by_head = mean_shares([*one, *other])
    assert [(share.layer, share.head) for share in by_head] == [(share.layer, share.head) for share in one]
    assert by_head[4].target == pytest.approx((one[4].target + other[4].target) / 2)
    assert by_head[4].entropy.nats == pytest.approx((one[4].entropy.nats + other[4].entropy.nats) / 2)
    first, second = layer_shares([*one, *other])
    assert [(share.layer, share.head) for share in (first, second)] == [(0, None), (1, None)]
    assert second.target == pytest.approx(sum(share.target for share in [*one[3:], *other[3:]]) / 6)
    assert layer_shares([]) == ()


def test_only_the_slots_that_are_asked_for_count() -> None:
    weights = torch.zeros(1, 1, 3, 12)
    weights[0, 0, 0, 0] = weights[0, 0, 1, 7] = weights[0, 0, 2, 11] = 1
    attention = DecoderAttention(weights, PARTS)
    (share,) = slot_shares(attention, [0, 1])
    assert (share.target, share.reference, share.audio) == (0.5, 0.5, 0)
    assert slot_shares(attention, []) == ()


def test_the_share_on_objects_is_that_of_their_cells_and_of_an_even_map_their_area() -> None:
    masks = torch.zeros(2, 8, 8, dtype=torch.bool)
    masks[0, :4, :4] = True
    maps = torch.tensor([[0.5, 0.2], [0.2, 0.1]])
    assert float(share_on_objects(maps, masks)) == pytest.approx(0.5)
    assert share_on_objects(torch.full((3, 4, 4), 0.01), masks).tolist() == pytest.approx([0.25] * 3)
    masks[1, :4, 4:6] = True
    assert float(share_on_objects(3 * maps, masks)) == pytest.approx(0.6), "half of the second cell is covered"
    assert float(share_on_objects(maps, masks[:0])) == 0


@pytest.mark.parametrize("listens", [False, True])
@pytest.mark.parametrize("tokens", [4, "full"])
def test_full_and_compressed_references_have_the_same_rows(
    tiny_model: Callable[..., ModelConfig], video: Tensor, tokens: int | str, listens: bool
) -> None:
    audio = AudioConfig(features="small", mel_frames=16, lstm_width=8) if listens else AudioConfig()
    config = tiny_model(frames=2, tokens=tokens).model_copy(update={"audio": audio})
    seen = window_attention(build_network(config, categories=3, seed=0), video, 4)
    shares = attention_shares(seen.encoder)
    assert [(share.layer, share.head) for share in shares] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert all(share.target + share.reference + share.audio == pytest.approx(1, abs=1e-5) for share in shares)
    assert all(share.reference_entropy is not None for share in shares)
    assert len(slot_shares(seen.decoder, [0, 3])) == 4
