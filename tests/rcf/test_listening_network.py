"""The whole network with sound: streams hear what videos hear, clips what streams hear, nobody hears the future."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from rcf.config import AudioConfig, EvaluationConfig, FrameSizeConfig, ModelConfig
from rcf.model import build_network
from rcf.model.network import RCF
from rcf.sound import SILENCE
from rcf.streaming import OnlineSegmenter, segment_video
from rcf.tensors import state_of

Tiny = Callable[..., ModelConfig]


def network(tiny_model: Tiny, frames: int = 2, features: str = "small", join: str = "encoder") -> RCF:
    audio = AudioConfig.model_validate({"features": features, "mel_frames": 16, "lstm_width": 8})
    config = tiny_model(frames=frames)
    reference = config.reference.model_copy(update={"join": join})
    return build_network(config.model_copy(update={"audio": audio, "reference": reference}), categories=3, seed=0)


@pytest.fixture
def heard() -> Tensor:
    return torch.randn(7, 16, 64, generator=torch.Generator().manual_seed(0)) * 2 - 2


@pytest.mark.parametrize("frames", [0, 1, 3])
@pytest.mark.parametrize("join", ["encoder", "decoder"])
def test_a_stream_hears_what_a_whole_video_hears(
    tiny_model: Tiny, video: Tensor, heard: Tensor, frames: int, join: str
) -> None:
    made = network(tiny_model, frames, join=join)
    whole = segment_video(made, video, heard, chunk=3)
    stream = OnlineSegmenter(made, FrameSizeConfig(height=64, width=96), EvaluationConfig())
    with torch.inference_mode():
        steps = [stream.step(video[t : t + 1], heard[t : t + 1]) for t in range(7)]
    assert torch.allclose(torch.cat([step.classes[-1] for step in steps]), whole.classes[0], atol=1e-4)
    assert torch.allclose(torch.cat([step.masks[-1] for step in steps]), whole.masks[0], atol=1e-3)


def test_a_training_clip_hears_what_the_video_hears(tiny_model: Tiny, video: Tensor, heard: Tensor) -> None:
    made = network(tiny_model)
    with torch.inference_mode():
        clip = made(video[None, 2:7], audio=heard[None, 2:7])
        whole = segment_video(made, video, heard)
    assert torch.allclose(clip.classes[-1], whole.classes[0, 4:], atol=1e-4)


def test_an_answer_depends_on_the_sounds_of_its_window_and_no_others(
    tiny_model: Tiny, video: Tensor, heard: Tensor
) -> None:
    made = network(tiny_model)
    before = segment_video(made, video, heard).classes[0]
    changed = heard.clone()
    changed[3] += 3
    moved = (segment_video(made, video, changed).classes[0] - before).abs().amax(dim=(1, 2)) > 1e-6
    assert moved.tolist() == [False, False, False, True, True, True, False]


def test_a_frame_that_is_pushed_without_sound_is_silent(tiny_model: Tiny, video: Tensor) -> None:
    made = network(tiny_model)
    without = segment_video(made, video)
    silent = segment_video(made, video, torch.full((7, 16, 64), SILENCE))
    assert torch.equal(without.classes, silent.classes)


def test_arms_with_and_without_sound_start_from_the_same_weights(tiny_model: Tiny) -> None:
    one, two = (state_of(network(tiny_model, features=features)) for features in ("small", "none"))
    assert all(torch.equal(one[name], value) for name, value in two.items())
    assert {name.split(".")[0] for name in one.keys() - two.keys()} == {"audio"}
