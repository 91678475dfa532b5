"""Whether a failure is tried again: by its class, counted since the last checkpoint; and when a run ends early."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from rcflab.errors import CellsFailedError
from rcflab.execute.attempts import Attempts, goes_on
from rcflab.execute.batch import Batch
from rcflab.execute.job import Halt, Job, JobProgress
from rcflab.execute.job_file import JobRecord
from rcflab.execute.local import run_cell, run_locally
from rcflab.execute.process_state import ProcessState
from rcflab.execute.rules import ErrorLimit
from rcflab.ledger.events import CheckpointSaved, Failure, StateChanged
from rcflab.ledger.lease import acquire, this_process
from rcflab.ledger.reader import read_events, read_key
from rcflab.ledger.writer import LedgerWriter
from rcflab.policy_config import RetriesConfig

KEY = "a" * 16
MakeBatch = Callable[..., Batch]
MakeJob = Callable[..., Job]


def with_retries(batch: Batch, **retries: int) -> Batch:
    return replace(batch, retries={**RetriesConfig().model_dump(), **retries})


def checkpoint(batch: Batch, step: int) -> None:
    lease = acquire(batch.storage, KEY, this_process())
    with LedgerWriter(batch.storage, KEY, lease) as writer:
        writer.append(CheckpointSaved(1, step, "x", "y"))
    lease.release()


def test_every_class_of_failure_has_a_number_of_retries() -> None:
    assert set(RetriesConfig.model_fields) == set(get_args(Failure))


@pytest.mark.parametrize("failure", get_args(Failure))
def test_a_class_is_tried_again_as_often_as_it_may_be(toy_batch: MakeBatch, toy_job: MakeJob, failure: Failure) -> None:
    attempts = Attempts(with_retries(toy_batch(toy_job()), **{failure: 2}), KEY)
    assert [attempts.lost(failure, "boom").final for _ in range(3)] == [False, False, True]


def test_a_failure_that_may_not_be_tried_again_keeps_its_plain_reason(toy_batch: MakeBatch, toy_job: MakeJob) -> None:
    attempts = Attempts(toy_batch(toy_job()), KEY)
    assert attempts.lost("non_finite", "loss is nan").reason == "loss is nan"


def test_the_last_try_tells_how_many_there_were(toy_batch: MakeBatch, toy_job: MakeJob) -> None:
    attempts = Attempts(with_retries(toy_batch(toy_job()), worker_lost=1), KEY)
    attempts.lost("worker_lost", "died")
    loss = attempts.lost("worker_lost", "died")
    assert loss.reason == "died (2 times without a new checkpoint; retries.worker_lost is 1)"


def test_classes_are_counted_apart(toy_batch: MakeBatch, toy_job: MakeJob) -> None:
    attempts = Attempts(with_retries(toy_batch(toy_job()), worker_lost=1, node_lost=1), KEY)
    assert not attempts.lost("worker_lost", "died").final
    assert not attempts.lost("node_lost", "gone").final


def test_a_training_that_gets_on_is_not_given_up(toy_batch: MakeBatch, toy_job: MakeJob) -> None:
    batch = with_retries(toy_batch(toy_job()), preempted=1)
    attempts = Attempts(batch, KEY)
    for step in (5, 10, 15):
        assert not attempts.lost("preempted", "taken away").final
        checkpoint(batch, step)
    assert not attempts.lost("preempted", "taken away").final
    assert attempts.lost("preempted", "taken away").final


def ends(batch: Batch) -> list[tuple[str, str, str]]:
    return [(e.state, e.failure, e.reason) for e in read_events(batch.storage, KEY) if isinstance(e, StateChanged)]


def die_without_a_word(batch: Batch, job: Job) -> None:
    """Leave the ledger as a killed process does: an attempt without an end."""
    progress = run_cell(ProcessState(), batch, job)
    for _ in range(7):
        next(progress)
    acquire(batch.storage, KEY, this_process())  # the attempt is fenced off, and cannot write its end
    with pytest.raises(StopIteration):
        while True:
            next(progress)


def test_the_end_of_a_lost_attempt_is_written_down_by_the_next_one(toy_batch: MakeBatch, toy_job: MakeJob) -> None:
    batch = toy_batch(toy_job())
    die_without_a_word(batch, batch.jobs[KEY])
    assert ends(batch) == []
    run_locally(batch)
    assert ends(batch) == [
        ("interrupted", "worker_lost", "the process that trained it ended without a word"), ("finished", "", ""),
    ]  # fmt: skip
    assert read_key(batch.storage, KEY).attempts == 2


def test_what_the_driver_knows_of_a_lost_attempt_is_written_down(toy_batch: MakeBatch, toy_job: MakeJob) -> None:
    batch = toy_batch(toy_job())
    die_without_a_word(batch, batch.jobs[KEY])
    Attempts(batch, KEY).lost("node_lost", "its node has died")
    run_locally(batch)
    assert ends(batch)[0] == ("interrupted", "node_lost", "its node has died")


def test_a_job_that_is_given_up_is_not_begun_again(toy_batch: MakeBatch, toy_job: MakeJob) -> None:
    batch = with_retries(toy_batch(toy_job()), worker_lost=0)
    die_without_a_word(batch, batch.jobs[KEY])
    Attempts(batch, KEY).lost("worker_lost", "died")
    progress = run_locally(batch)[KEY]
    assert (progress.phase, progress.failure, progress.reason) == ("failed", "worker_lost", "died")
    assert ends(batch) == [("failed", "worker_lost", "died")]
    assert read_key(batch.storage, KEY).attempts == 1


def failed(key: str) -> JobProgress:
    return JobProgress(key, "failed", 3, 20, f"{key} broke", failure="error")


def preempted_after(batch: Batch, job: Job, steps: int) -> JobProgress:
    """Run the job until its machine is taken away."""
    answers = iter([None] * (steps - 1))
    leaves = Halt("its machine goes", "preempted")
    return list(run_cell(ProcessState(), batch, job, notice=lambda: next(answers, leaves)))[-1]


def test_a_machine_that_is_taken_away_is_left_with_a_checkpoint_and_without_a_failure(
    toy_batch: MakeBatch, toy_job: MakeJob
) -> None:
    batch = toy_batch(toy_job())
    last = preempted_after(batch, batch.jobs[KEY], 7)
    state = read_key(batch.storage, KEY)
    assert (last.phase, last.failure, last.reason) == ("interrupted", "preempted", "its machine goes")
    assert state.state == "interrupted" and state.checkpoint is not None and state.checkpoint.step == 7
    assert goes_on(Attempts(batch, KEY), last)
    assert run_locally(batch)[KEY].phase == "finished"


def test_who_gets_on_between_preemptions_is_never_given_up(toy_batch: MakeBatch, toy_job: MakeJob) -> None:
    batch = with_retries(toy_batch(toy_job()), preempted=0)
    gone_on = [preempted_after(batch, batch.jobs[KEY], 2) for _ in range(3)]
    assert [last.step for last in gone_on] == [2, 4, 6]


def test_who_does_not_get_on_is_given_up_in_the_end_and_recorded_as_failed(
    toy_batch: MakeBatch, toy_job: MakeJob
) -> None:
    batch = with_retries(toy_batch(toy_job()), preempted=0)
    last = JobProgress(KEY, "interrupted", 0, 12, "its machine goes", failure="preempted")
    assert goes_on(Attempts(batch, KEY), last), "the next start writes it down"
    assert run_locally(batch)[KEY].phase == "failed"
    assert read_key(batch.storage, KEY).failure == "preempted"


def test_a_job_that_has_ended_does_not_go_on(toy_batch: MakeBatch, toy_job: MakeJob) -> None:
    attempts = Attempts(toy_batch(toy_job()), KEY)
    assert not goes_on(attempts, JobProgress(KEY, "finished", 12, 12))
    assert not goes_on(attempts, JobProgress(KEY, "failed", 3, 12, "boom", failure="error"))


def test_a_lost_attempt_is_known_by_its_number(toy_batch: MakeBatch, toy_job: MakeJob) -> None:
    batch = toy_batch(toy_job())
    assert Attempts(batch, KEY).lost("node_lost", "it had not even begun").attempt == 0
    preempted_after(batch, batch.jobs[KEY], 2)
    assert Attempts(batch, KEY).lost("node_lost", "gone").attempt == 1


def test_an_error_limit_ends_the_run_with_the_failed_training_of_that_number() -> None:
    limit = ErrorLimit(2, {"a": "plain/0", "b": "plain/1"})
    assert limit.heard(failed("a")) is None
    assert limit.heard(failed("a")) is None
    assert limit.heard(JobProgress("c", "finished", 20, 20)) is None
    fault = limit.heard(failed("b"))
    assert isinstance(fault, CellsFailedError) and fault.exit_code == 3
    assert "plain/0: a broke" in str(fault) and "plain/1: b broke" in str(fault)


def test_a_cell_keeps_what_it_was_asked_to_do(toy_batch: MakeBatch, toy_job: MakeJob) -> None:
    batch = toy_batch(toy_job(seed=3))
    run_locally(batch)
    run_locally(toy_batch(toy_job(seed=3, trials=("c" * 16,))))
    record = JobRecord.read(batch.storage / "cells" / KEY)
    assert record is not None
    assert (record.task, record.seed, record.config) == ("toy", 3, batch.jobs[KEY].config)
    assert list(record.evaluations) == ["b" * 16, "c" * 16]


@pytest.mark.parametrize("text", ["", "{", '{"schema": 2}', '{"schema": 1, "seed": 3}', "[]"])
def test_a_record_of_another_version_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "job.json").write_text(text)
    assert JobRecord.read(tmp_path) is None


def test_lost_match_records_are_made_again_from_the_checkpoint(toy_batch: MakeBatch, toy_job: MakeJob) -> None:
    batch = toy_batch(toy_job())
    run_locally(batch)
    before = read_key(batch.storage, KEY)
    final = before.final("b" * 16)
    assert final is not None
    records = batch.storage / final.records
    content = records.read_bytes()
    records.unlink()
    run_locally(batch)
    after = read_key(batch.storage, KEY)
    assert records.read_bytes() == content
    assert (after.series, after.evaluations, after.alarms) == (before.series, before.evaluations, ())
