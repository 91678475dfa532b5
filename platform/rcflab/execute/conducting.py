"""Many processes behave as one training: rank 0 runs the loop, the others do the same calls.

    rank 0   run_job --> ConductedTraining --"advance"--> its Training --.
                               | share                                   |  gradients, sums, videos
    rank r                     `--"advance"--> follow --> its Training --'

The loop knows nothing of it: ledger, lease, checkpoints and files are rank 0's alone. What a call may end in:

    a loss that is not finite   on all ranks alike, by contract: rank 0 records the failure, the others wait on
    a full disk                 rank 0's affair, as with one process
    anything else               a lost or hanging peer, or a defect of one rank: nobody can tell which. The attempt is
                                lost, every rank raises, and the group is started anew from the newest checkpoint
"""

import logging
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

from rcf.errors import NonFiniteLossError
from rcf.train.ranks import SINGLE, Ranks
from rcflab.errors import AttemptLostError, LabError
from rcflab.execute.batch import Batch
from rcflab.execute.checkpoints import is_full
from rcflab.execute.failures import describe
from rcflab.execute.job import Job, JobProgress, Stop
from rcflab.execute.local import make_ready, run_cell
from rcflab.execute.notices import Paced, never
from rcflab.execute.process_state import ProcessState
from rcflab.faults import fault_point
from rcflab.records import Json
from rcflab.task import EvalResult, TaskSpec, Training, load_task

logger = logging.getLogger(__name__)

Name = Literal["start", "restore", "advance", "notice", "evaluate", "end"]
Call = tuple[Name, Json]
"""What the followers do next, with its argument."""
Result = TypeVar("Result")


def run_rank(process: ProcessState, batch: Batch, job: Job, ranks: Ranks, notice: Stop = never) -> JobProgress | None:
    """This process's part of `job`: the last progress on rank 0, None on the others.

    `notice` knows whether a machine of the group will be taken away: it is asked on all ranks at once, or on none.

    Raises AttemptLostError on rank 0 where another one is gone; a follower raises what has happened to it.
    """
    if ranks.rank:
        task = load_task(job.task)
        make_ready(batch, job)
        process.begin(batch.resources.threads, job.seed)
        follow(task, job, ranks, notice)
        return None
    if ranks.size == 1:
        return deque(run_cell(process, batch, job, notice=Paced(notice)), maxlen=1).pop()
    together = Paced(lambda: _together(ranks, ("notice", None), notice))
    last = deque(run_cell(process, batch, job, partial(conducted, ranks=ranks), together), maxlen=1).pop()
    dismiss(ranks)
    return last


def conducted(task: TaskSpec, ranks: Ranks) -> TaskSpec:
    """`task` as rank 0 runs it for all: each call of its training is made by every rank. End with `dismiss`."""

    def start(config: Mapping[str, Json], seed: int, alone: Ranks = SINGLE) -> Training:
        begun = _together(ranks, ("start", None), lambda: task.start(config, seed, ranks))
        return ConductedTraining(begun, ranks)

    return replace(task, start=start)


def dismiss(ranks: Ranks) -> None:
    """Tell the followers that the job has ended. Raises AttemptLostError where one of them is gone."""
    _together(ranks, ("end", None), lambda: None)


class ConductedTraining:
    """Rank 0's training, which the others follow; see rcflab.task.Training."""

    def __init__(self, training: Training, ranks: Ranks) -> None:
        self._training, self._ranks = training, ranks

    @property
    def step(self) -> int:
        """Finished steps, the same on all ranks."""
        return self._training.step

    def advance(self) -> Mapping[str, float]:
        """One step by all."""
        return _together(self._ranks, ("advance", None), self._training.advance)

    def save(self, folder: Path) -> None:
        """By rank 0 alone: weights are equal on all ranks."""
        self._training.save(folder)

    def restore(self, folder: Path) -> None:
        """From a folder that all ranks can read."""
        _together(self._ranks, ("restore", str(folder)), lambda: self._training.restore(folder))

    def evaluate(self, configs: Sequence[Mapping[str, Json]], folders: Sequence[Path]) -> list[EvalResult]:
        """Videos are shared out; results and files are rank 0's."""
        call: Call = ("evaluate", [dict(config) for config in configs])
        return _together(self._ranks, call, lambda: self._training.evaluate(configs, folders))

    def assist(self, configs: Sequence[Mapping[str, Json]]) -> None:
        """Nobody conducts the conductor."""
        raise NotImplementedError("rank 0 evaluates, the others assist")


def follow(task: TaskSpec, job: Job, ranks: Ranks, notice: Stop = never) -> None:
    """Do what rank 0 does, as another rank, until it dismisses. Raises whatever makes this rank useless."""
    training: Training | None = None
    while True:
        name, argument = ranks.share(_NOTHING)
        if name == "end":
            return
        if name == "start":
            training = task.start(job.config, job.seed, ranks)
            continue
        if name == "notice":
            notice()
            continue
        assert training is not None, "rank 0 starts before all else"
        try:
            _follow(training, name, argument)
        except NonFiniteLossError as error:  # rank 0 has met it too, and will say what comes next
            logger.info("key=%s rank=%d %s", job.train_key, ranks.rank, error)


_NOTHING: Call = ("end", None)
"""What a follower puts into a message that only rank 0 fills."""


def _follow(training: Training, name: Name, argument: Json) -> None:
    match name:
        case "restore":
            training.restore(Path(argument))
        case "evaluate":
            training.assist(argument)
        case _:
            training.advance()
            fault_point("follow.step")


def _together(ranks: Ranks, call: Call, own: Callable[[], Result]) -> Result:
    """Announce `call` and do rank 0's part of it."""
    with _attempt(call[0]):
        ranks.share(call)
        return own()


@contextmanager
def _attempt(name: Name) -> Generator[None]:
    try:
        yield
    except (NonFiniteLossError, LabError):
        raise
    except Exception as error:
        if is_full(error):
            raise
        raise AttemptLostError(f"{name}: {describe(error)}") from error
