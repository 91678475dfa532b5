"""From trials to jobs and back: what the executor of a search is driven by.

    next  --> an open trial's next seed, or a fresh ask --> Job | wait | done
    ended --> the ledger says finished | pruned | failed --> values: mean over seeds --> tell
    judge --> value of the ledger at this step --> pruner

Values come from the ledger, never from the executor. A cell that is finished already, by whatever search or
experiment, is not run again; two trials at one point share their cells.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Literal

from rcflab.execute.job import Job, JobProgress, jobs_of
from rcflab.ledger.events import Evaluated
from rcflab.ledger.files import storage_errors
from rcflab.ledger.fold import KeyState
from rcflab.ledger.reader import read_key
from rcflab.records import Cell, RunPlan
from rcflab.search.cells import Trials
from rcflab.search.config import SearchConfig, WilcoxonPruner
from rcflab.search.optuna_pruner import first_step, worse_on_videos
from rcflab.search.optuna_study import SearchStudy
from rcflab.search.space import Point
from rcflab.search.trial import Trial

VideoScores = Callable[[Evaluated], Sequence[float]]
"""The objective video by video, from the match records of an evaluation."""


@dataclass(slots=True)
class _Open:
    """A trial in progress."""

    trial: Trial
    cells: tuple[Cell, ...]
    given: set[str] = field(default_factory=set[str])
    """train_keys that were handed out for it."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the conductor must know beside its study."""

    search: SearchConfig
    code_digest: str
    reuse_code: bool
    """Take cells that other code finished."""
    first_evaluation: int
    """Step of the first evaluation on the way."""
    grid: int
    """Points of the whole grid; 0 for other samplers."""
    videos: VideoScores
    heard: Callable[[Sequence[Cell], bool], None]
    """Is told of the cells of each trial, and whether they may start now: those of ended trials never do."""
    running: set[str] = field(default_factory=set[str])
    """train_keys that some conductor of this policy has handed out: two studies may meet in one training."""


