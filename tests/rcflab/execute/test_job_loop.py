"""One job: resumable at any moment, trained once, evaluated for each that needs it."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from rcflab.execute.batch import Batch
from rcflab.execute.job import Job, JobProgress
from rcflab.execute.local import run_cell, run_locally
from rcflab.execute.process_state import ProcessState
from rcflab.faults import InjectedFault, reset_faults
from rcflab.ledger.events import AttemptStarted, Event, Metrics, StateChanged
from rcflab.ledger.fold import KeyState
from rcflab.ledger.lease import acquire, this_process
from rcflab.ledger.reader import read_events, read_key

KEY, TRIAL = "a" * 16, "b" * 16
MakeBatch = Callable[..., Batch]
MakeJob = Callable[..., Job]


def run(batch: Batch) -> JobProgress:
    return run_locally(batch)[KEY]


def state(batch: Batch) -> KeyState:
    return read_key(batch.storage, KEY)


def attempts(batch: Batch) -> list[AttemptStarted]:
    return [event for event in read_events(batch.storage, KEY) if isinstance(event, AttemptStarted)]


def logged_steps(batch: Batch) -> list[int]:
    return [event.step for event in read_events(batch.storage, KEY) if isinstance(event, Metrics)]


def weights(batch: Batch, step: int = 12) -> str:
    path = batch.storage / "cells" / KEY / "checkpoints" / f"step-{step:08d}" / "weights.npy"
    return hashlib.sha256(path.read_bytes()).hexdigest()


def stop_after(batch: Batch, job: Job, steps: int) -> None:
    """Run `job` and close it after some steps, as Tune does."""
    progress = run_cell(ProcessState(), batch, job)
    for _ in range(steps):
        next(progress)
    progress.close()


def test_a_finished_job_has_all_steps_a_final_evaluation_and_one_slim_checkpoint(
    toy_batch: MakeBatch, toy_job: MakeJob
) -> None:
    batch = toy_batch(toy_job())
    assert run(batch).phase == "finished"
    assert logged_steps(batch) == list(range(1, 13))
    assert state(batch).state == "finished"
    final = state(batch).final(TRIAL, "code-1")
    assert final is not None and final.step == 12 and (batch.storage / final.records).exists()
    folders = list((batch.storage / "cells" / KEY / "checkpoints").iterdir())
    assert [path.name for path in folders] == ["step-00000012"]
    assert not (folders[0] / "momentum.npy").exists()


def test_metrics_are_logged_at_their_steps_and_at_the_last(toy_batch: MakeBatch, toy_job: MakeJob) -> None:
    batch = toy_batch(toy_job(log_every=5))
    run(batch)
    assert logged_steps(batch) == [5, 10, 12]
    logged = {key for key in state(batch).series if not key.startswith("system/")}
    assert logged == {"train/loss", "train/lr", "time/step_ms"}


def test_a_finished_job_is_not_trained_again(toy_batch: MakeBatch, toy_job: MakeJob) -> None:
    batch = toy_batch(toy_job())
    run(batch)
    assert run(batch).phase == "finished"
    assert logged_steps(batch) == list(range(1, 13))
    assert len(state(batch).evaluations) == 1


def test_one_more_evaluation_evaluates_the_checkpoint_and_trains_nothing(
    toy_batch: MakeBatch, toy_job: MakeJob
) -> None:
    batch = toy_batch(toy_job())
    run(batch)
    before = weights(batch)
    more = toy_batch(toy_job(trials=(TRIAL, "c" * 16)))
    assert run(more).phase == "finished"
    assert logged_steps(batch) == list(range(1, 13))
    assert weights(batch) == before
    assert [each.eval_key for each in state(batch).evaluations] == [TRIAL, "c" * 16]


def test_evaluations_on_the_way_are_not_final(toy_batch: MakeBatch, toy_job: MakeJob) -> None:
    batch = toy_batch(toy_job(evaluate_every=4))
    run(batch)
    assert [(each.step, each.final) for each in state(batch).evaluations] == [(4, False), (8, False), (12, True)]


@pytest.mark.parametrize("steps", [1, 4, 5, 6, 11])
def test_a_stopped_job_goes_on_where_it_was_and_ends_in_the_same_bits(
    toy_batch: MakeBatch, toy_job: MakeJob, tmp_path: Path, steps: int
) -> None:
    job = toy_job()
    batch, whole = toy_batch(job), toy_batch(job, storage=tmp_path / "whole")
    run(whole)
    stop_after(batch, job, steps)
    assert state(batch).state == "interrupted"
    assert run(batch).phase == "finished"
    assert [each.step for each in attempts(batch)] == [0, steps]
    assert logged_steps(batch) == list(range(1, 13))
    assert weights(batch) == weights(whole)


def test_a_stop_request_ends_the_job_between_steps(toy_batch: MakeBatch, toy_job: MakeJob) -> None:
    batch = toy_batch(toy_job())
    progress = run_cell(ProcessState(), batch, batch.jobs[KEY])
    next(progress)
    batch.request_stop()
    assert [each.phase for each in progress] == ["interrupted"]
    assert state(batch).state == "interrupted"


POINTS = ["checkpoint.files", "checkpoint.manifest", "checkpoint.rename", "train.step", "ledger.append"]


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_crash_at_any_point_ends_in_the_same_bits(
    toy_batch: MakeBatch, toy_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str, count: int
) -> None:
    job = toy_job(checkpoint_every=3)
    batch, whole = toy_batch(job), toy_batch(job, storage=tmp_path / "whole")
    run(whole)
    reset_faults()
    monkeypatch.setenv("RCFLAB_FAULT", f"{point}:raise:{count}")
    with suppress(InjectedFault):  # where recording the failure strikes too
        run(batch)
    monkeypatch.delenv("RCFLAB_FAULT")
    assert run(batch).phase == "finished"
    assert [point.step for point in state(batch).series["train/loss"]] == list(range(1, 13))
    assert state(batch).alarms == ()
    assert weights(batch) == weights(whole)


def failures(batch: Batch) -> list[Event]:
    return [e for e in read_events(batch.storage, KEY) if isinstance(e, StateChanged) and e.state == "failed"]


def test_a_loss_that_is_not_finite_is_a_recorded_failure(toy_batch: MakeBatch, toy_job: MakeJob) -> None:
    batch = toy_batch(toy_job(nan_at=7))
    progress = run(batch)
    assert (progress.phase, progress.step) == ("failed", 6)
    assert (state(batch).state, state(batch).failure) == ("failed", "non_finite")
    assert "non-finite loss at step 7: train/loss is nan" in state(batch).reason


def test_a_defect_is_a_recorded_failure_with_its_trace_in_a_file(toy_batch: MakeBatch, toy_job: MakeJob) -> None:
    batch = toy_batch(toy_job(raise_at=3))
    assert run(batch).phase == "failed"
    assert state(batch).failure == "error"
    assert state(batch).reason == "RuntimeError: the toy training raises at step 3, as training.raise_at asks"
    trace = (batch.storage / "cells" / KEY / "failure-1.log").read_text()
    assert "Traceback" in trace and "toy_task.py" in trace


def test_lack_of_memory_is_told_from_a_defect(
    toy_batch: MakeBatch, toy_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def starve(self: object) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 TB")

    monkeypatch.setattr("rcflab.toy_task.ToyTraining.advance", starve)
    batch = toy_batch(toy_job())
    run(batch)
    assert state(batch).failure == "out_of_memory"


def test_a_failed_job_is_tried_again_by_the_next_run(toy_batch: MakeBatch, toy_job: MakeJob) -> None:
    batch = toy_batch(toy_job(nan_at=7, checkpoint_every=5))
    run(batch)
    run(batch)
    assert [each.step for each in attempts(batch)] == [0, 5]
    assert len(failures(batch)) == 2


def test_other_code_trains_anew_and_its_results_replace_the_old(toy_batch: MakeBatch, toy_job: MakeJob) -> None:
    run(toy_batch(toy_job()))
    batch = toy_batch(toy_job(), code="code-2")
    run(batch)
    assert [each.step for each in attempts(batch)] == [0, 0]
    assert state(batch).generation == 1 and state(batch).final(TRIAL, "code-2") is not None


def test_reuse_evaluates_the_checkpoint_of_other_code_under_its_name(toy_batch: MakeBatch, toy_job: MakeJob) -> None:
    run(toy_batch(toy_job()))
    batch = toy_batch(toy_job(trials=("c" * 16,), reuse_code=True), code="code-2")
    run(batch)
    assert logged_steps(batch) == list(range(1, 13))
    final = state(batch).final("c" * 16)
    assert final is not None and final.code_digest == "code-1"


def test_a_job_with_only_damaged_checkpoints_fails_and_keeps_them(toy_batch: MakeBatch, toy_job: MakeJob) -> None:
    batch = toy_batch(toy_job())
    stop_after(batch, batch.jobs[KEY], 6)
    manifests = list((batch.storage / "cells" / KEY / "checkpoints").rglob("manifest.json"))
    for path in manifests:
        path.write_text("")
    assert run(batch).phase == "failed"
    assert "checkpoints are damaged" in state(batch).reason
    assert all(path.exists() for path in manifests)


HOLD = """
import sys, time
from pathlib import Path
from rcflab.ledger.lease import acquire, this_process
acquire(Path(sys.argv[1]), sys.argv[2], this_process())
print("held", flush=True)
time.sleep(600)
"""


def test_a_key_that_another_driver_trains_is_left_alone(toy_batch: MakeBatch, toy_job: MakeJob) -> None:
    batch = toy_batch(toy_job())
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(batch.storage), KEY], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        progress = run(batch)
    finally:
        other.kill()
        other.communicate()
    assert (progress.phase, progress.exit_code) == ("blocked", 75)
    assert f"process {other.pid}" in progress.reason
    assert read_events(batch.storage, KEY) == ()


def test_an_owner_that_lost_its_lease_writes_nothing_more(toy_batch: MakeBatch, toy_job: MakeJob) -> None:
    batch = toy_batch(toy_job())
    progress = run_cell(ProcessState(), batch, batch.jobs[KEY])
    for _ in range(3):
        next(progress)
    acquire(batch.storage, KEY, this_process())
    before = read_events(batch.storage, KEY)
    assert [each.phase for each in progress] == ["blocked"]
    assert read_events(batch.storage, KEY) == before


def test_the_last_progress_of_each_job_is_returned(toy_batch: MakeBatch, toy_job: MakeJob) -> None:
    jobs = [toy_job(seed=0), toy_job(seed=1, key="d" * 16, nan_at=2), toy_job(seed=2, key="e" * 16)]
    heard: list[JobProgress] = []
    last = run_locally(toy_batch(*jobs), heard.append)
    assert [each.phase for each in last.values()] == ["finished", "failed", "finished"]
    assert len(heard) > 20


def test_a_job_crosses_processes_as_json(toy_job: MakeJob) -> None:
    job = toy_job(seed=3, trials=(TRIAL, "c" * 16))
    assert Job.from_json(job.to_json()) == job
