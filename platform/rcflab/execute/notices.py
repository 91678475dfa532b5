"""Why a training should end before its time, as its worker finds out between two steps.

the run should end: a file in the batch          ASKED
the driver is gone: its process, or its beats    nobody waits for the result
the machine will be taken away: Ray says so      Halt(preempted): the checkpoint goes on elsewhere, at once
"""

import time
from collections.abc import Callable

from rcflab.execute.batch import Batch
from rcflab.execute.job import ASKED, Halt, Stop
from rcflab.execute.orphans import DriverWatch

NOTICE_EVERY_S = 2.0
"""The shortest notice of a cloud is half a minute; to ask costs some milliseconds."""


def never() -> Halt | None:
    """A worker to which nobody gives notice."""
    return None


class Paced:
    """Asks a question that costs something every few seconds only."""

    def __init__(self, ask: Stop, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` in seconds."""
        self._ask, self._clock = ask, clock
        self._asked = clock()

    def __call__(self) -> Halt | None:
        """The answer, or nothing where it is not time yet."""
        now = self._clock()
        if now - self._asked < NOTICE_EVERY_S:
            return None
        self._asked = now
        return self._ask()


def stop_of(batch: Batch, notice: Stop) -> Stop:
    """All reasons of one worker of `batch`, the most urgent first."""
    driver = DriverWatch(batch)

    def stop() -> Halt | None:
        if batch.stop_requested():
            return ASKED
        return Halt("its driver is gone") if driver.is_gone() else notice()

    return stop
