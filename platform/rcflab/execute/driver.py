"""The driver's side of a run: start Ray, listen to the operator, always clean up.

batch --ray_started--> run_batch --> last progress of each job
          ^ Ctrl-C, SIGTERM: jobs save a checkpoint and end; a second signal ends the driver at once
"""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

from rcflab.errors import InterruptedRunError, StorageError
from rcflab.execute.batch import Batch
from rcflab.execute.job import JobProgress
from rcflab.execute.source import JobSource

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Whether, and by which signal, the operator asked for an end."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self.signal: int | None = None

    def __call__(self) -> bool:
        """True once the run should end."""
        return self.signal is not None

    @contextmanager
    def listening(self) -> Generator[None]:
        """Take the signals for the block. Does nothing outside the main thread, where Python allows no handlers."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._heard) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number
        self._batch.request_stop()


def run_on_ray(batch: Batch, source: JobSource | None = None) -> dict[str, JobProgress]:
    """Run the jobs of `batch`, or those of `source`, on Ray and delete the batch's folder; returns their last progress.

    Raises KeyboardInterrupt after Ctrl-C and InterruptedRunError after SIGTERM, both once the jobs have saved a
    checkpoint; StorageError when the disk refused some job.
    """
    from rcflab.execute import ray_tune  # costs seconds: nothing else of the platform waits for Ray

    stop = StopRequest(batch)
    try:
        # Ray sets a handler for SIGTERM when it starts: ours come after.
        with ray_tune.ray_started(batch.resources), stop.listening():
            if source is None:
                last = ray_tune.run_batch(batch, stop)
            else:
                from rcflab.execute import ray_search

                last = ray_search.run_source(batch, source, stop)
    finally:
        batch.delete()
    if stop.signal == signal.SIGINT:
        raise KeyboardInterrupt
    if stop.signal is not None:
        raise InterruptedRunError("interrupted: checkpoints are saved; the same command goes on from here")
    full = [each.reason for each in last.values() if each.exit_code == StorageError.exit_code]
    if full:
        raise StorageError(full[0].removeprefix("StorageError: "))
    return last
