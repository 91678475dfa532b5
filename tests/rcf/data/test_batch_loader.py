"""Batches made ahead are those that would have been made in time, and no thread outlives its loader."""

import gc
import threading
from collections.abc import Callable

import pytest
import torch

from rcf.data.loader import Loader
from rcf.structures import ClipBatch


def _make(step: int) -> ClipBatch:
    return ClipBatch(torch.full((1, 1, 3, 2, 2), step, dtype=torch.uint8), ())


def _step(batch: ClipBatch) -> int:
    return int(batch.frames.max())


class Counted:
    """Notes which steps were made, and by how many threads."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.threads: set[int] = set()

    def __call__(self, step: int) -> ClipBatch:
        self.steps.append(step)
        self.threads.add(threading.get_ident())
        return _make(step)


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_each_step_has_its_own_batch(threads: int) -> None:
    loader = Loader(_make, 10, threads)
    assert [_step(loader.get(step)) for step in range(10)] == list(range(10))


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_each_batch_is_made_once_and_none_after_the_last_step(threads: int) -> None:
    made = Counted()
    loader = Loader(made, 6, threads)
    for step in range(6):
        loader.get(step)
    assert sorted(made.steps) == list(range(6))


def test_without_threads_nothing_is_made_ahead_or_elsewhere() -> None:
    made = Counted()
    Loader(made, 6, 0).get(2)
    assert (made.steps, made.threads) == ([2], {threading.get_ident()})


def test_a_restored_training_gets_the_step_that_it_asks_for() -> None:
    loader = Loader(_make, 100, 2)
    loader.get(0)
    assert [_step(loader.get(step)) for step in (50, 51, 7, 8)] == [50, 51, 7, 8]


def _broken(step: int) -> ClipBatch:
    if step == 2:
        raise ValueError("step 2 is broken")
    return _make(step)


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_an_error_comes_at_its_own_step(threads: int) -> None:
    loader = Loader(_broken, 10, threads)
    assert [_step(loader.get(step)) for step in (0, 1)] == [0, 1]
    with pytest.raises(ValueError, match="step 2"):
        loader.get(2)


def _waiting(release: threading.Event) -> Callable[[int], ClipBatch]:
    def make(step: int) -> ClipBatch:
        if step > 200:
            release.wait(timeout=60)
        return _make(step)

    return make


def _alive() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("batch-")}


def test_no_thread_is_left_when_the_loader_is_gone() -> None:
    release = threading.Event()
    loader = Loader(_waiting(release), 210, 2)
    loader.get(200)
    assert {"batch-201", "batch-202"} <= _alive()
    release.set()
    del loader
    gc.collect()
    assert not {"batch-201", "batch-202"} & _alive()


def test_no_thread_is_left_after_the_last_step() -> None:
    loader = Loader(_make, 233, 2)
    for step in range(230, 233):
        loader.get(step)
    assert not {"batch-231", "batch-232"} & _alive()
