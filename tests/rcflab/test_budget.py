"""What an experiment has cost: counted from its ledger, attempt by attempt."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcflab.budget import Meter, Spent, items, total
from rcflab.errors import BudgetSpentError
from rcflab.execute.job import Job
from rcflab.ledger.events import AttemptStarted, Event, Failure, Metrics, StateChanged
from rcflab.ledger.lease import acquire, this_process
from rcflab.ledger.writer import LedgerWriter
from rcflab.policy_config import BudgetConfig
from rcflab.spending import BudgetRule, Spending, within_trials

HOUR = 3_600_000


def begun(hour: float, made_for: str = "mine", step: int = 0, workers: int = 1, threads: int = 1) -> AttemptStarted:
    made_by = {"made_for": made_for, "workers": workers, "threads": threads, "gpus": 0.5 * workers}
    return AttemptStarted(round(hour * HOUR), 1, step, made_by, 1)


def step_at(hour: float) -> Metrics:
    return Metrics(round(hour * HOUR), 1, {"train/loss": 1.0})


def ended(hour: float, failure: Failure | None = None) -> StateChanged:
    if failure is None:
        return StateChanged(round(hour * HOUR), 9, "finished")
    return StateChanged(round(hour * HOUR), 9, "failed", "boom", failure)


def spent(*events: Event) -> Spent:
    meter = Meter("mine")
    for event in events:
        meter.add(event)
    return meter.spent()


def test_an_attempt_costs_its_time_on_all_its_cpus_and_gpus() -> None:
    assert spent(begun(1, workers=2, threads=3), ended(3)) == Spent(1, cpu_hours=12.0, gpu_hours=2.0)


def test_attempts_add_up_and_are_one_trial() -> None:
    assert spent(begun(0), ended(1, "error"), begun(5), ended(7)) == Spent(1, 3.0, 1.5)


def test_a_running_attempt_costs_up_to_its_last_event() -> None:
    assert spent(begun(0), step_at(0.25), step_at(0.5)).cpu_hours == 0.5


@pytest.mark.parametrize("failure", ["worker_lost", "node_lost", "preempted"])
def test_the_time_between_a_death_and_its_discovery_is_free(failure: Failure) -> None:
    assert spent(begun(0), step_at(1), ended(100, failure), begun(100, step=5), ended(101)).cpu_hours == 2.0


def test_what_another_experiment_trained_is_free() -> None:
    assert spent(begun(0, made_for="other"), ended(5)) == Spent()


def test_going_on_with_another_experiments_training_costs_hours_and_no_trial() -> None:
    assert spent(begun(0, made_for="other"), ended(5, "error"), begun(6, step=3), ended(7)) == Spent(0, 1.0, 0.5)


def test_attempts_of_versions_that_did_not_say_for_whom_count() -> None:
    assert spent(AttemptStarted(0, 1, 0, {"code_digest": "x"}, 1), ended(2)) == Spent(1, 2.0, 0.0)


@given(st.lists(st.floats(0, 10), min_size=2, max_size=20))
def test_cost_only_grows(hours: Sequence[float]) -> None:
    meter, before = Meter("mine"), 0.0
    for index, hour in enumerate(sorted(hours)):
        meter.add(begun(hour) if index % 3 == 0 else step_at(hour))
        assert meter.spent().cpu_hours >= before
        before = meter.spent().cpu_hours


def test_only_limits_that_are_set_are_watched_and_the_fields_have_the_names_of_what_is_spent() -> None:
    budget = BudgetConfig(trials=4, cpu_hours=10.0)
    found = items(total([Spent(1, 8.0), Spent(1, 0.5)]), budget)
    assert [(item.field, item.spent, item.is_near, item.is_spent) for item in found] == [
        ("trials", 2.0, False, False), ("cpu_hours", 8.5, True, False),
    ]  # fmt: skip
    assert len(items(Spent(), BudgetConfig(trials=1, wall_hours=1, cpu_hours=1, gpu_hours=1))) == 4


def write(storage: Path, key: str, *events: Event) -> None:
    lease = acquire(storage, key, this_process())
    with LedgerWriter(storage, key, lease) as writer:
        writer.append_many(events)
    lease.release()


def test_a_run_is_warned_once_from_80_percent_and_ended_when_all_is_spent(tmp_path: Path) -> None:
    warned: list[str] = []
    rule = BudgetRule(Spending(tmp_path, "mine"), BudgetConfig(cpu_hours=10.0), lambda item: warned.append(item.field))
    write(tmp_path, "a", begun(0), step_at(7))
    assert (rule.tick(), warned) == (None, [])
    write(tmp_path, "b", begun(0), ended(1.5))
    assert (rule.tick(), rule.tick(), warned) == (None, None, ["cpu_hours"])
    write(tmp_path, "c", begun(0), ended(2))
    fault = rule.tick()
    assert isinstance(fault, BudgetSpentError) and fault.exit_code == 75
    assert "10.5 of 10 cpu_hours" in str(fault) and "Raise budget.cpu_hours" in str(fault)


def test_wall_time_is_that_of_one_run(tmp_path: Path) -> None:
    now = [0.0]
    budget = BudgetConfig(wall_hours=1.0)
    rule = BudgetRule(Spending(tmp_path, "mine", lambda: now[0]), budget, lambda item: None)
    now[0] = 3599.0
    assert rule.tick() is None
    now[0] = 3600.0
    assert isinstance(rule.tick(), BudgetSpentError)
    assert BudgetRule(Spending(tmp_path, "mine", lambda: now[0]), budget, lambda item: None).tick() is None


def job(key: str) -> Job:
    return Job(key, key, "toy", {}, 0, ())


def test_a_budget_of_trials_lets_begun_and_finished_trainings_pass(tmp_path: Path) -> None:
    write(tmp_path, "begun", begun(0), ended(1, "error"))
    spending = Spending(tmp_path, "mine")
    wanted = [job("new1"), job("done"), job("begun"), job("new2"), job("new3")]
    allowed, held = within_trials(wanted, {"done"}, spending, BudgetConfig(trials=3))
    assert [each.train_key for each in allowed] == ["new1", "done", "begun", "new2"]
    assert [str(item) for item in held] == ["3 of 3 trials"]
    assert within_trials(wanted, {"done"}, spending, BudgetConfig(trials=4)) == (wanted, [])
