"""What the cells that are missing will cost, from those that are done.

    finished trainings --seconds a step, bytes a checkpoint--> pace of each arm
    trainings to do    --steps left x pace of the arm, or of all arms where it has none--> hours, bytes

Pure: an estimate from measurements, or none at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from rcflab.ledger.fold import KeyState
from rcflab.records import Cell, CellState, RunPlan

_TO_TRAIN: frozenset[CellState] = frozenset({"missing", "failed", "running"})


@dataclass(frozen=True, slots=True)
class Estimate:
    """Cost of what is left, one training after the other."""

    trainings: int
    """Trainings that are not finished. Stale ones are: `run` asks before it repeats them."""
    measured: int
    """Finished trainings that the estimate stands on."""
    hours: float | None
    """None where no finished training tells its time."""
    bytes: int | None
    """Of their last checkpoints; None where no finished training has one."""


def estimate(
    plan: RunPlan,
    keys: Mapping[str, KeyState],
    states: Mapping[str, CellState],
    sizes: Mapping[str, float],
    code_digest: str,
) -> Estimate | None:
    """The cost of the trainings of `plan` that are not finished; None where no finished one could be measured.

    `sizes` are the bytes of the checkpoints of finished trainings by train_key. A training that other code began starts
    again at step 0.
    """
    done = {cell.train_key: cell for cell in plan.cells if keys[cell.train_key].state == "finished"}
    if not done:
        return None
    left = {
        cell.train_key: cell for cell in plan.cells if cell.train_key not in done and states[cell.eval_key] in _TO_TRAIN
    }
    paces = {key: pace for key in done if (pace := _seconds_a_step(keys[key])) is not None}
    seconds = [
        _steps_left(cell, keys[cell.train_key], code_digest) * (_of_arm(cell, done, paces) or 0)
        for cell in left.values()
    ]
    weights = [_of_arm(cell, done, sizes) or 0 for cell in left.values()]
    return Estimate(
        trainings=len(left),
        measured=len(done),
        hours=sum(seconds) / 3600 if paces else None,
        bytes=round(sum(weights)) if sizes else None,
    )


def _of_arm(cell: Cell, done: Mapping[str, Cell], measured: Mapping[str, float]) -> float | None:
    """The mean over finished trainings of the cell's arm, or over all arms where it has none."""
    own = [value for key, value in measured.items() if done[key].arm == cell.arm]
    found = own or list(measured.values())
    return fmean(found) if found else None


def _seconds_a_step(state: KeyState) -> float | None:
    """Wall time of a step with its share of evaluations and checkpoints; of the step alone where the last attempt did
    none, but only evaluated."""
    begun, ended = state.attempt, state.ended
    if begun is not None and ended is not None and state.step > begun.step and ended.ts_ms > begun.ts_ms:
        return (ended.ts_ms - begun.ts_ms) / 1000 / (state.step - begun.step)
    times = state.series.get("time/step_ms", ())
    return fmean(point.value for point in times) / 1000 if times else None


def _steps_left(cell: Cell, state: KeyState, code_digest: str) -> int:
    kept = state.checkpoint if state.provenance.get("code_digest") == code_digest else None
    return max(0, int(cell.config["training"]["steps"]) - (kept.step if kept else 0))
