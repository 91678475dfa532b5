"""Two workers by Ray Train: killed, hanging, defective. The cell ends as it would have, or says what is wrong."""

import hashlib
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rcflab.ledger.events import AttemptStarted, StateChanged
from rcflab.ledger.fold import KeyState
from rcflab.ledger.reader import read_events, read_key

pytestmark = pytest.mark.timeout(900)  # each new group of workers costs ten seconds on an idle machine
NETWORK = """
name: killed-workers
baseline: small
arms: {small: {}}
input: {height: 64, width: 96}
model:
  backbone: {name: resnet10t}
  width: 16
  encoder: {layers: 1, heads: 2, feedforward: 16}
  decoder: {layers: 1, heads: 2, feedforward: 16}
  queries: 4
  mask: {fpn_width: 16, filter_width: 8}
data: {kind: synthetic, train_clips: 8, val_clips: 4, frames: 3, root: DATA}
training: {steps: 30, clips_per_step: 2, lr: 1.0e-3, ema: 0.9, clip_norm: 1.0, log_every: 1, checkpoint_every: 5,
  evaluate_every: 20}
evaluation: {class_threshold: 0.1, lipschitz_bound: false}
resources: {workers: 2}
tracking: {uri: none}
"""
TOY = """
name: faulty-workers
task: toy
baseline: hanging
arms: {hanging: {}, broken: {training.raise_at: 3}, nan: {training.nan_at: 7}}
retries: {error: 1}
training: {steps: 12, checkpoint_every: 5}
resources: {workers: 2, collective_timeout_s: 20}
tracking: {uri: none}
"""


class Killed:
    """Worker 1 is killed in its 16th step, worker 0 in the next group; another pair is left alone."""

    def __init__(self, lab: Any, whole: Path) -> None:
        self.lab, self.whole = lab, whole
        (self.cell,) = lab.session().plan.cells
        driver = lab.start("follow.step:kill:16")
        lab.wait_for("the second group", lambda: self.state.attempts == 2 and self.state.step >= 18, driver)
        attempt = self.state.attempt
        assert attempt is not None
        os.kill(attempt.pid, signal.SIGKILL)
        self.code = driver.wait(600)
        pair = [lab.start_script("pair.py", str(lab.yaml), str(whole), str(whole / "group"), rank) for rank in "01"]
        assert [process.wait(300) for process in pair] == [0, 0], lab.log()

    @property
    def state(self) -> KeyState:
        return read_key(self.lab.storage, self.cell.train_key)

    def digests(self, storage: Path) -> dict[str, str]:
        """Of the last checkpoint and the last evaluation."""
        cell = storage / "cells" / self.cell.train_key
        folders = cell / "checkpoints" / "step-00000030", cell / "eval" / self.cell.eval_key / "step-00000030"
        files = [path for folder in folders for path in folder.rglob("*") if path.suffix in (".safetensors", ".json")]
        found = {str(path.relative_to(storage)): path for path in files if path.name != "manifest.json"}
        return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in found.items()}


@pytest.fixture(scope="module")
def killed(laboratory: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory) -> Killed:
    data = tmp_path_factory.mktemp("data")
    return Killed(laboratory(NETWORK.replace("DATA", str(data))), tmp_path_factory.mktemp("whole"))


def test_a_cell_whose_workers_are_killed_is_finished_by_the_next_groups(killed: Killed) -> None:
    assert killed.code == 0, killed.lab.log()
    assert killed.state.state == "finished"
    starts = [e.step for e in read_events(killed.lab.storage, killed.cell.train_key) if isinstance(e, AttemptStarted)]
    assert starts[:2] == [0, 15] and len(starts) == 3 and starts[2] in (15, 20, 25)


def test_each_lost_attempt_is_recorded_with_its_reason_and_none_as_a_failure(killed: Killed) -> None:
    events = read_events(killed.lab.storage, killed.cell.train_key)
    ends = [event for event in events if isinstance(event, StateChanged)]
    assert [event.state for event in ends] == ["interrupted", "interrupted", "finished"]
    # Rank 0 outlived worker 1 and says so itself; of its own death only the next group can tell.
    assert ends[0].reason.startswith("advance: ") and (ends[0].failure, ends[1].failure) == ("", "worker_lost")
    assert "worker 0: died" in ends[1].reason


def test_it_ends_with_the_files_of_a_pair_that_was_left_alone(killed: Killed) -> None:
    assert killed.digests(killed.lab.storage) == killed.digests(killed.whole)
    assert len(killed.digests(killed.whole)) == 4


def test_steps_that_were_done_again_gave_the_same_losses(killed: Killed) -> None:
    assert killed.state.alarms == ()
    assert [point.step for point in killed.state.series["train/loss"]] == list(range(1, 31))


class Faulty:
    """The second worker hangs in its ninth step, raises, or has a loss that is not finite."""

    def __init__(self, lab: Any) -> None:
        self.lab = lab
        self.code = lab.start("follow.step:sleep=600:9").wait(600)
        self.keys = {cell.arm: cell.train_key for cell in lab.session().plan.cells}

    def state(self, arm: str) -> KeyState:
        return read_key(self.lab.storage, self.keys[arm])

    def reasons(self, arm: str) -> list[str]:
        """Why each attempt ended."""
        events = read_events(self.lab.storage, self.keys[arm])
        return [f"{event.state}: {event.reason}" for event in events if isinstance(event, StateChanged)]


@pytest.fixture(scope="module")
def faulty(laboratory: Callable[[str], Any]) -> Faulty:
    return Faulty(laboratory(TOY))


def test_a_group_that_hangs_is_started_anew(faulty: Faulty) -> None:
    first, last = faulty.reasons("hanging")
    assert first.startswith("interrupted: advance: RuntimeError") and "imed out" in first
    assert last == "finished: "
    assert faulty.state("hanging").alarms == ()


def test_a_defect_of_one_worker_is_tried_as_often_as_the_file_says_and_recorded_with_its_reason(faulty: Faulty) -> None:
    reason = faulty.state("broken").reason
    assert reason.startswith("worker 1: RuntimeError: the toy training raises at step 3")
    assert reason.endswith("(2 times without a new checkpoint; retries.error is 1)")
    assert faulty.state("broken").attempts == 2
    assert (faulty.state("broken").state, faulty.state("broken").failure) == ("failed", "error")
    (log,) = (faulty.lab.storage / "cells" / faulty.keys["broken"]).glob("failure-*.log")
    assert "toy_task.py" in log.read_text()


def test_a_loss_that_is_not_finite_is_not_tried_again(faulty: Faulty) -> None:
    assert (faulty.state("nan").attempts, faulty.state("nan").failure) == (1, "non_finite")


def test_the_run_tells_which_cells_failed(faulty: Faulty) -> None:
    assert faulty.code == 3
    assert "broken seed 0: worker 1: RuntimeError" in faulty.lab.log() and "Traceback" not in faulty.lab.log()
