"""From events to the state of a key."""

from hypothesis import given
from hypothesis import strategies as st

from rcflab.ledger.fold import Alarm, KeyFold, Point, fold


def test_nothing_written_is_the_empty_state():
    assert fold(()).state == "empty"


def test_the_last_end_counts_until_another_attempt_starts(make):
    failed = (make.attempt(1), make.state("failed", 3, "ValueError: no", "error"))
    state = fold(failed)
    assert (state.state, state.reason, state.failure, state.attempts) == ("failed", "ValueError: no", "error", 1)
    again = fold((*failed, make.attempt(2, step=2)))
    assert (again.state, again.reason, again.failure, again.attempts) == ("started", "", "", 2)


def test_a_step_done_twice_keeps_its_first_value_and_time(make):
    state = fold((make.attempt(1), make.metrics(1, 0.5), make.attempt(2), make.metrics(1, 0.5, attempt=2)))
    assert state.series["train/loss"] == (Point(1, 0.5, 1001),)
    assert state.alarms == ()


def test_a_step_that_changes_its_value_raises_an_alarm(make):
    state = fold((make.metrics(1, 0.5), make.metrics(1, 0.75)))
    assert state.series["train/loss"][0].value == 0.5
    assert state.alarms == (Alarm("train/loss", 1, 0.5, 0.75),)


def test_durations_may_change_without_alarm(make):
    times = ({"time/step_ms": 10.0}, {"time/step_ms": 11.0})
    assert fold(make.metrics(1, 0.5, **each) for each in times).alarms == ()


@given(st.lists(st.integers(1, 30), max_size=60))
def test_series_are_sorted_by_step_with_each_step_once(steps):
    from rcflab.ledger.events import Metrics

    series = fold(Metrics(at, step, {"a": float(at)}) for at, step in enumerate(steps)).series.get("a", ())
    assert [point.step for point in series] == sorted(set(steps))
    assert all(steps.index(point.step) == point.ts_ms for point in series)


def test_adding_an_event_returns_only_what_was_not_known(make):
    grown = KeyFold()
    grown.add(make.metrics(1, 0.5))
    fresh = grown.add(make.metrics(1, 0.5, **{"train/lr": 0.1}))
    assert fresh.values == {"train/lr": 0.1}


def test_the_last_checkpoint_written_counts_even_if_its_step_is_lower(make):
    assert fold((make.checkpoint(20), make.checkpoint(10))).checkpoint == make.checkpoint(10)


def test_a_final_evaluation_is_found_by_key_and_by_code(make):
    first, other = make.evaluation(9, 1.0), make.evaluation(9, 2.0, code="code-b")
    state = fold((make.evaluation(5, 0.5, final=False), first, other, make.evaluation(9, 3.0, eval_key="f" * 16)))
    assert state.final("e" * 16) == other
    assert state.final("e" * 16, "code-a") == first
    assert state.final("e" * 16, "code-c") is None
    assert len(state.evaluations) == 4


def test_an_evaluation_done_twice_keeps_the_first_and_tells_of_the_difference(make):
    state = fold((make.evaluation(9, 1.0), make.evaluation(9, 2.0)))
    assert [each.values["toy/score"] for each in state.evaluations] == [1.0]
    assert state.alarms == (Alarm("toy/score", 9, 1.0, 2.0),)


def test_other_code_that_starts_from_scratch_begins_a_new_generation(make):
    old = (make.attempt(1, code="code-a"), make.metrics(1, 0.5), make.checkpoint(1))
    state = fold((*old, make.attempt(2, step=0, code="code-b"), make.metrics(1, 0.75, attempt=2)))
    assert (state.generation, state.alarms, state.checkpoint) == (1, (), None)
    assert state.series["train/loss"] == (Point(1, 0.75, 2001),)


def test_a_resume_is_no_new_generation(make):
    old = (make.attempt(1, code="code-a"), make.metrics(1, 0.5))
    assert fold((*old, make.attempt(2, step=1, code="code-b"))).generation == 0
    assert fold((*old, make.attempt(2, step=0, code="code-a"))).generation == 0


def test_the_state_without_series_agrees_in_everything_else(make):
    grown = KeyFold()
    for event in (make.attempt(), make.metrics(4, 0.5), make.evaluation(4, 1.0), make.state("finished", 4)):
        grown.add(event)
    short, full = grown.state(series=False), grown.state()
    assert (short.step, short.state, short.evaluations) == (full.step, full.state, full.evaluations)
    assert short.series == {} and full.series
    assert grown.latest() == {"train/loss": full.series["train/loss"][-1]}
