"""Whether a training goes on: asked by its worker, answered by the driver, through files that both can see.

<batch>/referee/asked-<key>-<step>    the worker waits beside it         judge_of
                prune-<key>-<step>    or  go-<key>-<step>: the answer    refereed, a thread of the driver

The worker does not take a further step before it has the answer, so the decision depends on the trials and not on how
quickly anybody looks. A batch without the folder has no referee: nothing is asked.
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
from rcflab.ledger.files import storage_errors

logger = logging.getLogger(__name__)

_POLL_S = 0.02


def judge_of(batch: Batch, train_key: str) -> Judge:
    """For the worker: asks the driver and waits for its answer, or for the end of the run."""
    folder = _folder(batch)

    def judge(step: int) -> Verdict:
        if not folder.is_dir():
            return "go"
        name = f"{train_key}-{step}"
        with storage_errors(folder, "write"):
            for verdict in ("prune", "go"):  # of another trial at the same point, or of a worker that died
                (folder / f"{verdict}-{name}").unlink(missing_ok=True)
            (folder / f"asked-{name}").touch()
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
    with storage_errors(folder, "create"):
        folder.mkdir(exist_ok=True)
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
            for question in sorted(_folder(batch).glob("asked-*")):
                _answer_one(_folder(batch), question, judge)
    except Exception as error:  # a worker waits: the run ends, and says why, instead of hanging
        if not isinstance(error, RcfError):
            logger.exception("the referee failed batch=%s", batch.name)
        faults.append(error)
        batch.request_stop()


def _answer_one(folder: Path, question: Path, judge: Callable[[str, int], bool]) -> None:
    name = question.name.removeprefix("asked-")
    key, _, step = name.rpartition("-")
    verdict = "prune" if judge(key, int(step)) else "go"
    (folder / f"{verdict}-{name}").touch()
    question.unlink(missing_ok=True)


def _folder(batch: Batch) -> Path:
    return batch.folder / "referee"
