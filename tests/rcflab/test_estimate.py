"""What missing cells will cost: measured on finished ones, or not said at all."""

from collections.abc import Mapping

import pytest

from rcflab.estimate import Estimate, estimate
from rcflab.ledger.events import AttemptStarted, CheckpointSaved, Event, Metrics, StateChanged
from rcflab.ledger.fold import KeyState, fold
from rcflab.records import Cell, CellState, RunPlan

_CODE, _OTHER_CODE = "c0de" * 16, "01d" * 20
_EMPTY = fold([])


def trained(steps: int, seconds: float, begun: int = 0, step_ms: float = 100.0, code: str = _CODE) -> KeyState:
    """A finished training whose last attempt went from step `begun` to `steps` in so many seconds."""
    events: list[Event] = [
        AttemptStarted(1000, 1, begun, {"code_digest": code}, 1),
        Metrics(1001, steps, {"time/step_ms": step_ms}),
        CheckpointSaved(1002, steps, "cells/x", "ab"),
        StateChanged(1000 + round(1000 * seconds), steps, "finished"),
    ]
    return fold(events)


def half_done(step: int, code: str = _CODE) -> KeyState:
    """An interrupted training with a checkpoint at `step`."""
    events: list[Event] = [
        AttemptStarted(1, 1, 0, {"code_digest": code}, 1),
        CheckpointSaved(2, step, "cells/x", "ab"),
        StateChanged(3, step, "interrupted"),
    ]
    return fold(events)


def estimate_of(
    keys: Mapping[str, KeyState], sizes: Mapping[str, float] | None = None, steps: int = 3600
) -> Estimate | None:
    """The estimate of cells called `ARM-SEED`, done where their training is finished, else missing."""
    cells = tuple(
        Cell(name.split("-")[0], int(name.split("-")[1]), {"training": {"steps": steps}}, name, f"e{name}")
        for name in keys
    )
    states: dict[str, CellState] = {
        f"e{name}": "done" if state.state == "finished" else "missing" for name, state in keys.items()
    }
    return estimate(RunPlan("t", "toy", "a", cells, ("toy/score",)), keys, states, sizes or {}, _CODE)


def test_without_a_finished_cell_there_is_no_estimate() -> None:
    assert estimate_of({"a-0": _EMPTY, "a-1": half_done(5)}) is None


def test_a_missing_cell_takes_as_long_as_the_finished_one_of_its_arm() -> None:
    keys = {"a-0": trained(3600, 3600), "b-0": trained(3600, 7200), "b-1": _EMPTY}
    assert estimate_of(keys) == Estimate(trainings=1, measured=2, hours=2.0, bytes=None)


def test_an_arm_without_a_finished_cell_takes_the_mean_of_all() -> None:
    found = estimate_of({"a-0": trained(3600, 3600), "b-0": trained(3600, 7200), "c-0": _EMPTY})
    assert found is not None
    assert found.hours == pytest.approx(1.5)


def test_only_the_steps_after_the_last_checkpoint_are_left() -> None:
    found = estimate_of({"a-0": trained(3600, 3600), "a-1": half_done(2700)})
    assert found is not None
    assert found.hours == pytest.approx(0.25)


def test_a_training_that_other_code_began_starts_again() -> None:
    found = estimate_of({"a-0": trained(3600, 3600), "a-1": half_done(2700, _OTHER_CODE)})
    assert found is not None
    assert found.hours == pytest.approx(1.0)


def test_a_resumed_training_is_measured_on_the_steps_of_its_last_attempt() -> None:
    found = estimate_of({"a-0": trained(3600, 900, begun=2700), "a-1": _EMPTY})
    assert found is not None
    assert found.hours == pytest.approx(1.0)


def test_an_attempt_that_only_evaluated_leaves_the_recorded_time_of_a_step() -> None:
    found = estimate_of({"a-0": trained(3600, 50, begun=3600, step_ms=500.0), "a-1": _EMPTY})
    assert found is not None
    assert found.hours == pytest.approx(0.5)


def test_bytes_are_those_of_finished_checkpoints() -> None:
    keys = {"a-0": trained(10, 1), "a-1": trained(10, 1), "a-2": _EMPTY, "a-3": _EMPTY}
    found = estimate_of(keys, {"a-0": 1000, "a-1": 3000})
    assert found is not None
    assert (found.trainings, found.bytes) == (2, 4000)


def test_two_cells_of_one_training_cost_it_once() -> None:
    config = {"training": {"steps": 3600}}
    cells = (Cell("a", 0, config, "k", "e0"), Cell("b", 0, config, "m", "e1"), Cell("c", 0, config, "m", "e2"))
    keys = {"k": trained(3600, 3600), "m": _EMPTY}
    states: dict[str, CellState] = {"e0": "done", "e1": "missing", "e2": "missing"}
    found = estimate(RunPlan("t", "toy", "a", cells, ("toy/score",)), keys, states, {}, _CODE)
    assert found == Estimate(trainings=1, measured=1, hours=1.0, bytes=None)
