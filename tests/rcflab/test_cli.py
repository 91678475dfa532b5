"""The command line: what it prints, where, and with which exit code."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from rcflab.cli import app, fault_lines
from rcflab.errors import InputError, Problem, ServiceDownError
from rcflab.ledger.events import AttemptStarted, CheckpointSaved, Evaluated, StateChanged
from rcflab.ledger.lease import acquire, this_process
from rcflab.ledger.writer import LedgerWriter
from rcflab.provenance import code_digest, gather_provenance
from rcflab.records import Cell
from rcflab.session import open_experiment

Write = Callable[..., Path]
RUNNER = CliRunner()


def finish(storage: Path, cell: Cell, score: float, code: str) -> None:
    """Write the ledger of a cell that was trained and evaluated by `code`, and its match records."""
    lease = acquire(storage, cell.train_key, this_process())
    provenance = asdict(gather_provenance()) | {"code_digest": code}
    with LedgerWriter(storage, cell.train_key, lease) as writer:
        writer.append(AttemptStarted(1, lease.token, 0, provenance, 1))
        writer.append(CheckpointSaved(2, 20, "cells/x", "ab" * 32))
        values = {"toy/score": score}
        writer.append(Evaluated(3, 20, cell.eval_key, True, values, "5eed" * 16, "records.npz", (), code))
        writer.append(StateChanged(4, 20, "finished"))
    lease.release()
    np.savez(storage / "records.npz", distance=np.linspace(0.1, 0.5, 5), threshold=np.array(1.0))


def test_check_says_how_many_cells_there_are(experiment: Write) -> None:
    done = RUNNER.invoke(app, ["check", str(experiment())])
    assert (done.exit_code, done.stdout) == (0, "ok: 4 cells\n")


def test_every_problem_is_one_line_on_stderr_and_the_exit_code_is_2(experiment: Write) -> None:
    path = experiment("name: X\ntask: toy\nbaseline: a\narms: {b: {}}\nseeds: 0\n")
    done = RUNNER.invoke(app, ["plan", str(path)])
    assert (done.exit_code, done.stdout) == (2, "")
    assert [line.split(": ")[2] for line in done.stderr.splitlines()] == ["name", "seeds", "baseline"]
    assert all(line.startswith(f"error: {path}:") for line in done.stderr.splitlines())


@pytest.mark.parametrize("command", ["check", "plan", "table"])
def test_a_missing_file_is_bad_input(command: str, tmp_path: Path) -> None:
    done = RUNNER.invoke(app, [command, str(tmp_path / "nothing.yaml")])
    assert done.exit_code == 2
    assert "nothing.yaml" in done.stderr
    assert "Traceback" not in done.stderr


def test_plan_as_json_has_every_cell_with_keys_and_state(experiment: Write) -> None:
    path = experiment()
    done = RUNNER.invoke(app, ["plan", str(path), "--json"])
    cells = json.loads(done.stdout)["cells"]
    expected = [(cell.arm, cell.seed, cell.train_key, cell.eval_key) for cell in open_experiment(path).plan.cells]
    assert [(c["arm"], c["seed"], c["train_key"], c["eval_key"]) for c in cells] == expected
    assert {c["state"] for c in cells} == {"missing"}


def test_plan_as_json_tells_where_the_weights_of_a_finished_cell_are(experiment: Write, tmp_path: Path) -> None:
    path = experiment()
    finish(tmp_path / "runs", open_experiment(path).plan.cells[0], 1.0, code_digest())
    cells = json.loads(RUNNER.invoke(app, ["plan", str(path), "--json"]).stdout)["cells"]
    assert [cell["checkpoint"] for cell in cells] == [str(tmp_path / "runs" / "cells" / "x"), None, None, None]


def test_plan_starts_and_makes_nothing(experiment: Write, tmp_path: Path) -> None:
    RUNNER.invoke(app, ["plan", str(experiment())])
    assert [path.name for path in tmp_path.iterdir()] == ["experiment.yaml"]


def test_arms_seeds_and_set_narrow_and_change_a_plan(experiment: Write) -> None:
    options = ["--json", "--arms", "fast", "--seeds", "1", "--set", "name=other"]
    plan = json.loads(RUNNER.invoke(app, ["plan", str(experiment()), *options]).stdout)
    assert plan["experiment"] == "other"
    assert [(cell["arm"], cell["seed"]) for cell in plan["cells"]] == [("fast", 0)]


def test_joined_arms_are_named(experiment: Write) -> None:
    path = experiment("name: t\ntask: toy\nbaseline: a\narms: {a: {}, b: {model.decay: 0.9}}\n")
    assert "a = b: what they differ in has no effect" in RUNNER.invoke(app, ["plan", str(path)]).stdout


def test_markup_in_names_is_printed_as_it_is(experiment: Write) -> None:
    path = experiment("name: t\ntask: toy\nbaseline: '[red]x[/red]'\narms: {'[red]x[/red]': {}}\n")
    assert "[red]x[/red]" in RUNNER.invoke(app, ["plan", str(path)]).stdout


def test_table_refuses_with_exit_code_3_while_a_cell_is_missing(experiment: Write, tmp_path: Path) -> None:
    path = experiment()
    cells = open_experiment(path).plan.cells
    for cell in cells[1:]:
        finish(tmp_path / "runs", cell, 1.0, code_digest())
    done = RUNNER.invoke(app, ["table", str(path)])
    assert (done.exit_code, done.stdout) == (3, "")
    assert f"arm 'plain', seed 0 (trial {cells[0].eval_key}): missing" in done.stderr
    assert not (tmp_path / "runs" / "experiments").exists()


def test_table_prints_what_it_writes(experiment: Write, tmp_path: Path) -> None:
    path = experiment()
    for cell in open_experiment(path).plan.cells:
        finish(tmp_path / "runs", cell, 1.0 + cell.seed, code_digest())
    for form in ("md", "csv", "tex", "json"):
        done = RUNNER.invoke(app, ["table", str(path), "--format", form])
        assert done.exit_code == 0
        assert done.stdout == (tmp_path / "runs/experiments/toy-test" / f"table.{form}").read_text()


def test_a_narrowed_table_does_not_replace_the_whole_one(experiment: Write, tmp_path: Path) -> None:
    path = experiment()
    for cell in open_experiment(path).plan.cells:
        finish(tmp_path / "runs", cell, 1.0, code_digest())
    assert RUNNER.invoke(app, ["table", str(path), "--seeds", "1"]).exit_code == 0
    assert not (tmp_path / "runs" / "experiments").exists()


def test_stale_cells_need_consent_and_get_a_footnote(experiment: Write, tmp_path: Path) -> None:
    path = experiment()
    for cell in open_experiment(path).plan.cells:
        finish(tmp_path / "runs", cell, 1.0, "0ld" * 20)
    refused = RUNNER.invoke(app, ["table", str(path)])
    assert refused.exit_code == 3
    assert "stale" in refused.stderr
    assert "made by other code" in RUNNER.invoke(app, ["table", str(path), "--on-stale", "reuse"]).stdout


def test_a_finished_cell_is_done_in_every_experiment_that_has_it(experiment: Write, tmp_path: Path) -> None:
    first = experiment()
    for cell in open_experiment(first).plan.cells:
        finish(tmp_path / "runs", cell, 1.0, code_digest())
    text = "name: other\ntask: toy\nbaseline: quick\nseeds: 3\narms: {quick: {training.lr: 0.2}}\n"
    plan = json.loads(RUNNER.invoke(app, ["plan", str(experiment(text, "other.yaml")), "--json"]).stdout)
    assert [cell["state"] for cell in plan["cells"]] == ["done", "done", "missing"]


def test_control_characters_in_faults_do_not_reach_the_terminal() -> None:
    error = InputError([Problem("a\x1b[2Jb", "x\u202ey", "z\x9b\r", "w")])
    assert fault_lines(error) == ["error: a?[2Jb: x?y: got z??, expected w"]


def test_other_expected_faults_have_their_own_exit_code(monkeypatch: pytest.MonkeyPatch, experiment: Write) -> None:
    def down(*arguments: object) -> None:
        raise ServiceDownError("the store does not answer")

    monkeypatch.setattr("rcflab.commands.plan.open_session", down)
    done = RUNNER.invoke(app, ["plan", str(experiment())])
    assert (done.exit_code, done.stderr) == (69, "error: the store does not answer\n")


def test_an_interrupt_is_exit_code_130(monkeypatch: pytest.MonkeyPatch, experiment: Write) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rcflab.commands.plan.open_session", interrupted)
    assert RUNNER.invoke(app, ["plan", str(experiment())]).exit_code == 130


@pytest.mark.parametrize(
    "command",
    ["check", "plan", "run", "table", "report", "replay", "diff", "list", "init", "power", "eval", "data", "sync"],
)
def test_every_listed_command_is_there_and_explains_itself(command: str) -> None:
    done = RUNNER.invoke(app, [command, "--help"])
    assert done.exit_code == 0
    assert "Example" in done.stdout or command == "data"


def test_an_unknown_command_is_bad_usage() -> None:
    assert RUNNER.invoke(app, ["plna"]).exit_code == 2


@pytest.mark.parametrize(
    "module",
    [
        "rcflab.plan",
        "rcflab.collect",
        "rcflab.ablation",
        "rcflab.stats.summary",
        "rcflab.stats.verdict",
        "rcflab.report.files",
        "rcflab.session",
        "rcflab.commands.plan",
        "rcflab.commands.table",
        "rcflab.commands.report",
    ],
)
def test_plans_and_tables_load_no_network_and_no_orchestration(module: str, repository: Path) -> None:
    code = f"import sys, {module}; print({{'torch', 'ray', 'mlflow', 'timm'}} & set(sys.modules) or 'none')"
    paths = f"{repository}:{repository / 'platform'}"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env={"PYTHONPATH": paths}, capture_output=True, text=True, check=True)
    assert done.stdout == "none\n"
