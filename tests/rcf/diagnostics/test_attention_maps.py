"""Who looks at whom, in every kind of network: rows sum to 1 and every token is somebody's."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from rcf.config import AudioConfig, ModelConfig
from rcf.diagnostics.attention import WindowAttention, encoder_attention, window_attention
from rcf.diagnostics.attention_maps import DecoderAttention, EncoderAttention, TokenParts
from rcf.model import build_network
from rcf.model.network import RCF

Tiny = Callable[..., ModelConfig]

# Frames of 64 x 96 have 6 cells; two reference frames.
KINDS: dict[str, tuple[dict[str, object], int, int, int]] = {
    "compressed": ({}, 4, 4, 1),
    "compressed, merged on tokens": ({"merge": "token"}, 8, 8, 2),
    "full": ({"tokens": "full"}, 12, 12, 2),
    "no references": ({"frames": 0}, 0, 0, 1),
    "method B": ({"tokens": "full", "join": "decoder"}, 0, 12, 2),
    "method B, shared": ({"tokens": "full", "join": "decoder", "encoder_pass": "shared"}, 0, 12, 2),
}
"""Fields of the reference configuration; reference tokens in encoder and decoder, and their groups."""


def network_of_kind(tiny_model: Tiny, kind: str, listens: bool = False) -> RCF:
    config = tiny_model(frames=2)
    reference = config.reference.model_copy(update=KINDS[kind][0])
    audio = AudioConfig(features="small", mel_frames=16, lstm_width=8) if listens else config.audio
    return build_network(config.model_copy(update={"reference": reference, "audio": audio}), categories=3, seed=0)


def watched(network: RCF, video: Tensor, listens: bool = False, frame: int = 4) -> WindowAttention:
    patches = torch.randn(len(video), 16, 64, generator=torch.Generator().manual_seed(0)) * 2 - 2
    return window_attention(network, video, frame, patches if listens else None)


@pytest.mark.parametrize("listens", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_every_token_and_every_slot_shares_out_its_whole_attention(
    tiny_model: Tiny, video: Tensor, kind: str, listens: bool
) -> None:
    found = watched(network_of_kind(tiny_model, kind, listens), video, listens)
    _, in_encoder, in_decoder, groups = KINDS[kind]
    sounds = 0 if not listens else 1 if kind == "no references" else 3
    assert (found.encoder.parts.references, found.decoder.parts.references) == (in_encoder, in_decoder)
    assert (found.encoder.parts.sounds, found.decoder.parts.sounds) == (sounds, sounds)
    assert found.decoder.parts.groups == groups
    tokens = 6 + in_encoder + sounds
    assert found.encoder.weights.shape == (2, 2, tokens, tokens)
    assert found.decoder.weights.shape == (2, 2, 5, 6 + in_decoder + sounds)
    for weights in (found.encoder.weights, found.decoder.weights):
        assert torch.allclose(weights.sum(-1), torch.ones(weights.shape[:-1]), atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_answer_is_that_of_the_network_at_the_frame(tiny_model: Tiny, video: Tensor, kind: str) -> None:
    network = network_of_kind(tiny_model, kind).eval()
    found = watched(network, video, frame=4).answer
    with torch.no_grad():
        plain = network(video[None, 4 - network.references.frames : 5])
    assert torch.equal(found.classes, plain.classes)
    assert torch.equal(found.masks, plain.masks)


def test_sounds_stand_before_the_references_where_these_join_in_the_decoder(tiny_model: Tiny, video: Tensor) -> None:
    """With other reference frames, a slot of the first layer shares out the rest of its attention as before."""
    network = network_of_kind(tiny_model, "method B", listens=True)
    changed = video.clone()
    changed[2:4] = 255 - video[2:4]
    before, after = (watched(network, frames, listens=True).decoder for frames in (video, changed))
    parts = before.parts
    assert (parts.target, parts.audio, parts.reference) == (slice(0, 6), slice(6, 9), slice(9, 21))
    one, other = (torch.cat([each.weights[0][..., part] for part in (parts.target, parts.audio)], -1)
                  for each in (before, after))  # fmt: skip
    torch.testing.assert_close(one / one.sum(-1, keepdim=True), other / other.sum(-1, keepdim=True))
    assert not torch.allclose(before.weights[0][..., parts.reference], after.weights[0][..., parts.reference])


def test_sounds_stand_last_where_references_join_in_the_encoder(tiny_model: Tiny, video: Tensor) -> None:
    parts = watched(network_of_kind(tiny_model, "full", listens=True), video, listens=True).decoder.parts
    assert (parts.target, parts.reference, parts.audio) == (slice(0, 6), slice(6, 18), slice(18, 21))


@pytest.mark.parametrize("kind", KINDS)
def test_a_video_of_one_frame_has_attention_too(tiny_model: Tiny, video: Tensor, kind: str) -> None:
    found = watched(network_of_kind(tiny_model, kind), video[:1], frame=0)
    assert found.encoder.target_to_target().shape == (2, 2, 2, 3)
    if found.pixel_weight is not None:
        first, second, third = found.pixel_weight
        torch.testing.assert_close(first, second)
        torch.testing.assert_close(second, third)


def test_the_pixel_weight_of_each_frame_of_the_window_comes_with_the_target_last(
    tiny_model: Tiny, video: Tensor
) -> None:
    network = network_of_kind(tiny_model, "compressed")
    here, later = (watched(network, video, frame=frame).pixel_weight for frame in (4, 5))
    assert here is not None
    assert later is not None
    assert here.shape == (3, 2, 3)
    torch.testing.assert_close(here[1:], later[:2])
    assert watched(network_of_kind(tiny_model, "full"), video).pixel_weight is None


def test_maps_over_the_target_are_its_columns_and_what_it_takes_are_its_rows() -> None:
    weights = torch.arange(64.0).reshape(1, 1, 8, 8)
    found = EncoderAttention(weights, TokenParts(height=1, width=3, references=4, sounds=1, groups=2))
    assert found.target_to_target().tolist() == [[[[8, 9, 10]]]]
    assert found.each_reference_to_target().tolist() == [[[[[28, 29, 30]], [[44, 45, 46]]]]]
    assert found.reference_to_target().tolist() == [[[[36, 37, 38]]]]
    assert found.audio_to_target().tolist() == [[[[56, 57, 58]]]]
    assert found.target_to_reference().tolist() == [[[[18, 50, 82]]]]
    assert found.target_to_audio().tolist() == [[[[7, 15, 23]]]]


def test_what_a_network_has_no_tokens_for_is_refused_by_name(tiny_model: Tiny, video: Tensor) -> None:
    found = encoder_attention(network_of_kind(tiny_model, "method B"), video, None, 4)
    with pytest.raises(ValueError, match="they join later"):
        found.reference_to_target()
    with pytest.raises(ValueError, match="does not listen"):
        found.audio_to_target()
    assert float(found.target_to_reference().abs().max()) == 0


def test_slots_look_at_the_target_where_their_rows_say() -> None:
    weights = torch.arange(18.0).reshape(1, 1, 3, 6)
    found = DecoderAttention(weights, TokenParts(height=2, width=2, references=2))
    assert found.slots_to_target([2, 0])[0, 0].tolist() == [[[12, 13], [14, 15]], [[0, 1], [2, 3]]]


def test_slots_fire_above_the_threshold_by_their_best_category_that_is_not_empty(
    tiny_model: Tiny, video: Tensor
) -> None:
    found = watched(network_of_kind(tiny_model, "compressed"), video)
    best = found.answer.classes[-1, 0].softmax(-1)[:, :3].amax(-1)
    threshold = float(best.sort().values[2:4].mean())
    assert found.fired(threshold) == (best > threshold).nonzero()[:, 0].tolist()
    assert len(found.fired(threshold)) == 2
    assert found.fired(1.0) == []


def test_a_network_is_left_in_its_mode_without_hooks(tiny_model: Tiny, video: Tensor) -> None:
    network = network_of_kind(tiny_model, "compressed").train()
    modes = [part.training for part in network.modules()]
    first = watched(network, video).encoder.weights
    assert torch.equal(watched(network, video).encoder.weights, first)
    assert [part.training for part in network.modules()] == modes
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in network.modules())


def test_frames_that_are_not_there_and_networks_of_nan_are_refused(tiny_network: RCF, video: Tensor) -> None:
    with pytest.raises(IndexError, match="from 0 to 6, got 7"):
        window_attention(tiny_network, video, 7)
    with torch.no_grad():
        tiny_network.target.project.weight[0] = torch.nan
    with pytest.raises(ValueError, match="attention is not finite"):
        window_attention(tiny_network, video, 4)
