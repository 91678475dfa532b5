"""A stream can be put aside in mid-video, with bounded state, and several streams share one pass."""

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor

from rcf.config import AudioConfig, EvaluationConfig, FrameSizeConfig
from rcf.data.live_sound import SoundBuffer
from rcf.data.log_mel import causal_start, centred_start, cut_patch, log_mel, lookahead, resampled
from rcf.errors import InputError
from rcf.model import build_network
from rcf.model.network import RCF
from rcf.stream_batch import StreamBatch
from rcf.stream_files import load_stream, save_stream
from rcf.stream_state import StreamState
from rcf.streaming import OnlineSegmenter
from rcf.structures import FramePrediction

SIZE = FrameSizeConfig(height=64, width=96)


def way(identity: str = "slot_iou") -> EvaluationConfig:
    return EvaluationConfig.model_validate({"class_threshold": 0.2, "identity": identity})


def same(one: FramePrediction, two: FramePrediction) -> bool:
    names = ("slots", "identities", "class_probabilities", "masks", "overridden")
    return all(torch.equal(getattr(one, name), getattr(two, name)) for name in names)


@pytest.mark.parametrize("identity", ["slot", "slot_iou", "cosine"])
@pytest.mark.parametrize("stop", [1, 4])
def test_a_stream_that_was_saved_goes_on_bit_for_bit(
    tiny_network: RCF, video: Tensor, tmp_path: Path, identity: str, stop: int
) -> None:
    whole, first, second = (OnlineSegmenter(tiny_network, SIZE, way(identity)) for _ in range(3))
    expected = [whole.push(frame) for frame in video]
    for frame in video[:stop]:
        first.push(frame)
    save_stream(tmp_path / "state", first.state_dict(), {"frame": stop})
    state, facts = load_stream(tmp_path / "state")
    second.load_state_dict(state)
    assert facts == {"frame": stop}
    assert second.frames == stop
    assert all(same(second.push(video[n]), expected[n]) for n in range(stop, len(video)))


def test_a_saved_state_does_not_change_while_the_stream_goes_on(tiny_network: RCF, video: Tensor) -> None:
    segmenter = OnlineSegmenter(tiny_network, SIZE, way())
    segmenter.push(video[0])
    state = segmenter.state_dict()
    before = copy.deepcopy(state)
    segmenter.push(video[1])
    assert all(torch.equal(value, before[name]) for name, value in state.items())


def test_the_state_does_not_grow_with_the_stream(tiny_network: RCF, video: Tensor) -> None:
    segmenter = OnlineSegmenter(tiny_network, SIZE, EvaluationConfig(class_threshold=0.0))
    sizes = []
    for frame in video.repeat(5, 1, 1, 1):
        segmenter.push(frame)
        sizes.append(sum(tensor.nbytes for tensor in segmenter.state_dict().values()))
    assert len(set(sizes[2:])) == 1


def test_the_state_of_another_network_is_refused(tiny_network: RCF, tiny_model, video: Tensor) -> None:
    other = OnlineSegmenter(build_network(tiny_model(frames=1), categories=3, seed=0), SIZE, way())
    other.push(video[0])
    with pytest.raises(InputError, match="got the state of a network with 1 reference frames, expected one with 2"):
        OnlineSegmenter(tiny_network, SIZE, way()).load_state_dict(other.state_dict())


def test_the_state_of_another_rule_is_refused(tiny_network: RCF, video: Tensor) -> None:
    other = OnlineSegmenter(tiny_network, SIZE, way("cosine"))
    other.push(video[0])
    with pytest.raises(InputError, match="of_slot: got no such tensor"):
        OnlineSegmenter(tiny_network, SIZE, way()).load_state_dict(other.state_dict())


@pytest.mark.parametrize("content", [b"", b"no tensors at all", b"\x00" * 100])
def test_a_file_that_is_no_state_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "state"
    path.write_bytes(content)
    with pytest.raises(InputError, match="state: got a file that cannot be read"):
        load_stream(path)


def test_a_frame_of_another_size_is_refused_until_the_stream_is_reset(tiny_network: RCF, video: Tensor) -> None:
    segmenter = OnlineSegmenter(tiny_network, SIZE, way())
    segmenter.push(video[0])
    with pytest.raises(InputError, match="frame 1: got 96x32, expected 96x64 as the frames before it"):
        segmenter.push(video[1, :, :32])
    segmenter.reset()
    assert segmenter.push(video[1, :, :32]).masks.shape[1:] == (32, 96)


def test_a_frame_that_is_no_picture_is_refused() -> None:
    with pytest.raises(InputError, match=r"frame 0: got torch.float32 of shape \(3, 64, 96\), expected red, green"):
        StreamState(1, way()).check(torch.zeros(3, 64, 96))


