"""`rcflab plan` of a design: what it is, what it cannot tell apart, what the rest will cost."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rcflab.cli import app
from rcflab.ledger.events import AttemptStarted, CheckpointSaved, Evaluated, Metrics, StateChanged
from rcflab.ledger.lease import acquire, this_process
from rcflab.ledger.writer import LedgerWriter
from rcflab.provenance import code_digest
from rcflab.records import Cell
from rcflab.session import open_experiment

Write = Callable[..., Path]
RUNNER = CliRunner()
_HALF = """
name: half
task: toy
design: fractional
factors: {model.slope: [1.0, 2.0], model.memory: [0, 1], model.offset: [0, 0.5]}
generators: {offset: slope*memory}
seeds: 2
"""


def finish(storage: Path, cell: Cell, seconds: float, size: int) -> None:
    """Write the ledger and the checkpoint of a cell that was trained in so many seconds."""
    folder = storage / "cells" / cell.train_key
    folder.mkdir(parents=True)
    (folder / "weights.bin").write_bytes(b"x" * size)
    lease, steps = acquire(storage, cell.train_key, this_process()), int(cell.config["training"]["steps"])
    with LedgerWriter(storage, cell.train_key, lease) as writer:
        writer.append(AttemptStarted(1000, lease.token, 0, {"code_digest": code_digest()}, 1))
        writer.append(Metrics(1001, steps, {"time/step_ms": 1.0}))
        writer.append(CheckpointSaved(1002, steps, f"cells/{cell.train_key}", "ab" * 32))
        values = {"toy/score": 1.0}
        writer.append(Evaluated(1003, steps, cell.eval_key, True, values, "5eed" * 16, "r.npz", (), code_digest()))
        writer.append(StateChanged(1000 + round(1000 * seconds), steps, "finished"))
    lease.release()


def plan(path: Path, *options: str) -> str:
    """What the command prints."""
    done = RUNNER.invoke(app, ["plan", str(path), *options])
    assert done.exit_code == 0, done.stderr
    return done.stdout


def plan_json(path: Path, options: Sequence[str] = ()) -> dict[str, Any]:
    """The same for programs."""
    return json.loads(plan(path, "--json", *options))


def test_a_fraction_is_shown_with_its_resolution_and_aliases(experiment: Write) -> None:
    lines = plan(experiment(_HALF)).splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("fractional"))
    assert lines[start : start + 5] == [
        "fractional design of slope (1.0, 2.0) x memory (0, 1) x offset (0, 0.5): 4 arms, 8 cells; resolution III, "
        "main effects are aliased with two-way interactions",
        "  first arm: slope=1.0 memory=0 offset=0.5",
        "  cannot be told apart: slope = memory*offset",
        "  cannot be told apart: memory = slope*offset",
        "  cannot be told apart: offset = slope*memory",
    ]


def test_a_program_gets_the_design_with_the_levels_of_each_arm(experiment: Write) -> None:
    found = plan_json(experiment(_HALF))
    assert found["design"] == {
        "kind": "fractional",
        "factors": {"model.slope": [1.0, 2.0], "model.memory": [0, 1], "model.offset": [0, 0.5]},
        "names": {"model.slope": "slope", "model.memory": "memory", "model.offset": "offset"},
        "arms": 4,
        "cells": 8,
        "resolution": 3,
        "aliases": ["slope = memory*offset", "memory = slope*offset", "offset = slope*memory"],
    }
    assert found["levels"]["baseline"] == {"model.slope": 1.0, "model.memory": 0, "model.offset": 0.5}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "design: one_at_a_time\nfactors: {model.slope: [1.0, 2.0], model.offset: [0, 1]}",
            "one_at_a_time design of slope (1.0, 2.0), offset (0, 1): 3 arms, 3 cells",
        ),
        (
            "design: factorial\nfactors: {model.memory: [0, 1], model.decay: [0.1, 0.2]}\nwhen: {decay: {memory: [1]}}",
            "factorial design of memory (0, 1) x decay (0.1, 0.2; where memory is 1): 3 arms, 3 cells",
        ),
    ],
)
def test_other_designs_are_shown_in_a_line(experiment: Write, text: str, line: str) -> None:
    assert line in plan(experiment(f"name: t\ntask: toy\n{text}\n")).splitlines()


def test_an_experiment_with_arms_has_no_design(experiment: Write) -> None:
    path = experiment()
    assert (plan_json(path)["design"], plan_json(path)["levels"]) == (None, None)
    assert "design of" not in plan(path)


def test_a_narrowed_plan_says_how_many_cells_it_has_left(experiment: Write) -> None:
    assert ": 4 arms, 2 cells;" in plan(experiment(_HALF), "--arms", "baseline")


def test_joined_arms_of_a_design_are_named(experiment: Write) -> None:
    text = "name: t\ntask: toy\ndesign: factorial\nfactors: {model.memory: [0, 1], model.decay: [0.1, 0.2]}\n"
    assert "baseline = memory=0 decay=0.2: what they differ in has no effect" in plan(experiment(text))


def test_without_a_finished_cell_there_is_no_estimate(experiment: Write) -> None:
    path = experiment()
    assert "no estimate: no cell of this experiment is finished" in plan(path)
    assert plan_json(path)["estimate"] is None


def test_the_rest_is_estimated_from_finished_cells(experiment: Write, tmp_path: Path) -> None:
    path = experiment()
    finish(tmp_path / "runs", open_experiment(path).plan.cells[0], seconds=1800, size=2_000_000)
    said = "left to train: 3, about 1.5 hours one after the other, 6 MB of checkpoints (measured on 1 finished)"
    assert said in plan(path)
    assert plan_json(path)["estimate"] == {
        "trainings": 3, "measured": 1, "hours": 1.5, "bytes": 6_000_000, "gpu_hours": 0,
    }  # fmt: skip


def test_hours_of_every_gpu_are_counted(experiment: Write, tmp_path: Path) -> None:
    path = experiment()
    finish(tmp_path / "runs", open_experiment(path).plan.cells[0], seconds=1800, size=1)
    options = ["--set", "resources={workers: 4, gpus_per_worker: 0.5}"]
    assert plan_json(path, options)["estimate"]["gpu_hours"] == 3
    assert "about 1.5 hours one after the other (3 GPU-hours)" in plan(path, *options)


def test_when_all_is_done_nothing_is_left_to_train(experiment: Write, tmp_path: Path) -> None:
    path = experiment()
    for cell in open_experiment(path).plan.cells:
        finish(tmp_path / "runs", cell, seconds=1, size=1)
    assert "nothing to train" in plan(path)


def test_a_design_is_planned_without_starting_or_making_anything(experiment: Write, tmp_path: Path) -> None:
    plan(experiment(_HALF))
    assert [path.name for path in tmp_path.iterdir()] == ["experiment.yaml"]
