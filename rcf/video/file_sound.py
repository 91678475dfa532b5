"""The audio track of a video file, decoded as far as a frame needs it.

file --packets--> samples at their own times, mean of the channels --until(moment)--> those since the last call

The file is opened a second time for it: however badly picture and sound are interleaved, nothing piles up. Where the
track has a gap, begins late or ends early, there is silence.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from rcf.tensors import from_numpy

if TYPE_CHECKING:
    from av.container import AudioFrame, InputContainer


class FileSound:
    """Samples of one channel at `rate` Hz; sample 0 is at `start`, the moment of the first frame."""

    def __init__(self, av: ModuleType, path: Path, rate: int, start: float, notes: list[str]) -> None:
        self._av, self._rate, self._start, self._notes = av, rate, start, notes
        self._container: InputContainer = av.open(str(path))
        self._pieces = self._decoded()
        self._ready: Tensor = torch.zeros(0)
        self._given = 0
        self._ended = False

    def until(self, moment: float) -> Float[Tensor, " s"]:
        """What lies before `moment`, in seconds since the first frame, and was not given yet."""
        wanted = max(math.ceil(moment * self._rate - 1e-6) - self._given, 0)
        while self._ready.numel() < wanted and not self._ended:
            self._more()
        missing = max(wanted - self._ready.numel(), 0)
        ready = torch.cat((self._ready, torch.zeros(missing))) if missing else self._ready
        self._ready, self._given = ready[wanted:].clone(), self._given + wanted
        return ready[:wanted]

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _more(self) -> None:
        piece = next(self._pieces, None)
        if piece is None:
            self._ended = True
            return
        begin, samples = piece
        here = self._given + self._ready.numel()
        self._ready = torch.cat((self._ready, following(samples, begin, here)))

    def _decoded(self) -> Iterator[tuple[int, Float[Tensor, " s"]]]:
        """Number of the first sample, and samples, piece by piece."""
        stream, left_out, after = self._container.streams.audio[0], 0, 0
        turn = self._av.AudioResampler(format="fltp", layout=stream.layout, rate=self._rate)
        packets = self._container.demux(stream)
        while True:
            try:
                packet = next(packets)
                frames: list[AudioFrame] = [part for frame in packet.decode() for part in turn.resample(frame)]
            except StopIteration:
                break
            except self._av.error.InvalidDataError:
                left_out += 1
                continue
            except (self._av.FFmpegError, ValueError, OSError) as error:
                self._notes.append(f"the sound ends early: {error}")
                break
            for frame in frames:
                begin = after if frame.time is None else round((frame.time - self._start) * self._rate)
                samples = mono(frame)
                # Time stamps are rounded to the container's own unit: a few samples are no gap.
                begin = after if abs(begin - after) <= self._rate // 200 else begin
                after = begin + samples.numel()
                yield begin, samples
        if left_out:
            self._notes.append(f"{left_out} damaged packets of sound left out: silence in their place")


def following(samples: Float[Tensor, " s"], begin: int, here: int) -> Float[Tensor, " r"]:
    """What comes after sample number `here`, of a piece that starts at number `begin`.

    What overlaps with what is there already, or lies before the first frame, is dropped; a gap is silence.
    """
    return torch.cat((torch.zeros(max(begin - here, 0)), samples[max(here - begin, 0) :]))


def mono(frame: "AudioFrame") -> Float[Tensor, " s"]:
    """The mean of the channels, as in rcf/data/audio_io.py."""
    return from_numpy(frame.to_ndarray()).mean(0)