def test_streams_in_one_pass_say_what_each_says_alone(tiny_network: RCF, video: Tensor) -> None:
    batch = StreamBatch(tiny_network, SIZE, way(), streams=3)
    alone = [OnlineSegmenter(tiny_network, SIZE, way()) for _ in range(3)]
    small = video[:, :, :40, :60]
    for number in range(6):
        # The third stream has smaller frames and pauses at every second moment.
        frames = [video[number], video[6 - number], small[number] if number % 2 else None]
        together = batch.push(frames)
        assert (together[2] is None) == (number % 2 == 0)
        for segmenter, frame, prediction in zip(alone, frames, together, strict=True):
            if frame is None or prediction is None:
                continue
            single = segmenter.push(frame)
            assert single.slots.tolist() == prediction.slots.tolist()
            assert single.identities.tolist() == prediction.identities.tolist()
            torch.testing.assert_close(single.class_probabilities, prediction.class_probabilities, atol=1e-5, rtol=1e-4)
            assert (single.masks != prediction.masks).float().mean() < 1e-3


def test_a_stream_of_a_batch_goes_on_alone_and_the_others_without_it(tiny_network: RCF, video: Tensor) -> None:
    batch = StreamBatch(tiny_network, SIZE, way(), streams=2)
    whole = OnlineSegmenter(tiny_network, SIZE, way())
    for frame in video[:3]:
        batch.push([frame, 255 - frame])
        whole.push(frame)
    alone = OnlineSegmenter(tiny_network, SIZE, way())
    alone.load_state_dict(batch.state_dict(0))
    expected = whole.push(video[3])
    assert alone.push(video[3]).identities.tolist() == expected.identities.tolist()
    batch.reset(1)
    left = batch.push([video[3], None])[0]
    assert left is not None and left.identities.tolist() == expected.identities.tolist()
    back = StreamBatch(tiny_network, SIZE, way(), streams=1)
    back.load_state_dict(0, alone.state_dict())
    assert back.push([video[4]])[0] is not None


def test_what_a_stream_of_a_batch_keeps_does_not_hold_the_batch(tiny_network: RCF, video: Tensor) -> None:
    batch = StreamBatch(tiny_network, SIZE, way(), streams=4)
    batch.push([video[0]] * 4)
    kept = [tensor for pair in batch._states[1].past for tensor in pair]
    assert all(tensor.untyped_storage().nbytes() == tensor.nbytes for tensor in kept)


def listened(samples: Tensor, rate: int, config: AudioConfig, fps: float, count: int) -> list[Tensor]:
    """Patches of a sound that comes in piece by piece, put aside and taken up again before each."""
    buffer, given, patches = SoundBuffer(config, rate), 0, []
    for number in range(count):
        moment = number / fps
        until = min(-int(-(moment + buffer.ahead_s) * rate // 1), len(samples))
        buffer.add(samples[given:until])
        given = until
        state = {name: value.clone() for name, value in buffer.state_dict().items()}
        buffer = SoundBuffer(config, rate)
        buffer.load_state_dict(state)
        patches.append(buffer.patch(moment))
    return patches


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("causal", [True, False])
def test_a_sound_that_comes_in_pieces_is_heard_as_the_whole_file(rate: int, causal: bool) -> None:
    samples = torch.randn(3 * rate, generator=torch.Generator().manual_seed(rate)) / 4
    config = AudioConfig(features="small", mel_frames=96, causal=causal)
    mel, start = log_mel(resampled(samples, rate)), causal_start if causal else centred_start
    patches = listened(samples, rate, config, fps=7.5, count=18)
    for number, patch in enumerate(patches):
        expected = cut_patch(mel, start(number / 7.5, 96, lookahead(rate)), 96)
        torch.testing.assert_close(patch, expected, atol=1e-4, rtol=1e-4)


def test_a_sound_of_an_odd_rate_is_heard_all_the_same() -> None:
    samples = torch.randn(3 * 15999, generator=torch.Generator().manual_seed(0)) / 4
    config = AudioConfig(features="small", mel_frames=96)
    mel = log_mel(resampled(samples, 15999))
    for number, patch in enumerate(listened(samples, 15999, config, fps=6, count=16)):
        expected = cut_patch(mel, causal_start(number / 6, 96, lookahead(15999)), 96)
        assert (patch - expected).abs().max() < 0.05


def test_a_sound_buffer_does_not_grow() -> None:
    buffer, sizes = SoundBuffer(AudioConfig(features="small"), 44100), []
    for number in range(60):
        buffer.add(torch.zeros(4410))
        buffer.patch((number + 1) / 10)
        sizes.append(sum(value.nbytes for value in buffer.state_dict().values()))
    assert max(sizes[30:]) <= max(sizes[12:30]) + 4096
