"""Metrics over the steps of a training, cell by cell.

ledger state of a cell --cell_series--> metric -> {step: value}
RunPlan, ledger states --cell_curves--> Curve ...       what figures of courses are drawn from

Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from rcflab.ledger.fold import KeyState
from rcflab.records import RunPlan


@dataclass(frozen=True, slots=True)
class Curve:
    """One metric of one cell over the steps of its training."""

    arm: str
    seed: int
    metric: str
    steps: tuple[int, ...]
    """Ascending."""
    values: tuple[float, ...]


def cell_series(key: KeyState, eval_key: str) -> dict[str, dict[int, float]]:
    """Metric -> {step: value} of one cell, steps ascending: its training, and its evaluations by the latest code."""
    series = {metric: {point.step: point.value for point in points} for metric, points in key.series.items()}
    for event in key.evaluations:
        if event.eval_key == eval_key:
            for metric, value in event.values.items():
                series.setdefault(metric, {})[event.step] = value
    return {metric: dict(sorted(points.items())) for metric, points in series.items()}


def cell_curves(plan: RunPlan, keys: Mapping[str, KeyState]) -> tuple[Curve, ...]:
    """Every metric of every cell of `plan`, from the ledger state of each train_key."""
    return tuple(
        Curve(cell.arm, cell.seed, metric, tuple(points), tuple(points.values()))
        for cell in plan.cells
        for metric, points in cell_series(keys[cell.train_key], cell.eval_key).items()
    )
