"""The bound of what listens is above every slope, and tokens are never longer than they are said to be."""

import math

import pytest
import torch
from torch import Tensor, nn

from rcf.diagnostics.jacobian import jacobian_norm
from rcf.diagnostics.sound_bound import lstm_bound, sound_bound, sound_reach
from rcf.model.audio import AudioTokens, NoAudio, SmallEar, Vgg
from rcf.sound import MEL_BINS, SILENCE
from rcf.tensors import lengths


def made(frames: int, seed: int, gain: float, ear: SmallEar | Vgg | None = None) -> tuple[AudioTokens, Tensor]:
    """A box whose recurrent weights are `gain` times torch's, and patches around loud sound."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)  # pyright: ignore[reportUnknownMemberType]
        audio = AudioTokens(ear or SmallEar(), 16, 4, 6).double().eval().requires_grad_(False)
        with torch.no_grad():
            for weight in audio.lstm.parameters():
                weight.mul_(gain)
        return audio, SILENCE + 3 * torch.rand(frames, 16, MEL_BINS, dtype=torch.float64)


@pytest.mark.parametrize("frames", [1, 2, 5])
@pytest.mark.parametrize("gain", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("seed", range(3))
def test_no_slope_is_above_the_bound(frames: int, gain: float, seed: int) -> None:
    audio, patches = made(frames, seed, gain)

    def tokens(point: Tensor) -> Tensor:
        return audio.tokens(audio.describe(point.view_as(patches))[None]).contents.flatten()

    slope = jacobian_norm(tokens, patches.flatten()).value
    assert 0 < slope < 10 ** sound_bound(audio, frames).log10


@pytest.mark.parametrize("frames", [1, 3])
def test_a_small_lstm_is_bounded_within_a_factor_of_its_steepest_place(frames: int) -> None:
    """From the steepest of some places: a bound that forgot a gate would fall below it, one without sense far above."""
    with torch.random.fork_rng():
        torch.manual_seed(0)  # pyright: ignore[reportUnknownMemberType]
        lstm = nn.LSTM(2, 2, bidirectional=True, batch_first=True).double().requires_grad_(False)
        places = [scale * torch.randn(frames * 2, dtype=torch.float64) for scale in (0.1, 1.0, 3.0) for _ in range(10)]

    def states(point: Tensor) -> Tensor:
        return lstm(point.view(1, frames, 2))[0].flatten()

    steepest = max(jacobian_norm(states, place).value for place in places)
    assert steepest < 10 ** lstm_bound(lstm, frames).log10 < 30 * frames * steepest


def test_one_step_of_one_unit_is_bounded_by_its_gates() -> None:
    """All four weights 1 give |W| = 2; nothing is remembered, so sqrt(1/16 + 1) for the cell, 1/4 for the way out."""
    lstm = nn.LSTM(1, 1, bidirectional=True)
    with torch.no_grad():
        for weight in lstm.parameters():
            weight.fill_(1.0)
    assert 10 ** lstm_bound(lstm, 1).log10 == pytest.approx(math.sqrt(2) * 2 * (math.sqrt(17) / 4 + 1 / 4))


@pytest.mark.parametrize("gain", [1.0, 50.0])
def test_no_token_is_longer_than_its_reach(gain: float) -> None:
    audio, patches = made(4, 1, gain)
    longest = float(lengths(audio.tokens(audio.describe(patches * gain)[None]).contents, 2).max())
    assert longest < 10 ** sound_reach(audio).log10


def test_vggish_has_a_bound_and_it_takes_its_patches_as_they_are() -> None:
    audio, _ = made(1, 0, 1.0, Vgg())
    assert 0 < sound_bound(audio, 2).log10 < 20


def test_a_network_that_does_not_listen_adds_nothing() -> None:
    assert sound_bound(NoAudio(8), 2).log10 == sound_reach(NoAudio(8)).log10 == -math.inf
