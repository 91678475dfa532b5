"""The sound of a stream, as it comes in: the same log-mel patches as from the whole file, in bounded memory.

samples --add--> rest at their own rate --resampled--> rest at 16 kHz --log_mel--> hops --patch(moment)--> A E
                 what the filter still reaches          what a window still reaches      what no later patch needs is
                                                                                         dropped at each patch
"""

import math
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from rcf.config import AudioConfig
from rcf.data.log_mel import causal_start, centred_start, cut_patch, log_mel, lookahead, resampled
from rcf.sound import HOP, HOPS_PER_SECOND, MEL_BINS, SAMPLE_RATE
from rcf.tensors import integers

_BEFORE = 2
"""Hops before the next one that its window reaches into: 240 samples of 320."""
_ROUNDING = 1e-3
"""Of a sample: what a moment in seconds loses."""


class SoundBuffer:
    """Sound of one channel at `rate` Hz, from the moment of the first frame on."""

    def __init__(self, config: AudioConfig, rate: int) -> None:
        self._rate, self._hops = rate, config.mel_frames
        self._start = causal_start if config.causal else centred_start
        self.ahead_s = 0.0 if config.causal else (config.mel_frames / 2 + 1) / HOPS_PER_SECOND + lookahead(rate)
        """Seconds of sound after the moment of a frame that its patch needs: none for a causal network."""
        divisor = math.gcd(rate, SAMPLE_RATE)
        self._up, self._down = SAMPLE_RATE // divisor, rate // divisor
        self._input, self._input_at = torch.zeros(0), 0
        self._samples, self._samples_at = torch.zeros(0), 0
        self._mel, self._mel_at = torch.zeros(0, MEL_BINS), 0

    def add(self, samples: Float[Tensor, " s"]) -> None:
        """What follows on all that was added before."""
        self._input = torch.cat((self._input, samples))
        self._resample()
        self._transform()

    def patch(self, moment: float) -> Float[Tensor, "A E"]:
        """What is heard at the moment of a frame, in seconds; moments never go back. What is missing is silence."""
        first = self._start(moment, self._hops, lookahead(self._rate))
        patch = cut_patch(self._mel, first - self._mel_at, self._hops)
        spent = min(max(first - self._mel_at, 0), self._mel.shape[0])
        self._mel, self._mel_at = self._mel[spent:].clone(), self._mel_at + spent
        return patch

    def state_dict(self) -> dict[str, Tensor]:
        """All that it holds."""
        places = torch.tensor([self._rate, self._input_at, self._samples_at, self._mel_at])
        return {"places": places, "input": self._input, "samples": self._samples, "mel": self._mel}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from `state_dict`. Raises ValueError where that was of another rate."""
        rate, self._input_at, self._samples_at, self._mel_at = integers(state["places"])
        if rate != self._rate:
            raise ValueError(f"got the state of a sound at {rate} Hz, expected {self._rate} Hz")
        self._input, self._samples, self._mel = state["input"], state["samples"], state["mel"]

    def _resample(self) -> None:
        """All samples at 16 kHz whose filter ends within what has come in."""
        have = self._input_at + self._input.numel()
        ready = math.floor((have - lookahead(self._rate) * self._rate) * self._up / self._down + _ROUNDING)
        done = self._samples_at + self._samples.numel()
        if ready <= done:
            return
        # The input begins at a multiple of `down`, so sample k of the segment is sample `offset` + k of the sound.
        offset = self._input_at // self._down * self._up
        fresh = resampled(self._input, self._rate)[done - offset : ready - offset]
        self._samples = torch.cat((self._samples, fresh))
        reach = math.ceil(lookahead(self._rate) * self._rate) + 1
        keep = max((ready * self._down // self._up - reach) // self._down * self._down, 0)
        self._input, self._input_at = self._input[max(keep - self._input_at, 0) :].clone(), max(keep, self._input_at)

    def _transform(self) -> None:
        """All hops whose window is there."""
        next_hop = self._mel_at + self._mel.shape[0]
        count = (self._samples_at + self._samples.numel()) // HOP - next_hop
        if count <= 0:
            return
        before = next_hop - self._samples_at // HOP
        segment = self._samples[: (before + count) * HOP]
        self._mel = torch.cat((self._mel, log_mel(segment)[before:]))
        begin = max(next_hop + count - _BEFORE, 0) * HOP
        self._samples, self._samples_at = self._samples[begin - self._samples_at :].clone(), begin
