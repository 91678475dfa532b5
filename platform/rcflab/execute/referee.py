"""Whether a training goes on: asked by its worker, answered by the driver, through files that both can see.

<batch>/referee/open                  there is a referee
                asked-<key>-<step>    the worker waits beside it         judge_of
                prune-<key>-<step>    or  go-<key>-<step>: the answer    refereed, a thread of the driver

The worker does not take a further step before it has the answer, so the decision depends on the trials and not on how
quickly anybody looks. A batch without that file has no referee: nothing is asked.
"""

import logging
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from rcflab.errors import RcfError
from rcflab.execute.batch import Batch
from rcflab.execute.job import Judge, Verdict

logger = logging.getLogger(__name__)

_POLL_S = 0.02
_OPEN = "open"


def judge_of(batch: Batch, train_key: str) -> Judge:
    """For the worker: asks the driver and waits for its answer, or for the end of the run."""
    folder = _folder(batch)

    def judge(step: int) -> Verdict:
        if not (folder / _OPEN).exists():
            return "go"
        name = f"{train_key}-{step}"
        for verdict in ("prune", "go"):  # of another trial at the same point, or of a worker that died
            batch.remove(folder / f"{verdict}-{name}")
        batch.write(folder / f"asked-{name}", "")
        while not batch.stop_requested():
            if (folder / f"prune-{name}").exists():
                return "prune"
            if (folder / f"go-{name}").exists():
                return "go"
            time.sleep(_POLL_S)
        return "stop"

    return judge


@contextmanager
def refereed(batch: Batch, judge: Callable[[str, int], bool]) -> Generator[None]:
    """Answer the workers of `batch` for the block. Raises what `judge` raised, after the block."""
    folder = _folder(batch)
    batch.write(folder / _OPEN, "")
    done = threading.Event()
    faults: list[Exception] = []
    thread = threading.Thread(target=_answer, args=(batch, judge, done, faults), name="rcflab-referee", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    if faults:
        raise faults[0]


def _answer(batch: Batch, judge: Callable[[str, int], bool], done: threading.Event, faults: list[Exception]) -> None:
    try:
        while not done.wait(_POLL_S):
            batch.look()
            for question in sorted(_folder(batch).glob("asked-*")):
                _answer_one(batch, question, judge)
    except Exception as error:  # a worker waits: the run ends, and says why, instead of hanging
        if not isinstance(error, RcfError):
            logger.exception("the referee failed batch=%s", batch.name)
        faults.append(error)
        batch.request_stop()


def _answer_one(batch: Batch, question: Path, judge: Callable[[str, int], bool]) -> None:
    name = question.name.removeprefix("asked-")
    key, _, step = name.rpartition("-")
    verdict = "prune" if judge(key, int(step)) else "go"
    batch.write(_folder(batch) / f"{verdict}-{name}", "")
    batch.remove(question)


def _folder(batch: Batch) -> Path:
    return batch.folder / "referee"
