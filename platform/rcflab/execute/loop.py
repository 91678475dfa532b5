"""The loop that every executor runs: one job, resumable at any moment, without a word of Ray.

    lease --> AttemptStarted --> newest valid checkpoint --> step, log, checkpoint, evaluate, best ... --> finished
                                                                `--> failed | pruned | interrupted: the next run resumes

A step that is evaluated has a checkpoint, also between those of `checkpoint_every`: the best one can be kept.

A training only goes on from checkpoints of the same code (`code_digest`): a cell made half by one version and half
by another is no result. So a failed cell that is run again resumes where it stood, and begins anew once the code was
mended.
A finished training is evaluated from its last checkpoint, never trained again.

An attempt that lost its process says nothing of its end: the next one writes it down first, with what is known of it.
"""

import logging
import math
import os
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal

from rcf.errors import NonFiniteLossError
from rcflab.errors import AttemptLostError, FencedError, LabError, StorageError
from rcflab.execute.attempts import Loss
from rcflab.execute.best import BestCheckpoint
from rcflab.execute.checkpoints import Checkpoint, CheckpointStore, is_full
from rcflab.execute.endings import TAKEOVER_WAIT_S, write_log
from rcflab.execute.evaluations import evaluate_into
from rcflab.execute.failures import classify, describe
from rcflab.execute.heartbeat import beating
from rcflab.execute.job import ASKED, Evaluation, Halt, Job, JobProgress, Judge, Phase, Stop
from rcflab.execute.job_file import write_job
from rcflab.execute.system_load import SystemLoad
from rcflab.faults import fault_point
from rcflab.ledger.events import AttemptStarted, CheckpointSaved, Evaluated, Event, Failure, Metrics, StateChanged
from rcflab.ledger.fold import KeyState
from rcflab.ledger.lease import Lease, ProcessId, acquire
from rcflab.ledger.object_writer import Ledger, ledger_writer
from rcflab.ledger.reader import read_key
from rcflab.records import Json, Provenance
from rcflab.storage.mirror import Mirror
from rcflab.storage.opening import mirror_of
from rcflab.task import TaskSpec, Training

logger = logging.getLogger(__name__)

_SILENT = Loss("worker_lost", "the process that trained it ended without a word", 0, final=False)


def run_job(  # noqa: PLR0913  a part each
    job: Job,
    task: TaskSpec,
    storage: Path,
    driver: ProcessId,
    provenance: Provenance,
    should_stop: Stop,
    lost: Loss | None = None,
    judge: Judge = lambda step: "go",
) -> Iterator[JobProgress]:
    """Train and evaluate `job`, yielding after each step; the last progress has an ended phase.

    `lost` is what is known of the end of an attempt before this one that did not say it itself.

    Closing the generator between steps is a request to stop: it saves a checkpoint first. A failure of the task is
    recorded and yielded, not raised. Raises LeaseHeldError (another driver trains it), FencedError (a newer owner took
    it), StorageError (the disk does not take it), AttemptLostError (recorded as interrupted: try again).
    """
    key, mirror, gone = job.train_key, mirror_of(storage), lost.attempt if lost else 0
    lease = acquire(storage, key, driver, wait_s=TAKEOVER_WAIT_S, gone=gone, claims=mirror.claims(key))
    try:
        with beating(lease.heartbeat):
            mirror.take_over(key)
            with ledger_writer(storage, key, lease, mirror) as ledger:
                run = _Run(job, storage, task, lease, ledger, judge, mirror)
                run.record_end_of(lost or _SILENT)
                yield from run.drive(provenance, should_stop)
    finally:
        lease.release()


