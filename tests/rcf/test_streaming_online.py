"""Online inference: causal, equal to the batched path, bounded in memory."""

import copy

import pytest
import torch

from rcf.config import EvaluationConfig, FrameSizeConfig
from rcf.model import build_network
from rcf.model.network import RCF
from rcf.reading import FrameReader
from rcf.streaming import OnlineSegmenter, segment_video

EVERYTHING_FIRES = EvaluationConfig(class_threshold=0.2)
SIZE = FrameSizeConfig(height=64, width=96)


def test_output_ignores_future_frames(tiny_network: RCF, video: torch.Tensor) -> None:
    changed = video.clone()
    changed[4:] = 255 - changed[4:]
    one, two = (OnlineSegmenter(tiny_network, SIZE, EVERYTHING_FIRES) for _ in range(2))
    for number in range(4):
        a, b = one.push(video[number]), two.push(changed[number])
        assert torch.equal(a.masks, b.masks)
        assert torch.equal(a.class_probabilities, b.class_probabilities)
        assert torch.equal(a.identities, b.identities)
    assert not torch.equal(one.push(video[4]).class_probabilities, two.push(changed[4]).class_probabilities)


@pytest.mark.parametrize("frames", [0, 1, 3])
@pytest.mark.parametrize("chunk", [1, 3, 8])
def test_push_over_a_clip_equals_the_batched_path(frames: int, chunk: int, tiny_model, video: torch.Tensor) -> None:
    network = build_network(tiny_model(frames=frames), categories=3, seed=0)
    answer = segment_video(network, video, chunk=chunk)
    segmenter, reader = OnlineSegmenter(network, SIZE, EVERYTHING_FIRES), FrameReader(EVERYTHING_FIRES)
    for number in range(len(video)):
        pushed = segmenter.push(video[number])
        here = (answer.classes[-1, number], answer.masks[-1, number], answer.codes[number])
        batched = reader.read(*here, (64, 96))
        assert pushed.slots.tolist() == batched.slots.tolist()
        assert pushed.identities.tolist() == batched.identities.tolist()
        torch.testing.assert_close(pushed.class_probabilities, batched.class_probabilities, atol=1e-5, rtol=1e-4)
        assert (pushed.masks != batched.masks).float().mean() < 1e-3


def test_windows_at_the_start_repeat_the_oldest_frame_as_in_training(tiny_network: RCF, video: torch.Tensor) -> None:
    answer = segment_video(tiny_network, video)
    for number, window in [(0, [0, 0, 0]), (1, [0, 0, 1]), (4, [2, 3, 4])]:
        trained = tiny_network(video[window][None])
        torch.testing.assert_close(answer.masks[0, number], trained.masks[-1, 0], atol=1e-4, rtol=1e-4)


def test_each_frame_passes_the_backbone_once(
    tiny_network: RCF, video: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    forward = tiny_network.backbone.forward
    monkeypatch.setattr(tiny_network.backbone, "forward", lambda frames: calls.append(len(frames)) or forward(frames))
    segmenter = OnlineSegmenter(tiny_network, SIZE, EvaluationConfig())
    for frame in video:
        segmenter.push(frame)
    assert calls == [1] * len(video)


def test_what_is_kept_does_not_grow_with_the_stream(tiny_network: RCF, video: torch.Tensor) -> None:
    segmenter = OnlineSegmenter(tiny_network, SIZE, EvaluationConfig())
    for frame in video.repeat(3, 1, 1, 1):
        segmenter.push(frame)
    kept = segmenter._state.past
    assert len(kept) == 2
    assert all(tensor.untyped_storage().nbytes() == tensor.nbytes for pair in kept for tensor in pair)


def test_reset_makes_the_next_frame_the_first(tiny_network: RCF, video: torch.Tensor) -> None:
    segmenter = OnlineSegmenter(tiny_network, SIZE, EVERYTHING_FIRES)
    first = segmenter.push(video[0])
    segmenter.push(video[1])
    segmenter.reset()
    again = segmenter.push(video[0])
    assert torch.equal(first.masks, again.masks)
    assert first.identities.tolist() == again.identities.tolist()


def test_masks_come_at_the_size_of_the_pushed_frame(tiny_network: RCF) -> None:
    frame = torch.randint(0, 256, (3, 90, 150), dtype=torch.uint8)
    prediction = OnlineSegmenter(tiny_network, SIZE, EVERYTHING_FIRES).push(frame)
    assert prediction.masks.shape[1:] == (90, 150)


@pytest.mark.parametrize("size", [(48, 96), (96, 48), (128, 128)])
def test_with_its_ratio_kept_a_video_is_seen_unstretched_and_answered_at_its_own_size(
    tiny_network: RCF, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    seen: list[tuple[int, int]] = []
    forward = tiny_network.backbone.forward

    def spy(frames: torch.Tensor) -> object:
        seen.append((frames.shape[-2], frames.shape[-1]))
        return forward(frames)

    monkeypatch.setattr(tiny_network.backbone, "forward", spy)
    box = FrameSizeConfig(height=64, width=128, keep_ratio=True)
    prediction = OnlineSegmenter(tiny_network, box, EVERYTHING_FIRES).push(torch.zeros(3, *size, dtype=torch.uint8))
    assert seen == [{(48, 96): (64, 128), (96, 48): (128, 64), (128, 128): (64, 64)}[size]]
    assert prediction.masks.shape[1:] == size


def test_a_network_in_bfloat16_streams_and_says_nearly_the_same(tiny_network: RCF, video: torch.Tensor) -> None:
    reduced = copy.deepcopy(tiny_network).to(torch.bfloat16)
    always = EvaluationConfig(class_threshold=0.0)
    one, two = (OnlineSegmenter(network, SIZE, always) for network in (tiny_network, reduced))
    for frame in video[:3]:
        exact, rounded = one.push(frame), two.push(frame)
        assert exact.slots.tolist() == rounded.slots.tolist()
        assert (exact.class_probabilities - rounded.class_probabilities).abs().max() < 0.05


def test_nothing_fires_under_a_threshold_of_one(tiny_network: RCF, video: torch.Tensor) -> None:
    prediction = OnlineSegmenter(tiny_network, SIZE, EvaluationConfig(class_threshold=1.0)).push(video[0])
    assert prediction.slots.tolist() == []
    assert prediction.masks.shape == (0, 64, 96)