class Conductor:
    """Conducts one study. Calls may come from any thread."""

    def __init__(self, study: SearchStudy, trials: Trials, policy: Policy) -> None:
        self.study, self._trials, self._policy = study, trials, policy
        self._lock = Lock()
        limits = [count for count in (policy.search.trials, policy.grid) if count]
        self._budget = min(limits)
        self._open: dict[int, _Open] = {}
        for trial in study.trials():
            if trial.state == "open":
                self._take_up(trial)
            else:
                policy.heard(self.cells(trial), False)

    @property
    def to_ask(self) -> int:
        """Trials that may still be asked for."""
        return max(self._budget - len(self.study.trials()), 0)

    @property
    def is_done(self) -> bool:
        """No trial is open and none is to come."""
        return not self._open and not self.to_ask

    @property
    def seeds(self) -> int:
        """Trainings of a trial."""
        return self._policy.search.seeds

    @property
    def left(self) -> int:
        """Trainings without a result, of the open trials and of those to come."""
        return self.to_ask * self.seeds + sum(
            self._final(cell) is None for each in self._open.values() for cell in each.cells
        )

    def propose(self, most: int) -> list[Point]:
        """What would be tried now, at most so many points: those of open trials, then fresh asks, which stay open."""
        points = [each.trial.point for each in self._open.values()][:most]
        for _ in range(min(most - len(points), self.to_ask)):
            trial = self.study.ask()
            points += [] if trial is None else [trial.point]
        return points

    def name(self, number: int) -> str:
        """What a trial is called."""
        return self._trials.name(number)

    def next(self) -> Job | Literal["wait", "done"]:
        """What to run now."""
        with self._lock, storage_errors(self._trials.storage, "go on with the search"):
            while True:
                self._settle()
                job = self._job_of_open()
                if job is not None:
                    return job
                waits = any(not each.given for each in self._open.values())  # for a cell of another trial
                trial = None if waits or not self.to_ask else self.study.ask()
                if trial is None:
                    return "wait" if self._open and self._policy.running else "done"
                self._take_up(trial)

    def ended(self, progress: JobProgress) -> None:
        """A job came to an end, or was stopped: then its trials stay open."""
        with self._lock, storage_errors(self._trials.storage, "go on with the search"):
            self._policy.running.discard(progress.train_key)
            if progress.phase != "blocked":  # what another process holds is not tried again in this run
                self._settle(progress.train_key)

    def judge(self, train_key: str, step: int) -> bool:
        """Whether the pruner stops this training after the evaluation of `step`."""
        with self._lock, storage_errors(self._trials.storage, "go on with the search"):
            return any(self._judged(each, step) for each in self._open.values() if _leads(each, train_key))

    def cells(self, trial: Trial) -> tuple[Cell, ...]:
        """The cells of any trial of the study."""
        return self._trials.cells(trial.number, trial.point)

    def _take_up(self, trial: Trial) -> None:
        taken = _Open(trial, self._trials.cells(trial.number, trial.point))
        self._open[trial.number] = taken
        self._policy.heard(taken.cells, True)

    def _job_of_open(self) -> Job | None:
        """The first cell of the oldest open trial that nobody runs and that has no result."""
        for each in self._open.values():
            for cell in self._waiting(each):
                if cell.train_key not in self._policy.running and cell.train_key not in each.given:
                    each.given.add(cell.train_key)
                    self._policy.running.add(cell.train_key)
                    return self._job(cell)
        return None

    def _waiting(self, each: _Open) -> Sequence[Cell]:
        """Cells that could run: with a pruner the first seed has to come through before the others begin."""
        left = [cell for cell in each.cells if self._final(cell) is None]
        qualifies = self._policy.search.pruner is not None and left and left[0] is each.cells[0]
        return left[:1] if qualifies else left

    def _job(self, cell: Cell) -> Job:
        plan = RunPlan("", self._trials.task, "", (cell,), ())
        (job,) = jobs_of(plan, {cell.eval_key}, reuse_code=self._policy.reuse_code)
        return job

    def _settle(self, ended: str = "") -> None:
        """Tell the study of every open trial whose end the ledger knows; `ended` names a job that just ended."""
        for number, each in list(self._open.items()):
            if self._is_told(each, ended):
                del self._open[number]

    def _is_told(self, each: _Open, ended: str) -> bool:
        finals = [self._final(cell) for cell in each.cells]
        done = [final for final in finals if final is not None]
        if len(done) == len(each.cells):
            self._tell(each.trial.number, done)
            return True
        if ended not in each.given:
            return False
        state = read_key(self._trials.storage, ended)
        if state.state == "pruned":
            self.study.prune(each.trial.number)
        elif state.state == "failed":
            self.study.fail(each.trial.number, state.reason)
        elif state.state == "finished":
            return False  # the first of several seeds
        else:  # interrupted: the trial stays open, and this job may be given again
            each.given.discard(ended)
            return False
        return True

    def _tell(self, number: int, finals: Sequence[Evaluated]) -> None:
        missing = [key for key in self._policy.search.objective if any(_no_value(key, each) for each in finals)]
        if missing:
            reported = ", ".join(sorted(finals[0].values))
            self.study.fail(number, f"no value of {', '.join(missing)}; reported: {reported}")
            return
        means = [math.fsum(each.values[key] for each in finals) / len(finals) for key in self._policy.search.objective]
        self.study.complete(number, means)

    def _final(self, cell: Cell) -> Evaluated | None:
        """The cell's result, where the ledger has one that counts."""
        state = read_key(self._trials.storage, cell.train_key)
        if state.state != "finished":
            return None
        return final_of(state, cell, self._policy.code_digest, reuse_code=self._policy.reuse_code)

    def _judged(self, each: _Open, step: int) -> bool:
        search, cell = self._policy.search, each.cells[0]
        if search.pruner is None or step < first_step(search.pruner, self._policy.first_evaluation):
            return False
        (objective,) = search.objective
        found = self._on_the_way(cell, step)
        if found is None or objective not in found.values:
            return False
        pruned = self.study.should_prune(each.trial.number, step, found.values[objective])
        if isinstance(search.pruner, WilcoxonPruner):
            return self._is_worse_on_videos(search.pruner, found, step)
        return pruned

    def _is_worse_on_videos(self, pruner: WilcoxonPruner, found: Evaluated, step: int) -> bool:
        """Against the best complete trial at the same step, on the videos that have a value in both."""
        (direction,) = self._policy.search.objective.values()
        best = best_trial(self.study.trials(), direction)
        rival = None if best is None else self._on_the_way(self.cells(best)[0], step)
        if rival is None or rival.videos_digest != found.videos_digest:
            return False
        pairs = zip(self._policy.videos(found), self._policy.videos(rival), strict=True)
        both = [(mine, theirs) for mine, theirs in pairs if math.isfinite(mine) and math.isfinite(theirs)]
        if not both:
            return False
        scores, others = zip(*both, strict=True)
        return worse_on_videos(pruner, scores, others, direction)

    def _on_the_way(self, cell: Cell, step: int) -> Evaluated | None:
        found = [
            each
            for each in read_key(self._trials.storage, cell.train_key).evaluations
            if (each.eval_key, each.step) == (cell.eval_key, step)
        ]
        own = [each for each in found if each.code_digest == self._policy.code_digest]
        return (own or found)[-1] if found else None


def final_of(state: KeyState, cell: Cell, code_digest: str, *, reuse_code: bool) -> Evaluated | None:
    """The final evaluation of a cell by this code, or by any where `reuse_code`."""
    key = cell.eval_key
    return state.final_before_others(key, code_digest) if reuse_code else state.final(key, code_digest)


def best_trial(trials: Sequence[Trial], direction: str) -> Trial | None:
    """The complete trial with the best value of one objective; of equal ones the first."""
    complete = [trial for trial in trials if trial.values is not None]
    sign = 1 if direction == "min" else -1
    return min(complete, key=lambda trial: (sign * (trial.values or (0.0,))[0], trial.number), default=None)


def _leads(each: _Open, train_key: str) -> bool:
    return each.cells[0].train_key == train_key and train_key in each.given


def _no_value(key: str, final: Evaluated) -> bool:
    return not math.isfinite(final.values.get(key, math.nan))