class _Run:
    """One attempt at one job, under its lease."""

    def __init__(
        self, job: Job, storage: Path, task: TaskSpec, lease: Lease, ledger: Ledger, judge: Judge, mirror: Mirror
    ) -> None:
        self.job, self.storage, self.task, self.lease, self.ledger = job, storage, task, lease, ledger
        self.judge, self.mirror = judge, mirror
        self.folder = storage / "cells" / job.train_key
        self.store = CheckpointStore(self.folder / "checkpoints", lease.guard, mirror)
        self.schedule = task.schedule(job.config)
        self.state: KeyState = read_key(storage, job.train_key)
        self.best = BestCheckpoint(storage, self.store, task.best, task.resume_files)
        self.evaluated: dict[tuple[str, int], Mapping[str, float]] = {}
        self.load = SystemLoad()
        self.saved: Checkpoint | None = None
        self.over = self.ended = False
        self.code, self.step = "", 0

    def record_end_of(self, lost: Loss) -> None:
        """Write down how the attempt before this one ended, where it could not do so itself."""
        if self.state.state == "started":
            self._append(StateChanged(_now_ms(), self.state.step, "interrupted", lost.reason, lost.failure))

    def drive(self, provenance: Provenance, should_stop: Stop) -> Iterator[JobProgress]:
        """All of the attempt, with its failures classified."""
        training: Training | None = None
        try:
            start = self._newest(provenance)
            self._begin(start, provenance)
            training = self.task.start(self.job.config, self.job.seed)
            if start is not None:
                training.restore(start.folder)
                assert training.step == start.step, "a checkpoint restores the step of its manifest"
            for phase in self._steps(training):
                if phase == "training" and (halt := should_stop()):
                    yield self._interrupt(training, halt)
                    return
                yield self._progress(phase)
        except GeneratorExit:
            self._interrupt_quietly(training)
            raise
        except (FencedError, StorageError):
            raise
        except AttemptLostError as error:
            self._append_end("interrupted", str(error))
            raise
        except Exception as error:
            if is_full(error):
                raise StorageError(f"{self.folder}: {error}. Free some space and run the same command again") from error
            yield self._fail(error)
        except BaseException as error:  # Ctrl-C or exit inside a step: its half-done state must not become a checkpoint
            self._append_end("interrupted", type(error).__name__)
            raise

    def _newest(self, provenance: Provenance) -> Checkpoint | None:
        newest = self.store.newest_valid(
            lambda meta: self.job.reuse_code or meta["code_digest"] == provenance.code_digest
        )
        if newest is None:
            self.store.clear()
            self.best.forget()
        return newest

    def _begin(self, start: Checkpoint | None, provenance: Provenance) -> None:
        self.saved, self.step = start, start.step if start else 0
        self.code = str(start.meta["code_digest"]) if start else provenance.code_digest
        known = asdict(provenance)
        if self.code != provenance.code_digest:
            known |= {"code_digest": self.code, "evaluated_by": provenance.code_digest}
        self.evaluated = {
            (e.eval_key, e.step): e.values
            for e in self.state.evaluations
            if e.code_digest == self.code and (self.storage / e.records).is_file()
        }
        self.over = self.state.state == "finished" and self.step == self.schedule.steps
        self.best.kept = self.state.best if start else None
        write_job(self.folder, self.job, self.lease.guard, self.mirror)
        self._append(AttemptStarted(_now_ms(), self.lease.token, self.step, known, os.getpid()))

    def _steps(self, training: Training) -> Iterator[Phase]:
        steps = self.schedule.steps
        yield from self._evaluate_due(training)
        while training.step < steps:
            verdict = self.judge(training.step) if self._is_evaluated(training.step) else "go"
            if verdict == "prune":
                self._append_end("pruned", f"stopped after step {training.step}: other trials do better")
                yield "pruned"
                return
            if verdict == "stop":
                yield "training"  # interrupted at this very step: whoever resumes it asks again
            began = time.perf_counter()
            values = training.advance()
            self.step = training.step
            self._log(values, 1000 * (time.perf_counter() - began))
            fault_point("train.step")
            if self._is_saved(self.step):
                self._checkpoint(training)
            yield from self._evaluate_due(training)
            if self.step < steps:
                yield "training"
        self._append_end("finished")
        self.store.keep_newest(1)
        yield "finished"

    def _is_saved(self, step: int) -> bool:
        due = _is_due(step, self.schedule.checkpoint_every) or _is_due(step, self.schedule.evaluate_every)
        return due or step == self.schedule.steps

    def _log(self, values: Mapping[str, float], step_ms: float) -> None:
        for key, value in values.items():
            if not math.isfinite(value):
                raise NonFiniteLossError(self.step, key, value)
        if _is_due(self.step, self.schedule.log_every) or self.step == self.schedule.steps:
            load = self.load.sample(last=self.step == self.schedule.steps)
            self._append(Metrics(_now_ms(), self.step, {**values, "time/step_ms": step_ms, **load}))

    def _checkpoint(self, training: Training) -> None:
        # The last checkpoint is never continued: what only a resume needs is left out from the start.
        drop = self.task.resume_files if training.step == self.schedule.steps else ()
        meta: dict[str, Json] = {
            "train_key": self.job.train_key,
            "seed": self.job.seed,
            "attempt": self.lease.token,
            "code_digest": self.code,
        }
        self.ledger.flush()  # whoever goes on from the checkpoint does not make the events before it again
        saved = self.store.commit(training.step, training.save, meta, drop=drop)
        self._append(CheckpointSaved(_now_ms(), saved.step, self._relative(saved.folder), saved.sha256))
        self.saved = saved

    def _evaluate_due(self, training: Training) -> Iterator[Phase]:
        """Every evaluation that this step owes and that was not done, also after a crash between both."""
        final = training.step == self.schedule.steps
        if not final and not self._is_evaluated(training.step):
            return
        due = [each for each in self.job.evaluations if (each.eval_key, training.step) not in self.evaluated]
        if due:
            yield "evaluating"
            self._evaluate(training, due, final)
        if not self.over:
            self._keep_best(final)

    def _is_evaluated(self, step: int) -> bool:
        return step > 0 and _is_due(step, self.schedule.evaluate_every)

    def _keep_best(self, last: bool) -> None:
        key = self.job.evaluations[0].eval_key
        assert self.saved is not None and self.saved.step == self.step, "what is evaluated has a checkpoint"
        event = self.best.consider(self.saved, key, self.evaluated[key, self.step], last=last, ts_ms=_now_ms())
        if event is not None:
            self._append(event)
        self.best.tidy()

    def _evaluate(self, training: Training, due: Sequence[Evaluation], final: bool) -> None:
        """All that are due together: they share what they have in common."""
        wanted = {self.folder / "eval" / each.eval_key: each.config for each in due}
        found = evaluate_into(wanted, training, self.lease.guard, self.mirror)
        for each, files in zip(due, found, strict=True):
            event = Evaluated(
                ts_ms=_now_ms(),
                step=training.step,
                eval_key=each.eval_key,
                final=final,
                values=files.metrics,
                videos_digest=files.videos_digest,
                records=self._relative(files.records),
                artifacts=tuple(self._relative(path) for path in files.artifacts),
                code_digest=self.code,
            )
            self._append(event)
            self.evaluated[each.eval_key, training.step] = files.metrics

    def _interrupt(self, training: Training, halt: Halt = ASKED) -> JobProgress:
        if training.step > (self.saved.step if self.saved else 0):
            self._checkpoint(training)
        self._append_end("interrupted", halt.reason, halt.failure)
        return replace(self._progress("interrupted", halt.reason if halt.failure else ""), failure=halt.failure)

    def _interrupt_quietly(self, training: Training | None) -> None:
        """Closing a generator is no place for errors: what could not be saved is trained again."""
        if training is not None and not self.ended:
            try:
                self._interrupt(training)
            except LabError as error:
                logger.warning("stopped without a checkpoint key=%s reason=%s", self.job.train_key, error)

    def _fail(self, error: Exception) -> JobProgress:
        reason, failure = describe(error), classify(error)
        log = write_log(self.folder, self.lease, "".join(traceback.format_exception(error)), self.mirror)
        self._append(StateChanged(_now_ms(), self.step, "failed", reason, failure))
        self.ended = True
        return replace(self._progress("failed", f"{reason} (see {log})"), failure=failure)

    def _append_end(
        self, state: Literal["finished", "interrupted", "pruned"], reason: str = "", failure: Failure | Literal[""] = ""
    ) -> None:
        self._append(StateChanged(_now_ms(), self.step, state, reason, failure))
        self.ended = True

    def _append(self, event: Event) -> None:
        self.ledger.append(event)

    def _progress(self, phase: Phase, reason: str = "") -> JobProgress:
        return JobProgress(self.job.train_key, phase, self.step, self.schedule.steps, reason)

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.storage).as_posix()


def _is_due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
