"""Batches made ahead of the training that waits for them.

    get(step) --> the batch of `step`, made by its thread while the steps before it were computed
              \\-> threads for the steps after it, one each

A batch is a pure function of its step, so what is made ahead is what would have been made in time. Each thread ends
with its batch; none is left when the loader is gone.
"""

import weakref
from collections.abc import Callable
from threading import Thread

from rcf.structures import ClipBatch


class Loader:
    """The batches of a training, in any order; in the order of the steps without waiting."""

    def __init__(self, make: Callable[[int], ClipBatch], steps: int, threads: int) -> None:
        """`make` is called in threads, for steps below `steps`; with 0 `threads` in the caller's own, when asked."""
        self._make, self._steps, self._threads = make, steps, threads
        self._ahead: dict[int, _Making] = {}
        weakref.finalize(self, _join_all, self._ahead)

    def get(self, step: int) -> ClipBatch:
        """The batch of `step`. Raises what `make` raises."""
        wanted = range(step, min(step + self._threads + 1, self._steps))
        for other in self._ahead.keys() - set(wanted):  # a training that was restored at another step
            self._ahead.pop(other).join()
        mine = self._ahead.pop(step, None)
        for following in wanted[1:]:
            if following not in self._ahead:
                self._ahead[following] = _Making(self._make, following)
        return self._make(step) if mine is None else mine.batch()


class _Making(Thread):
    """One batch in the making."""

    def __init__(self, make: Callable[[int], ClipBatch], step: int) -> None:
        super().__init__(name=f"batch-{step}")
        self._task, self._step = make, step
        self._batch: ClipBatch | None = None
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        """Make it, and keep what comes of it for `batch`."""
        try:
            self._batch = self._task(self._step)
        except BaseException as error:
            self._error = error

    def batch(self) -> ClipBatch:
        """Wait for it. Raises what making it raised."""
        self.join()
        if self._error is not None:
            raise self._error
        assert self._batch is not None, "a thread ends with a batch or an error"
        return self._batch


def _join_all(ahead: dict[int, _Making]) -> None:
    for making in ahead.values():
        making.join()
