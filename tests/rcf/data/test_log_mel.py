"""The mel front end against an independent computation, and what a frame of a video may hear."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

from rcf.data.log_mel import causal_start, centred_start, cut_patch, log_mel, lookahead, mel_filters, resampled
from rcf.sound import SILENCE


def reference_filters() -> np.ndarray:
    """VGGish's matrix, one triangle after the other; Hz to mel by the base-10 form of HTK's formula."""

    def mel(hertz: float) -> float:
        return 2595.0 * math.log10(1.0 + hertz / 700.0)

    edges = [mel(125.0) + k * (mel(7500.0) - mel(125.0)) / 65 for k in range(66)]
    weights = np.zeros((257, 64))
    for band in range(64):
        low, middle, high = edges[band : band + 3]
        for number in range(257):
            here = mel(number * 31.25)
            if low < here < high:
                share = (here - low) / (middle - low) if here <= middle else (high - here) / (high - middle)
                weights[number, band] = share
    return weights


def reference_log_mel(samples: np.ndarray) -> np.ndarray:
    count = -(-len(samples) // 160)
    padded = np.concatenate([np.zeros(240), samples, np.zeros(count * 160 - len(samples))])
    window = signal.windows.hann(400, sym=False)
    rows = [np.abs(np.fft.rfft(padded[j * 160 : j * 160 + 400] * window, 512)) for j in range(count)]
    return np.log(np.array(rows) @ reference_filters() + 0.01)


def noise(seconds: float, rate: int = 16000, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=int(seconds * rate)) * 0.2


def tone(hertz: float, rate: int, seconds: float = 1.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)


SOUNDS = {
    "noise": noise(1.0),
    "loud tone": 2 * tone(440.0, 16000),
    "quiet tone": 1e-4 * tone(3000.0, 16000),
    "click": np.eye(1, 5000, 1234)[0],
    "uneven length": noise(0.5)[:7777],
    "shorter than a hop": noise(0.005),
    "loud and quiet": tone(200.0, 16000) + 1e-5 * noise(1.0),
}


@pytest.mark.parametrize("name", SOUNDS)
def test_it_agrees_with_scipy(name: str) -> None:
    samples = SOUNDS[name].astype(np.float32)
    ours = log_mel(torch.from_numpy(samples)).numpy()
    np.testing.assert_allclose(ours, reference_log_mel(samples.astype(np.float64)), atol=1e-4, rtol=0)


def test_the_filters_are_those_of_vggish() -> None:
    np.testing.assert_allclose(mel_filters().numpy(), reference_filters(), atol=1e-9)


@given(st.integers(0, 2000))
def test_the_output_is_as_long_as_the_input(length: int) -> None:
    assert log_mel(torch.zeros(length)).shape == (math.ceil(length / 160), 64)


def test_silence_is_the_logarithm_of_the_offset_everywhere() -> None:
    assert torch.equal(log_mel(torch.zeros(1600)), torch.full((10, 64), SILENCE))


def test_many_hops_are_those_of_a_sound_in_two_halves() -> None:
    whole = torch.from_numpy(noise(60.0)).float()
    far = 50 * 16000
    assert torch.allclose(log_mel(whole)[5010:5100], log_mel(whole[far:])[10:100], atol=1e-6)


def test_a_tone_is_heard_in_the_bin_around_its_frequency() -> None:
    loudest = log_mel(torch.from_numpy(tone(1000.0, 16000))).mean(0).argmax()
    frequencies = np.arange(257) * 31.25
    centre = (reference_filters()[:, loudest] * frequencies).sum() / reference_filters()[:, loudest].sum()
    assert abs(centre - 1000) < 60


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000, 96000, 44056, 47999])
def test_resampling_agrees_with_scipy_on_what_both_rates_can_carry(rate: int) -> None:
    wave = tone(700.0, rate) + tone(1900.0, rate)
    samples = wave * signal.windows.tukey(len(wave), 0.3)
    ours = resampled(torch.from_numpy(samples), rate).numpy()
    theirs = signal.resample_poly(samples, 16000, rate)
    assert len(ours) == len(theirs)
    assert np.abs(ours - theirs).max() < 5e-3


@pytest.mark.parametrize("rate", [11025, 44100, 47999])
def test_a_tone_has_the_same_spectrogram_at_every_rate(rate: int) -> None:
    """In the 45 bins below 4.2 kHz, which every one of the rates can carry."""
    there = log_mel(resampled(torch.from_numpy(tone(1000.0, rate)), rate))[10:90, :45]
    assert (there - log_mel(torch.from_numpy(tone(1000.0, 16000)))[10:90, :45]).abs().max() < 0.05


def test_sixteen_kilohertz_are_left_as_they_are() -> None:
    samples = torch.from_numpy(noise(0.1))
    assert resampled(samples, 16000) is samples


@given(
    rate=st.sampled_from([8000, 16000, 22050, 44100, 48000, 47999]),
    fps=st.sampled_from([1.0, 5.0, 6.0, 23.976, 29.97, 30.0]),
    frame=st.integers(0, 40),
    hops=st.sampled_from([16, 96]),
)
def test_no_later_sample_changes_a_causal_patch(rate: int, fps: float, frame: int, hops: int) -> None:
    """Everything from the frame's moment on is replaced by something loud."""
    moment = min(frame / fps, 1.4)
    before = torch.from_numpy(noise(1.5, rate)).float()
    after = before.clone()
    after[math.ceil(moment * rate) :] = 1e3
    patches = [
        cut_patch(log_mel(resampled(samples, rate)), causal_start(moment, hops, lookahead(rate)), hops)
        for samples in (before, after)
    ]
    assert torch.equal(*patches)


@given(fps=st.sampled_from([5.0, 6.0, 29.97]), frame=st.integers(1, 30))
def test_a_causal_patch_hears_up_to_the_hop_before_the_frame(fps: float, frame: int) -> None:
    end = causal_start(frame / fps, 96) + 96
    assert 0 <= frame / fps - end / 100 < 0.01


def test_a_frame_on_a_hop_is_not_rounded_to_the_hop_before() -> None:
    assert [causal_start(frame / 30, 0) for frame in (3, 6, 9, 12, 15)] == [10, 20, 30, 40, 50]


def test_a_centred_patch_has_the_frame_in_its_middle() -> None:
    assert centred_start(2.0, 96) == 152


def test_what_lies_outside_the_sound_is_silence() -> None:
    mel = torch.ones(10, 64)
    patch = cut_patch(mel, -3, 16)
    assert (patch[:3] == SILENCE).all()
    assert (patch[3:13] == 1).all()
    assert (patch[13:] == SILENCE).all()


@pytest.mark.parametrize("first", [-100, -16, 10, 500])
def test_a_patch_far_from_the_sound_is_silent(first: int) -> None:
    assert torch.equal(cut_patch(torch.ones(10, 64), first, 16), torch.full((16, 64), SILENCE))


def test_a_patch_can_be_changed_without_changing_the_sound() -> None:
    mel = torch.ones(40, 64)
    cut_patch(mel, 0, 16).zero_()
    assert (mel == 1).all()
