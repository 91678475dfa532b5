"""`--base`: the same arms on another base, under a name of their own."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rcflab.cli import app
from rcflab.errors import InputError, Problem
from rcflab.load import load_experiment
from rcflab.session import open_experiment

Write = Callable[..., Path]
RUNNER = CliRunner()
TEXT = """
name: knobs
extends: base/large.yaml
baseline: slow
arms:
  slow: {training.lr: 0.1}
  fast: {training.lr: 0.2}
"""


@pytest.fixture
def knobs(experiment: Write) -> Path:
    """An experiment that extends base/large.yaml, with base/small.yaml beside it."""
    experiment("task: toy\ntraining: {steps: 60}\n", "base/large.yaml")
    experiment("task: toy\ntraining: {steps: 6}\nseeds: 2\n", "base/small.yaml")
    return experiment(TEXT)


def problem_of(path: Path, base: str) -> Problem:
    """The one problem of the file on `base`."""
    with pytest.raises(InputError) as refused:
        load_experiment(path, (), base)
    (problem,) = refused.value.problems
    return problem


def test_another_base_takes_the_place_of_the_one_that_is_extended(knobs: Path) -> None:
    loaded = load_experiment(knobs, (), "small")
    assert {arm: (c["training"]["lr"], c["training"]["steps"]) for arm, c in loaded.configs.items()} == {
        "slow": (0.1, 6),
        "fast": (0.2, 6),
    }


def test_a_base_may_be_a_path_from_the_current_folder(
    knobs: Path, experiment: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment("task: toy\ntraining: {steps: 7}\n", "elsewhere/mine.yaml")
    monkeypatch.chdir(knobs.parent / "elsewhere")
    assert load_experiment(knobs, (), "mine.yaml").configs["slow"]["training"]["steps"] == 7


def test_another_base_gives_the_experiment_a_name_of_its_own(knobs: Path, experiment: Write) -> None:
    experiment("task: toy\n", "base/My_Video.yaml")
    assert load_experiment(knobs, (), "small").spec.name == "knobs-small"
    assert load_experiment(knobs, (), "My_Video").spec.name == "knobs-my-video"


def test_the_base_that_is_extended_anyway_changes_nothing(knobs: Path) -> None:
    plain, named = load_experiment(knobs), load_experiment(knobs, (), "large")
    assert (named.spec, named.configs) == (plain.spec, plain.configs)


def test_set_is_stronger_than_the_base_and_its_name(knobs: Path) -> None:
    spec = load_experiment(knobs, ["name=mine", "seeds=5"], "small").spec
    assert (spec.name, spec.seeds) == ("mine", 5)


def test_two_bases_never_share_a_folder_or_a_cell(knobs: Path) -> None:
    large, small = open_experiment(knobs), open_experiment(knobs, base="small")
    assert large.experiment_folder != small.experiment_folder
    assert {cell.train_key for cell in large.plan.cells} & {cell.train_key for cell in small.plan.cells} == set()


def test_an_unknown_base_comes_with_the_known_ones_and_the_nearest(knobs: Path) -> None:
    problem = problem_of(knobs, "smal")
    assert (problem.file, problem.got) == ("--base", "'smal'")
    assert "large, small" in problem.wanted
    assert "did you mean 'small'?" in problem.wanted


@pytest.mark.parametrize("base", ["nothing.yaml", "base/nothing", "base"])
def test_a_base_that_is_no_file_is_refused(knobs: Path, base: str) -> None:
    assert "large, small" in problem_of(knobs, base).wanted


def test_an_experiment_that_extends_nothing_has_no_base_to_replace(experiment: Write) -> None:
    assert (
        "an experiment with `extends`"
        in problem_of(experiment(TEXT.replace("extends: base/large.yaml", "")), "x").wanted
    )


def test_a_base_that_extends_another_is_refused(knobs: Path, experiment: Write) -> None:
    experiment("extends: large.yaml\n", "base/second.yaml")
    assert "a second level" in problem_of(knobs, "second").got


def test_a_fault_of_the_other_base_is_located_there(knobs: Path, experiment: Write) -> None:
    broken = experiment("task: toy\ntraining: {steps: -1}\n", "base/broken.yaml")
    assert problem_of(knobs, "broken").file == f"{broken}:2:19"


def test_a_name_that_grows_too_long_is_laid_at_the_option(knobs: Path, experiment: Write) -> None:
    path = experiment(TEXT.replace("knobs", "k" * 60), "long.yaml")
    problem = problem_of(path, "small")
    assert (problem.place, problem.file.split()[0]) == ("name", "--base")


@pytest.mark.parametrize("command", ["check", "plan", "table", "sync"])
def test_commands_take_a_base(command: str, knobs: Path) -> None:
    done = RUNNER.invoke(app, [command, str(knobs), "--base", "smal"])
    assert done.exit_code == 2
    assert done.stderr.startswith("error: --base: got 'smal', expected")


def test_plan_shows_the_cells_of_the_other_base(knobs: Path) -> None:
    plan = json.loads(RUNNER.invoke(app, ["plan", str(knobs), "--base", "small", "--json"]).stdout)
    assert (plan["experiment"], len(plan["cells"])) == ("knobs-small", 4)
