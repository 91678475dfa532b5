"""The driver's side of a run: start Ray, listen to the operator, always clean up.

batch --ray_started--> run_batch --> last progress of each job
          ^ Ctrl-C, SIGTERM, a rule: jobs save a checkpoint and end; a second signal ends the driver at once
"""

import signal
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from types import FrameType

from rcflab.errors import InterruptedRunError, LabError, StorageError
from rcflab.execute.batch import Batch
from rcflab.execute.following import Following
from rcflab.execute.job import JobProgress
from rcflab.execute.rules import Rule
from rcflab.execute.source import JobSource
from rcflab.storage.opening import mirror_of

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_TICK_S = 1.0


class StopRequest:
    """Whether an end was asked for: by which signal of the operator, or by which rule."""

    def __init__(self, batch: Batch, rules: Sequence[Rule] = ()) -> None:
        self._batch, self._rules = batch, rules
        self.signal: int | None = None
        self.fault: LabError | None = None
        """What the first rule that wanted an end said."""

    def __call__(self) -> bool:
        """True once the run should end."""
        return self.signal is not None or self.fault is not None

    def heard(self, progress: JobProgress) -> None:
        """Tell the rules of a job."""
        for rule in self._rules:
            self._take(rule.heard(progress))

    @contextmanager
    def ticking(self) -> Generator[None]:
        """Ask the rules every second for the block."""
        done = threading.Event()
        thread = threading.Thread(target=self._tick, args=(done,), name="rcflab-rules", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _tick(self, done: threading.Event) -> None:
        while self._rules and not done.wait(_TICK_S):
            for rule in self._rules:
                try:
                    self._take(rule.tick())
                except LabError as error:  # who cannot count may not spend
                    self._take(error)

    def _take(self, fault: LabError | None) -> None:
        if fault is not None and self.fault is None:
            self.fault = fault
            self._batch.request_stop()

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


def run_on_ray(batch: Batch, rules: Sequence[Rule] = (), source: JobSource | None = None) -> dict[str, JobProgress]:
    """Run the jobs of `batch`, or those of `source`, on Ray and delete its folder; returns the last progress of each.

    Raises KeyboardInterrupt after Ctrl-C, InterruptedRunError after SIGTERM and what a rule ends the run with, all once
    the jobs have saved a checkpoint; StorageError when the disk refused some job.
    """
    from rcflab.execute import ray_session, ray_tune  # costs seconds: nothing else of the platform waits for Ray

    mirror = mirror_of(batch.storage)
    stop = StopRequest(batch, (*rules, Following(mirror)) if mirror.is_remote else rules)
    try:
        # Ray sets a handler for SIGTERM when it starts: ours come after.
        with ray_session.ray_started(batch.resources), stop.listening(), stop.ticking():
            if source is None:
                last = ray_tune.run_batch(batch, stop, stop.heard)
            else:
                from rcflab.execute import ray_search

                last = ray_search.run_source(batch, source, stop, stop.heard)
    finally:
        batch.delete()
    if stop.signal == signal.SIGINT:
        raise KeyboardInterrupt
    if stop.signal is not None:
        raise InterruptedRunError("interrupted: checkpoints are saved; the same command goes on from here")
    if stop.fault is not None:
        raise stop.fault
    full = [each.reason for each in last.values() if each.exit_code == StorageError.exit_code]
    if full:
        raise StorageError(full[0].removeprefix("StorageError: "))
    return last
