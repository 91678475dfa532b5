"""Where the time of a frame goes, and what that means for the latency of the paper.

    enter(phase) .. enter(next) --> milliseconds of each phase; forward hooks say where backbone and decoder begin
    report --> table of phases, frames a second, latency online L = t_s + t_m, offline L = T (t_s + t_m)

t_s is the time between two frames of the source, 1/6 s in YouTube-VIS; t_m that of the network: all phases but decode
and encode. The paper says neither what its t_m contains nor which GPU it is of. (Its text says 0.171 s for itself, its
table 0.21 s: 23.9 frames a second give 0.2085.) On a GPU every change of phase waits for the device, so that work is
counted where it was asked for; that costs a little speed. The first frames warm up and are not counted.
"""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from rcf.model.network import RCF
from rcf.phases import PHASES, Phase

WARM_UP = 3
"""Frames that do not count."""
PAPER_FRAME_S = 1 / 6
"""t_s in seconds: YouTube-VIS has 6 frames a second."""
PAPER_CLIP = 36
"""T, the frames of a clip of the longest offline method in the paper's table."""
_OUTSIDE = ("decode", "encode")


@dataclass(frozen=True, slots=True)
class PhaseReport:
    """What `frames` frames took."""

    frames: int
    milliseconds: dict[Phase, float]
    """Mean of a frame, by phase."""

    @property
    def frame_ms(self) -> float:
        """All phases of a frame."""
        return sum(self.milliseconds.values())

    @property
    def network_ms(self) -> float:
        """t_m: without reading and writing the video."""
        return sum(spent for phase, spent in self.milliseconds.items() if phase not in _OUTSIDE)

    def share(self, phase: Phase) -> float:
        """0..1 of the time of a frame."""
        return self.milliseconds[phase] / self.frame_ms if self.frame_ms else 0.0


def online_latency_s(frame_s: float, network_s: float) -> float:
    """The paper's latency of an online method: the next frame is waited for, then segmented."""
    return frame_s + network_s


def offline_latency_s(frame_s: float, network_s: float, clip: int) -> float:
    """The paper's latency of a method that looks at clips of so many frames."""
    return clip * (frame_s + network_s)


class PhaseClock:
    """A PhaseWatch that adds up. A frame is over when the next `decode` begins."""

    def __init__(self, warm_up: int = WARM_UP, clock: Callable[[], float] = time.perf_counter) -> None:
        self._warm_up, self._clock = warm_up, clock
        self._spent = dict.fromkeys(PHASES, 0.0)
        self._frame = dict.fromkeys(PHASES, 0.0)
        self._phase: Phase | None = None
        self._since = 0.0
        self._frames = 0

    def enter(self, phase: Phase) -> None:
        """See `PhaseWatch`."""
        self._settle()
        if phase == "decode":
            self._next_frame()
        self._phase = phase

    @property
    def phase(self) -> Phase | None:
        """The one that goes on."""
        return self._phase

    def report(self) -> PhaseReport:
        """Of the frames that count; of all where there were no more than those that warm up."""
        counted = max(self._frames - self._warm_up, 0) or self._frames
        return PhaseReport(counted, {phase: 1000 * spent / max(counted, 1) for phase, spent in self._spent.items()})

    @contextmanager
    def watching(self, network: RCF) -> Generator[None]:
        """Hear where backbone and decoder of `network` begin and end, while the block runs."""

        def on_enter(phase: Phase) -> Callable[..., None]:
            return lambda *_: self.enter(phase)

        handles = [
            network.backbone.register_forward_pre_hook(on_enter("backbone")),
            network.backbone.register_forward_hook(on_enter("fusion")),
            network.decoder.register_forward_pre_hook(on_enter("decoder")),
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _settle(self) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        now = self._clock()
        if self._phase is not None:
            self._frame[self._phase] += now - self._since
        self._since = now

    def _next_frame(self) -> None:
        # A frame was seen where the network has worked: waiting for a source that has ended is none.
        if self._frame["preprocess"]:
            self._frames += 1
            if self._frames == self._warm_up + 1:
                self._spent = dict.fromkeys(PHASES, 0.0)
            for phase, spent in self._frame.items():
                self._spent[phase] += spent
        self._frame = dict.fromkeys(PHASES, 0.0)
