"""Which phase of the work on a frame has begun: told by the parts that do the work, timed by whoever wants to know.

decode --> preprocess --> backbone --> fusion --> decoder --> identity --> encode      one enter(...) at each arrow
"""

from typing import Literal, Protocol, runtime_checkable

Phase = Literal["decode", "preprocess", "backbone", "fusion", "decoder", "identity", "encode"]

PHASES: tuple[Phase, ...] = ("decode", "preprocess", "backbone", "fusion", "decoder", "identity", "encode")
"""In the order of a frame. Fusion is all between backbone and decoder: tokens, references, sound, encoder. The decoder
has the pixel decoder and the heads with it; identity has the thresholds and the masks at the frame's own size."""


@runtime_checkable
class PhaseWatch(Protocol):
    """Hears of every change of phase."""

    def enter(self, phase: Phase) -> None:
        """The phase so far ends, `phase` begins."""
        ...


class Unwatched:
    """Nobody wants to know, so that nothing is waited for."""

    def enter(self, phase: Phase) -> None:
        """Nothing."""


UNWATCHED = Unwatched()
