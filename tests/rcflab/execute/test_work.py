"""What a run has to do, and how wide it may be."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from rcflab.errors import InputError
from rcflab.execute.batch import Batch, resolve
from rcflab.execute.job import Job, jobs_of
from rcflab.execute.orphans import sweep
from rcflab.execute.work import Work, find_work
from rcflab.ledger.fold import KeyState
from rcflab.plan import cell_states
from rcflab.records import Cell, RunPlan
from rcflab.schema import ResourcesConfig

MakeState = Callable[..., KeyState]


def plan(*cells: tuple[str, str]) -> RunPlan:
    """A plan of cells (train_key, eval_key)."""
    made = tuple(Cell(f"arm-{trial}", 0, {"trial": trial}, train, trial) for train, trial in cells)
    return RunPlan("name", "toy", made[0].arm, made, ("toy/score",))


def work(run_plan: RunPlan, keys: Mapping[str, KeyState]) -> Work:
    return find_work(run_plan, keys, cell_states(run_plan, keys, (), "now"), "now")


def described(jobs: list[Job]) -> list[tuple[str, list[str], bool]]:
    return [(job.train_key, [each.eval_key for each in job.evaluations], job.reuse_code) for job in jobs]


def test_cells_of_one_training_are_one_job() -> None:
    two = plan(("t1", "e1"), ("t2", "e2"), ("t1", "e3"))
    assert described(jobs_of(two, {"e1", "e2", "e3"})) == [("t1", ["e1", "e3"], False), ("t2", ["e2"], False)]


def test_joined_arms_are_evaluated_once() -> None:
    assert described(jobs_of(plan(("t1", "e1"), ("t1", "e1")), {"e1"})) == [("t1", ["e1"], False)]


def test_finished_cells_need_no_job(ledger_state: MakeState) -> None:
    found = work(plan(("t1", "e1"), ("t2", "e2")), {"t1": ledger_state({"e1": {}}, code="now"),
                                                    "t2": ledger_state({}, state="empty")})  # fmt: skip
    assert described(found.jobs(plan(("t1", "e1"), ("t2", "e2")), "retrain")) == [("t2", ["e2"], False)]


def test_a_failed_cell_is_tried_again(ledger_state: MakeState) -> None:
    one = plan(("t1", "e1"))
    assert work(one, {"t1": ledger_state({}, code="now", state="failed")}).fresh == {"e1"}


def test_a_training_of_other_code_waits_for_a_decision(ledger_state: MakeState) -> None:
    one = plan(("t1", "e1"))
    found = work(one, {"t1": ledger_state({"e1": {}}, code="old")})
    assert (found.stale, found.labels) == ({"t1"}, ("arm-e1/0",))
    assert described(found.jobs(one, "reuse")) == []
    assert described(found.jobs(one, "retrain")) == [("t1", ["e1"], False)]


def test_a_new_evaluation_of_a_training_of_other_code_can_reuse_its_checkpoint(ledger_state: MakeState) -> None:
    two = plan(("t1", "e1"), ("t1", "e2"))
    found = work(two, {"t1": ledger_state({"e1": {}}, code="old")})
    assert described(found.jobs(two, "reuse")) == [("t1", ["e2"], True)]
    assert described(found.jobs(two, "retrain")) == [("t1", ["e1", "e2"], False)]


def test_an_unfinished_training_of_other_code_needs_no_decision(ledger_state: MakeState) -> None:
    one = plan(("t1", "e1"))
    found = work(one, {"t1": ledger_state({}, code="old", state="interrupted")})
    assert (found.stale, found.fresh) == (frozenset(), {"e1"})


@pytest.mark.parametrize(
    ("changes", "train"),
    [({}, False), ({"executor": "train"}, True), ({"gpus_per_worker": 1.0}, True), ({"workers": 2}, True),
     ({"gpus_per_worker": 1.0, "executor": "inline"}, False)],
)  # fmt: skip
def test_auto_takes_ray_train_for_a_gpu_or_many_workers(changes: dict[str, object], train: bool) -> None:
    assert resolve(ResourcesConfig.model_validate(changes), "x.yaml", cpus=2).train is train


@pytest.mark.parametrize(
    ("changes", "place"),
    [({"workers": 3}, "resources.workers"), ({"threads": 3}, "resources.threads"),
     ({"workers": 2, "executor": "inline"}, "resources.executor"),
     ({"workers": 2, "gpus_per_worker": 0.5}, "resources.gpus_per_worker")],
)  # fmt: skip
def test_what_cannot_run_is_refused_before_anything_starts(changes: dict[str, object], place: str) -> None:
    with pytest.raises(InputError, match=place):
        resolve(ResourcesConfig.model_validate(changes), "x.yaml", cpus=2)


def test_workers_read_the_batch_that_the_driver_wrote(
    toy_batch: Callable[..., Batch], toy_job: Callable[..., Job]
) -> None:
    batch = toy_batch(toy_job(), toy_job(seed=1, key="c" * 16))
    assert Batch.read(batch.folder) == batch


def test_a_stop_request_is_seen_by_all_who_read_the_batch(
    toy_batch: Callable[..., Batch], toy_job: Callable[..., Job]
) -> None:
    batch = toy_batch(toy_job())
    reader = Batch.read(batch.folder)
    assert not reader.stop_requested()
    batch.request_stop()
    assert reader.stop_requested()


def test_batches_of_dead_drivers_are_swept_and_others_stay(
    toy_batch: Callable[..., Batch], toy_job: Callable[..., Job], tmp_path: Path
) -> None:
    dead, live = toy_batch(toy_job()), toy_batch(toy_job())
    text = (dead.folder / "batch.json").read_text()
    (dead.folder / "batch.json").write_text(text.replace(f'"pid": {dead.driver.pid}', '"pid": 999999999'))
    sweep(tmp_path)
    assert not dead.folder.exists() and live.folder.exists()
