"""The driver's side of a run: start Ray, listen to the operator, always clean up.

batch --ray_started--> run_batch --> last progress of each job
          ^ Ctrl-C, SIGTERM, a closed terminal, a rule: jobs save a checkpoint and end; a second signal ends the
            driver at once, and so does a head that is lost: nobody is left to wait for
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from types import FrameType

from rcflab.errors import InterruptedRunError, LabError, StorageError
from rcflab.execute.batch import Batch
from rcflab.execute.following import Following
from rcflab.execute.heartbeat import beating
from rcflab.execute.job import JobProgress
from rcflab.execute.rules import Rule
from rcflab.execute.source import JobSource
from rcflab.storage.opening import mirror_of

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_TICK_S = 1.0
_LAST_RESORT_S = 8.0


class StopRequest:
    """Whether an end was asked for: by which signal of the operator, or by which rule."""

    def __init__(self, batch: Batch, rules: Sequence[Rule] = ()) -> None:
        self._batch, self._rules = batch, rules
        self.signal: int | None = None
        self.fault: LabError | None = None
        """What the first rule that wanted an end said."""
        self.lost: LabError | None = None
        """Why there is no cluster any more."""
        self._listens = False
        self.over = threading.Event()

    def __call__(self) -> bool:
        """True once the run should end."""
        return self.signal is not None or self.fault is not None or self.lost is not None

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
        heard = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]  # as nohup has it
        before = {number: signal.signal(number, self._heard) for number in heard}
        self._listens = True
        try:
            yield
        finally:
            self._listens = False
            for number, handler in before.items():
                signal.signal(number, handler)

    def abandon(self, fault: LabError) -> None:
        """The cluster is gone: leave the block with an exception, whatever the main thread waits for.

        Measured: it often waits inside Ray, where no signal is heard, and ten seconds later Ray would end the process
        with exit code 1. So it is ended here, in our words.
        """
        self.lost = fault
        if self._listens:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
        if not self.over.wait(_LAST_RESORT_S):
            self._batch.delete()  # workers that still live see it, save a checkpoint and end
            sys.stderr.write(f"error: {fault}\n")
            sys.stderr.flush()
            os._exit(fault.exit_code)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        if self.lost is not None:
            raise self.lost
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number
        self._batch.request_stop()


def run_on_ray(
    batch: Batch,
    rules: Sequence[Rule] = (),
    source: JobSource | None = None,
    note: Callable[[str], None] = lambda line: None,
) -> dict[str, JobProgress]:
    """Run the jobs of `batch`, or those of `source`, on Ray and delete its folder; returns the last progress of each.

    `note` is told every few seconds why cells wait for room, with an empty line where they do not.

    Raises KeyboardInterrupt after Ctrl-C, InterruptedRunError after SIGTERM or a closed terminal and what a rule ends
    the run with, all once the jobs have saved a checkpoint; StorageError when the disk refused some job;
    ServiceDownError where Ray does not start, or is lost.
    """
    mirror = mirror_of(batch.storage)
    stop = StopRequest(batch, (*rules, Following(mirror)) if mirror.is_remote else rules)
    try:
        with beating(batch.beat):
            last = _run_on_ray(batch, stop, source, note)
    except Exception as error:
        if stop.lost is not None:  # Tune and Ray have words of their own for it
            raise stop.lost from error
        raise
    finally:
        batch.delete()
        stop.over.set()
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


def _run_on_ray(
    batch: Batch, stop: StopRequest, source: JobSource | None, note: Callable[[str], None]
) -> dict[str, JobProgress]:
    from rcflab.execute import ray_session, ray_tune, ray_watch  # seconds: nothing else of the platform waits for Ray

    # Ray sets a handler for SIGTERM when it starts: ours come after.
    with (
        ray_session.ray_started(batch.resources),
        stop.listening(),
        stop.ticking(),
        ray_watch.cluster_watched(note, stop.abandon),
    ):
        if source is None:
            return ray_tune.run_batch(batch, stop, stop.heard)
        from rcflab.execute import ray_search

        return ray_search.run_source(batch, source, stop, stop.heard)
