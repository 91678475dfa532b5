"""The best checkpoint on the way is kept beside the last, through crashes, and never reaches a table."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from rcflab.execute.batch import Batch
from rcflab.execute.checkpoints import Checkpoint, inspect
from rcflab.execute.job import Job
from rcflab.execute.local import run_locally
from rcflab.faults import InjectedFault, reset_faults
from rcflab.ledger.events import BestKept, CheckpointSaved
from rcflab.ledger.fold import KeyState
from rcflab.ledger.reader import read_events, read_key
from rcflab.toy_task import ToyTraining

KEY, TRIAL = "a" * 16, "b" * 16
MakeBatch = Callable[..., Batch]
MakeJob = Callable[..., Job]
Scores = Callable[[Mapping[int, float]], None]
ScoredRun = Callable[..., Batch]


def state(batch: Batch) -> KeyState:
    return read_key(batch.storage, KEY)


def best_steps(batch: Batch) -> list[int]:
    """Steps that were the best when they were evaluated."""
    return [event.step for event in read_events(batch.storage, KEY) if isinstance(event, BestKept)]


def kept_folders(batch: Batch) -> list[str]:
    """Every checkpoint on disk."""
    checkpoints = batch.storage / "cells" / KEY / "checkpoints"
    return sorted(path.parent.relative_to(checkpoints).as_posix() for path in checkpoints.rglob("manifest.json"))


@pytest.fixture
def scores(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scores]:
    """Say what an evaluation at each step scores."""
    evaluate = ToyTraining.evaluate

    def say(wanted: Mapping[int, float]) -> None:
        def scored(self: ToyTraining, configs: Sequence[Mapping[str, Any]], folders: Sequence[Path]) -> Any:
            results = evaluate(self, configs, folders)
            for found in results:
                found.metrics["toy/score"] = wanted[self.step]
            return results

        monkeypatch.setattr(ToyTraining, "evaluate", scored)

    yield say


@pytest.fixture
def scored_run(toy_batch: MakeBatch, toy_job: MakeJob, scores: Scores) -> ScoredRun:
    """Train the cell to its end, evaluated every four steps with these scores."""

    def run(wanted: Mapping[int, float], **batch: str) -> Batch:
        scores(wanted)
        made = toy_batch(toy_job(evaluate_every=4), **batch)
        run_locally(made)
        return made

    return run


def test_a_finished_cell_keeps_its_last_and_its_best_checkpoint(scored_run: ScoredRun) -> None:
    batch = scored_run({4: 20.0, 8: 60.0, 12: 50.0})
    assert best_steps(batch) == [4, 8]
    assert kept_folders(batch) == ["best/step-00000008", "step-00000012"]


def test_of_equal_scores_the_first_stays(scored_run: ScoredRun) -> None:
    batch = scored_run({4: 60.0, 8: 60.0, 12: 60.0})
    assert best_steps(batch) == [4]


def test_where_the_last_is_the_best_nothing_is_kept_twice(scored_run: ScoredRun) -> None:
    batch = scored_run({4: 20.0, 8: 10.0, 12: 50.0})
    best, last = state(batch).best, state(batch).checkpoint
    assert best is not None and last is not None
    assert (best.path, best.sha256) == (last.path, last.sha256)
    assert kept_folders(batch) == ["step-00000012"]


def test_the_best_is_whole_and_without_the_optimisers_state(scored_run: ScoredRun) -> None:
    batch = scored_run({4: 20.0, 8: 60.0, 12: 50.0})
    best = state(batch).best
    assert best is not None
    found = inspect(batch.storage / best.path)
    assert isinstance(found, Checkpoint) and found.sha256 == best.sha256
    assert sorted(path.name for path in found.folder.iterdir()) == ["manifest.json", "state.json", "weights.npy"]
    assert json.loads((found.folder / "state.json").read_text()) == {"step": 8}
    assert (best.metric, best.value, found.meta["toy/score"]) == ("toy/score", 60.0, 60.0)


def test_a_step_that_is_evaluated_has_a_checkpoint(toy_batch: MakeBatch, toy_job: MakeJob) -> None:
    batch = toy_batch(toy_job(checkpoint_every=5, evaluate_every=4))
    run_locally(batch)
    saved = [event.step for event in read_events(batch.storage, KEY) if isinstance(event, CheckpointSaved)]
    assert saved == [4, 5, 8, 10, 12]


def test_the_final_evaluation_is_that_of_the_last_checkpoint(scored_run: ScoredRun) -> None:
    batch = scored_run({4: 20.0, 8: 60.0, 12: 50.0})
    final = state(batch).final(TRIAL)
    assert final is not None and (final.step, final.values["toy/score"]) == (12, 50.0)


def test_one_more_evaluation_of_a_finished_cell_does_not_touch_the_best(
    toy_batch: MakeBatch, toy_job: MakeJob, scores: Scores, scored_run: ScoredRun
) -> None:
    scored_run({4: 20.0, 8: 60.0, 12: 50.0})
    batch = toy_batch(toy_job(evaluate_every=4, trials=("c" * 16,)))
    scores({12: 99.0})
    run_locally(batch)
    assert best_steps(batch) == [4, 8]


def test_a_training_that_begins_anew_forgets_its_best(scored_run: ScoredRun) -> None:
    scored_run({4: 20.0, 8: 60.0, 12: 50.0})
    batch = scored_run({4: 10.0, 8: 9.0, 12: 8.0}, code="code-2")
    best = state(batch).best
    assert best is not None and (best.step, best.value) == (4, 10.0)
    assert kept_folders(batch) == ["best/step-00000004", "step-00000012"]


@pytest.mark.parametrize("point", ["checkpoint.files", "checkpoint.manifest", "checkpoint.rename", "ledger.append"])
@pytest.mark.parametrize("count", [2, 4, 5, 9])
def test_a_crash_at_any_point_leaves_the_same_best(
    toy_batch: MakeBatch, toy_job: MakeJob, scores: Scores, monkeypatch: pytest.MonkeyPatch, point: str, count: int
) -> None:
    scores({4: 20.0, 8: 60.0, 12: 50.0})
    batch = toy_batch(toy_job(evaluate_every=4, log_every=4))
    reset_faults()
    monkeypatch.setenv("RCFLAB_FAULT", f"{point}:raise:{count}")
    with suppress(InjectedFault):  # where recording the failure strikes too
        run_locally(batch)
    monkeypatch.delenv("RCFLAB_FAULT")
    run_locally(batch)
    best = state(batch).best
    assert best is not None and (best.step, best.value) == (8, 60.0)
    assert kept_folders(batch) == ["best/step-00000008", "step-00000012"]
    assert isinstance(inspect(batch.storage / best.path), Checkpoint)
