"""A job of two workers: rank 0 keeps the books, the other follows; what one meets is told from what all meet."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rcflab.execute.batch import Batch
from rcflab.execute.local import run_locally
from rcflab.ledger.events import AttemptStarted, StateChanged
from rcflab.ledger.fold import KeyState
from rcflab.ledger.reader import read_events, read_key

KEY = "a" * 16
MakeBatch = Callable[..., Batch]


def run(servers: Any, batch: Batch) -> list[dict[str, Any]]:
    return servers("job", batch=str(batch.folder), key=KEY)


def state(batch: Batch) -> KeyState:
    return read_key(batch.storage, KEY)


def ends(batch: Batch) -> list[str]:
    """How each attempt ended."""
    return [event.state for event in read_events(batch.storage, KEY) if isinstance(event, StateChanged)]


def weights(batch: Batch) -> str:
    path = batch.storage / "cells" / KEY / "checkpoints" / "step-00000012" / "weights.npy"
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_all_workers_end_when_the_job_is_finished(servers: Any, toy_batch: MakeBatch) -> None:
    batch = toy_batch()
    first, second = run(servers, batch)
    assert (first["result"]["phase"], second) == ("finished", {"result": None})
    assert ends(batch) == ["finished"]


def test_one_attempt_is_recorded_with_the_number_of_its_workers(servers: Any, toy_batch: MakeBatch) -> None:
    batch = toy_batch()
    run(servers, batch)
    assert state(batch).attempts == 1
    assert state(batch).provenance["workers"] == 2


def test_the_curve_is_that_of_one_worker(servers: Any, toy_batch: MakeBatch, tmp_path: Path) -> None:
    many, one = toy_batch(), toy_batch(tmp_path / "one", workers=1)
    run(servers, many)
    run_locally(one)
    curves = [[point.value for point in state(batch).series["train/loss"]] for batch in (many, one)]
    assert curves[0] == pytest.approx(curves[1], rel=1e-9)
    assert len(curves[0]) == 12


def test_a_loss_that_is_not_finite_is_recorded_once_and_ends_all_workers(servers: Any, toy_batch: MakeBatch) -> None:
    batch = toy_batch(nan_at=7)
    first, second = run(servers, batch)
    assert (first["result"]["phase"], second) == ("failed", {"result": None})
    assert (ends(batch), state(batch).failure) == (["failed"], "non_finite")


def test_a_lost_worker_is_no_failure_of_the_cell(servers: Any, toy_batch: MakeBatch) -> None:
    batch = toy_batch(raise_at=7)  # in the last worker only; the group loses it as it would lose a dead one
    first, second = run(servers, batch)
    assert second["error"] == "RuntimeError: the toy training raises at step 7, as training.raise_at asks"
    assert first["error"].startswith("AttemptLostError: advance: RuntimeError")
    assert ends(batch) == ["interrupted"]
    assert "advance: RuntimeError" in state(batch).reason


def test_the_next_group_goes_on_from_the_newest_checkpoint(servers: Any, toy_batch: MakeBatch, tmp_path: Path) -> None:
    run(servers, toy_batch(raise_at=7))
    whole, batch = toy_batch(tmp_path / "whole"), toy_batch()
    run(servers, whole)
    run(servers, batch)
    starts = [event.step for event in read_events(batch.storage, KEY) if isinstance(event, AttemptStarted)]
    assert starts == [0, 5]
    assert weights(batch) == weights(whole)
    assert state(batch).alarms == ()


def test_a_stop_request_saves_a_checkpoint_and_ends_all_workers(servers: Any, toy_batch: MakeBatch) -> None:
    batch = toy_batch()
    batch.request_stop()
    first, second = run(servers, batch)
    assert (first["result"]["phase"], second) == ("interrupted", {"result": None})
    saved = state(batch).checkpoint
    assert saved is not None and saved.step == 1


def test_a_notice_saves_a_checkpoint_and_ends_all_workers(servers: Any, toy_batch: MakeBatch, tmp_path: Path) -> None:
    whole, batch = toy_batch(tmp_path / "whole"), toy_batch()
    first, second = servers("preempted", batch=str(batch.folder), key=KEY, after=3)
    assert first["result"]["asked"] == second["result"]["asked"] == [1, 2, 3], "all ranks meet, or none"
    last = first["result"]["last"]
    assert (last["phase"], last["failure"], last["step"]) == ("interrupted", "preempted", 3)
    (end,) = [event for event in read_events(batch.storage, KEY) if isinstance(event, StateChanged)]
    assert (end.state, end.reason, end.failure) == ("interrupted", "its machine goes", "preempted")
    run(servers, whole)
    run(servers, batch)
    starts = [event.step for event in read_events(batch.storage, KEY) if isinstance(event, AttemptStarted)]
    assert starts == [0, 3] and weights(batch) == weights(whole)


def test_another_number_of_workers_goes_on_with_the_same_batch(
    servers: Any, toy_batch: MakeBatch, tmp_path: Path
) -> None:
    stopped, whole = toy_batch(), toy_batch(tmp_path / "whole")
    stopped.request_stop()
    run(servers, stopped)
    run(servers, whole)
    run_locally(toy_batch(workers=1))
    assert ends(stopped) == ["interrupted", "finished"]
    curves = [[point.value for point in state(batch).series["train/loss"]] for batch in (stopped, whole)]
    assert curves[0] == pytest.approx(curves[1], rel=1e-9)


HOLD = """
import sys, time
from pathlib import Path
from rcflab.ledger.lease import acquire, this_process
acquire(Path(sys.argv[1]), sys.argv[2], this_process())
print("held", flush=True)
time.sleep(600)
"""


def test_a_key_that_another_driver_trains_ends_all_workers_at_once(servers: Any, toy_batch: MakeBatch) -> None:
    batch = toy_batch()
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(batch.storage), KEY], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        first, second = run(servers, batch)
    finally:
        other.kill()
        other.communicate()
    assert (first["result"]["phase"], second) == ("blocked", {"result": None})
    assert read_events(batch.storage, KEY) == ()
