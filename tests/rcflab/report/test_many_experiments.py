"""`rcflab table A.yaml B.yaml`: one document with every table whole, or one refusal with all that is in the way."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rcflab.cli import app
from rcflab.report.files import FORMATS, file_name

RUNNER = CliRunner()
FIRST = "name: first\ntask: toy\nbaseline: plain\narms: {plain: {}, fast: {training.lr: 0.2}}\nseeds: 2\n"
SECOND = "name: second\ntask: toy\nbaseline: plain\narms: {plain: {}, slow: {training.lr: 0.01}}\nseeds: 2\n"
Finish = Callable[[Path], None]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Two experiments in the current folder, which share an arm."""
    monkeypatch.chdir(tmp_path)
    for name, text in (("first.yaml", FIRST), ("second.yaml", SECOND)):
        (tmp_path / name).write_text(text)
    return "first.yaml", "second.yaml"


def test_tables_stand_in_one_document_and_in_the_folder_of_each(files: tuple[str, str], finish: Finish) -> None:
    for file in files:
        finish(Path(file))
    done = RUNNER.invoke(app, ["table", *files, "--format", "json", "--output", "out"])
    assert done.exit_code == 0, done.output
    tables = json.loads(done.stdout)["tables"]
    assert [table["experiment"] for table in tables] == ["first", "second"]
    for table in tables:
        assert json.loads(Path("runs/experiments", table["experiment"], "table.json").read_text()) == table
    assert {path.name for path in Path("out").iterdir()} == {file_name(form, "tables") for form in FORMATS}
    assert Path("out/tables.json").read_text() == done.stdout


def test_each_experiment_keeps_a_family_of_its_own(files: tuple[str, str], finish: Finish) -> None:
    for file in files:
        finish(Path(file))
    alone = json.loads(RUNNER.invoke(app, ["table", files[1], "--format", "json"]).stdout)
    both = json.loads(RUNNER.invoke(app, ["table", *files, "--format", "json"]).stdout)
    assert both["tables"][1] == alone
    assert alone["comparisons"]["family"] == 1


def test_cells_that_are_missing_anywhere_are_all_named(files: tuple[str, str]) -> None:
    done = RUNNER.invoke(app, ["table", *files])
    assert (done.exit_code, done.stdout) == (3, "")
    assert "the table of first is not complete" in done.stderr
    assert "the table of second is not complete" in done.stderr
    assert not Path("runs/experiments").exists()


def test_faults_of_all_files_are_named_at_once(files: tuple[str, str]) -> None:
    Path("third.yaml").write_text(FIRST.replace("baseline: plain", "baseline: plan"))
    Path("fourth.yaml").write_text(FIRST.replace("seeds: 2", "seeds: 0"))
    done = RUNNER.invoke(app, ["table", files[0], "third.yaml", "fourth.yaml"])
    assert done.exit_code == 2
    assert "third.yaml" in done.stderr and "did you mean 'plain'" in done.stderr
    assert "fourth.yaml" in done.stderr and "seeds" in done.stderr


def test_two_experiments_of_one_name_are_refused(files: tuple[str, str]) -> None:
    Path("copy.yaml").write_text(FIRST)
    done = RUNNER.invoke(app, ["table", files[0], "copy.yaml"])
    assert done.exit_code == 2
    assert "got 'first' 2 times" in done.stderr
