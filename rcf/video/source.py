"""What every source of frames is: an iterator of SourceFrames, and what is known of them beforehand.

FrameSource.frames(first) --> SourceFrame(number, moment, pixels 3 H W, sound since the last one) ...

The rules that all of them obey (tests/rcf/video/test_sources.py): numbers count from 0 without a gap, moments start at
0 and never go back, all frames have one size, no frames at all is an error, what had to be mended is in `notes`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn, Protocol, runtime_checkable

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from rcf.errors import InputError, Problem

NO_SAMPLES: Tensor = torch.zeros(0)


@dataclass(frozen=True, slots=True, eq=False)
class SourceFrame:
    """One frame of a video."""

    number: int
    """From 0 on."""
    moment: float
    """Seconds since the first frame."""
    pixels: UInt8[Tensor, "3 H W"]
    """Red, green, blue, upright."""
    sound: Float[Tensor, " s"] = field(default_factory=lambda: NO_SAMPLES)
    """One channel, what was heard since the last frame and before this one; empty where nobody listens."""


@runtime_checkable
class FrameSource(Protocol):
    """A video, wherever it comes from."""

    name: str
    live: bool
    """Whether it goes on without us: then nothing can be read again."""
    fps: float | None
    """Frames a second, where the source says so."""
    length: int | None
    """Frames, where the source says so; a hint for progress, no promise."""
    sound_rate: int
    """Samples a second of `SourceFrame.sound`; 0 where there is none."""
    notes: list[str]
    """What had to be mended or left out, for people."""

    def frames(self, first: int = 0, ahead_s: float = 0.0) -> Iterator[SourceFrame]:
        """Frames from number `first` on, with the sound up to `ahead_s` seconds after each.

        A live source begins at its present, and calls that frame `first`. Raises rcf.errors.InputError for bad input,
        SourceStoppedError where a live source falls silent.
        """
        ...

    def close(self) -> None:
        """Let go of what it holds; may be called twice."""
        ...


class SizeGuard:
    """One video, one size."""

    def __init__(self, name: str) -> None:
        self._name, self._size = name, (0, 0)

    def check(self, number: int, height: int, width: int) -> None:
        """Raises rcf.errors.InputError where frame `number` is of another size than the first."""
        if self._size == (0, 0):
            self._size = (height, width)
        if self._size != (height, width):
            got, wanted = f"{width}x{height}", f"{self._size[1]}x{self._size[0]} as the frames before it"
            hint = "Cut the video where its size changes"
            raise InputError([Problem(self._name, f"frame {number}", got, wanted, hint)])


def no_frames(name: str, hint: str = "") -> NoReturn:
    """Raises rcf.errors.InputError: a source without a single frame."""
    raise InputError([Problem(name, "", "no frames", "a video with at least one frame", hint)])
