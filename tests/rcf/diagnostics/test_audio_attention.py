"""Attention between sound and picture: the weights that the network used, and a picture of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from rcf.config import AudioConfig, ModelConfig, SyntheticConfig
from rcf.data.annotations import load_annotations
from rcf.data.layout import find_audio, find_split
from rcf.data.sounds import open_sounds
from rcf.data.synthetic import write_synthetic
from rcf.data.ytvis import VideoDataset
from rcf.diagnostics.attention import audio_attention, encoder_attention, write_audio_picture
from rcf.diagnostics.attention_maps import EncoderAttention, TokenParts
from rcf.model import build_network
from rcf.model.network import RCF
from rcf.pictures import heat_strip

AUDIO = AudioConfig(features="small", mel_frames=16, lstm_width=8)
Tiny = Callable[..., ModelConfig]


def listening(tiny_model: Tiny, **reference: Any) -> RCF:
    """Two references of four tokens; frames of 64 x 96 have a map of 2 x 3."""
    config = tiny_model(frames=2).model_copy(update={"audio": AUDIO})
    changed = config.reference.model_copy(update=reference)
    return build_network(config.model_copy(update={"reference": changed}), categories=3, seed=0)


@pytest.fixture
def patches() -> torch.Tensor:
    return torch.randn(7, 16, 64, generator=torch.Generator().manual_seed(0)) * 2 - 2


def test_each_head_of_each_layer_has_a_map(tiny_model: Tiny, video: torch.Tensor, patches: torch.Tensor) -> None:
    assert audio_attention(listening(tiny_model), video, patches, 4).shape == (2, 2, 2, 3)


@pytest.mark.parametrize("frame", [0, 4])
def test_every_token_shares_out_its_whole_attention(
    tiny_model: Tiny, video: torch.Tensor, patches: torch.Tensor, frame: int
) -> None:
    found = encoder_attention(listening(tiny_model), video, patches, frame)
    # 6 places of the target, 4 tokens of the references, 3 sounds.
    assert found.weights.shape == (2, 2, 13, 13)
    assert torch.allclose(found.weights.sum(-1), torch.ones(2, 2, 13), atol=1e-5)


def test_the_weights_are_those_that_give_the_network_its_answer(
    tiny_model: Tiny, video: torch.Tensor, patches: torch.Tensor
) -> None:
    """Values weighted by them, through the output projection, are what the first layer's attention returned."""
    network = listening(tiny_model)
    attention = network.fusion.encoder.layers[0].attention
    seen: list[Any] = []
    attention.register_forward_hook(lambda part, inputs, output: seen.append((inputs[2], output[0])))
    weights = encoder_attention(network, video, patches, 4).weights[0]
    values, answer = seen[0]
    projected = torch.nn.functional.linear(values[0], attention.in_proj_weight[32:], attention.in_proj_bias[32:])
    heads = projected.reshape(-1, 2, 8).transpose(0, 1)
    mixed = (weights @ heads).transpose(0, 1).reshape(-1, 16)
    assert torch.allclose(attention.out_proj(mixed), answer[0], atol=1e-5)


def test_maps_are_cut_from_the_rows_and_columns_of_the_target_and_its_sounds() -> None:
    weights = torch.arange(64.0).reshape(1, 1, 8, 8)
    found = EncoderAttention(weights, TokenParts(height=1, width=5, references=1, sounds=2))
    assert found.audio_to_target().tolist() == [[[[56, 57, 58, 59, 60]]]]
    assert found.target_to_audio().tolist() == [[[[13, 29, 45, 61, 77]]]]


@pytest.mark.parametrize("encoder_pass", ["separate", "shared"])
def test_where_references_join_later_only_the_targets_pass_counts(
    tiny_model: Tiny, video: torch.Tensor, patches: torch.Tensor, encoder_pass: str
) -> None:
    network = listening(tiny_model, join="decoder", encoder_pass=encoder_pass)
    assert encoder_attention(network, video, patches, 4).weights.shape == (2, 2, 9, 9)


def test_looking_changes_nothing(tiny_model: Tiny, video: torch.Tensor, patches: torch.Tensor) -> None:
    network = listening(tiny_model).train()
    for part in network.modules():
        if isinstance(part, torch.nn.MultiheadAttention):
            part.dropout = 0.5
    first = audio_attention(network, video, patches, 4)
    assert torch.equal(audio_attention(network, video, patches, 4), first)
    assert network.training
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in network.modules())


def test_a_network_that_does_not_listen_is_refused(
    tiny_network: RCF, video: torch.Tensor, patches: torch.Tensor
) -> None:
    with pytest.raises(ValueError, match="a network that listens"):
        audio_attention(tiny_network, video, patches, 4)


def test_the_picture_of_a_clip_is_a_png_with_what_was_heard(tiny_model: Tiny, tmp_path: Path) -> None:
    data = SyntheticConfig(height=32, width=48, train_clips=1, val_clips=1, frames=3, sound="category")
    write_synthetic(tmp_path / "set", data)
    path, frames = find_split(tmp_path / "set", "val")
    annotations = load_annotations(path, frames)
    sounds = open_sounds(AUDIO, annotations.videos, find_audio(tmp_path / "set", "val"))
    dataset = VideoDataset(annotations, frames, 64, 96, sounds=sounds)
    write_audio_picture(listening(tiny_model), dataset, 0, tmp_path / "out" / "attention.png")
    with Image.open(tmp_path / "out" / "attention.png") as picture:
        assert (picture.format, picture.size) == ("PNG", (3 * 270 + 2 * 4, 2 * (180 + 4) + 64))


def test_frames_stand_over_their_heat_orange_where_hot_and_grey_where_cold() -> None:
    frame = np.full((60, 80, 3), (200, 40, 40), dtype=np.uint8)
    heat = np.full((3, 4), 0.1, dtype=np.float32)
    heat[0, 0] = 0.3
    picture = np.asarray(heat_strip([frame], [heat], [np.zeros((16, 64), dtype=np.float32)])).astype(int)
    plain, hot, cold = picture[5, 5], picture[180 + 4 + 5, 5], picture[180 + 4 + 150, 200]
    assert plain.tolist() == [200, 40, 40]
    assert len(set(cold.tolist())) == 1
    shares = (hot - cold) / (np.array([230, 159, 0]) - cold)
    np.testing.assert_allclose(shares, 200 / 255, atol=0.03)


def test_even_attention_has_no_heat() -> None:
    frame = np.full((60, 80, 3), 90, dtype=np.uint8)
    even = np.full((3, 4), 0.25, dtype=np.float32)
    picture = np.asarray(heat_strip([frame], [even], [np.zeros((16, 64), dtype=np.float32)]))
    assert np.array_equal(picture[184 : 184 + 180], picture[:180])
