"""Arms that another experiment has: the same trials under one's own names, and what stands in the way."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rcflab.cli import app
from rcflab.errors import InputError
from rcflab.load import load_experiment
from rcflab.session import open_experiment

Write = Callable[..., Path]
OTHER = (
    "name: other\ntask: toy\nbaseline: plain\ntraining: {steps: 7}\narms:\n  plain: {}\n  fast: {training.lr: 0.2}\n"
)
JOINED = """name: joined
task: toy
baseline: theirs
arms:
  theirs: {from: other.yaml}
  quick: {from: 'other.yaml:fast'}
  own: {training.lr: 0.3}
"""


def _problem(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_experiment(path)
    assert len(caught.value.problems) == 1
    return str(caught.value)


def test_an_arm_of_another_experiment_is_the_same_trial(experiment: Write) -> None:
    other = open_experiment(experiment(OTHER, "other.yaml"))
    joined = open_experiment(experiment(JOINED))
    keys = {cell.arm: cell.eval_key for cell in other.plan.cells}
    found = {cell.arm: cell.eval_key for cell in joined.plan.cells}
    assert list(found) == ["theirs", "quick", "own"], "in the order in which they are written"
    assert (found["theirs"], found["quick"]) == (keys["plain"], keys["fast"])


def test_a_file_is_named_from_the_folder_of_the_file_that_names_it(experiment: Write) -> None:
    experiment(OTHER, "deep/other.yaml")
    loaded = load_experiment(experiment(JOINED, "deep/joined.yaml"))
    assert loaded.sources["quick"].path.name == "other.yaml"


def test_arms_of_a_design_can_be_taken_too(experiment: Write) -> None:
    design = "name: other\ntask: toy\ndesign: factorial\nfactors: {model.slope: [1.0, 3.0], model.memory: [0, 2]}\n"
    experiment(design, "other.yaml")
    loaded = load_experiment(experiment(JOINED.replace("other.yaml:fast", "other.yaml:slope=3.0 memory=2")))
    assert loaded.configs["quick"]["model"]["memory"] == 2


def test_what_the_command_line_says_of_the_task_holds_for_taken_arms_and_the_rest_does_not(experiment: Write) -> None:
    experiment(OTHER, "other.yaml")
    loaded = load_experiment(experiment(JOINED), ["training.steps=3", "seeds=4", "arms.own.training.lr=0.4"])
    assert {config["training"]["steps"] for config in loaded.configs.values()} == {3}
    assert loaded.configs["own"]["training"]["lr"] == 0.4


def test_a_base_holds_for_taken_arms(experiment: Write) -> None:
    experiment("training: {steps: 7}\n", "base/large.yaml")
    experiment("training: {steps: 2}\n", "base/small.yaml")
    experiment(OTHER.replace("training: {steps: 7}", "extends: base/large.yaml"), "other.yaml")
    all_taken = experiment(JOINED.split("  own")[0])
    loaded = load_experiment(all_taken, base="small")
    assert {config["training"]["steps"] for config in loaded.configs.values()} == {2}
    assert loaded.spec.name == "joined-small"
    with pytest.raises(InputError, match="an experiment with `extends`"):
        load_experiment(experiment(JOINED), base="small")


def test_plan_and_diff_say_where_an_arm_comes_from(experiment: Write) -> None:
    experiment(OTHER, "other.yaml")
    path = str(experiment(JOINED))
    said = CliRunner().invoke(app, ["plan", path])
    assert "quick: the arm other.yaml:fast" in said.stdout
    found = json.loads(CliRunner().invoke(app, ["plan", path, "--json"]).stdout)["from"]["quick"]
    assert (Path(found["file"]).name, found["arm"]) == ("other.yaml", "fast")
    said = CliRunner().invoke(app, ["diff", f"{path}:quick", "other.yaml:fast"])
    assert said.stdout.splitlines()[0] == "experiment.yaml:quick (from other.yaml:fast) -> other.yaml:fast"
    assert "one and the same trial" in said.stdout


@pytest.mark.parametrize(
    ("arm", "named"),
    [
        ("{from: 'othr.yaml:fast'}", "which names no file, expected a file at"),
        ("{from: 'other.yaml:fats'}", "the arm 'fats', expected an arm of"),
        ("{from: 'other.yaml:fats'}", "did you mean 'fast'?"),
        ("{from: 'othr.yaml:fast'}", "did you mean 'other.yaml'?"),
        ("{from: other.yaml, training.lr: 0.1}", "`from` beside training.lr"),
        ("{from: 3}", "got 3, expected a file, or file:arm"),
        ("{from: rcf.yaml}", "an arm of the task rcf"),
        ("{from: far.yaml}", "whose trainings are kept below"),
    ],
)
def test_what_cannot_be_taken_is_named_with_its_place(experiment: Write, arm: str, named: str) -> None:
    experiment(OTHER, "other.yaml")
    experiment("name: r\nbaseline: a\narms: {a: {}}\n", "rcf.yaml")
    experiment(OTHER + "storage: {root: elsewhere}\n", "far.yaml")
    said = _problem(experiment(JOINED.replace("{from: 'other.yaml:fast'}", arm)))
    assert "experiment.yaml:6:" in said
    assert "arms.quick.from" in said
    assert named in said


def test_a_fault_in_the_other_file_is_named_there_once(experiment: Write) -> None:
    experiment(OTHER.replace("steps: 7", "steps: 0"), "other.yaml")
    said = _problem(experiment(JOINED))
    assert "other.yaml:4" in said


def test_a_circle_is_refused(experiment: Write) -> None:
    experiment(OTHER + "  back: {from: experiment.yaml}\n", "other.yaml")
    said = _problem(experiment(JOINED))
    assert "experiment.yaml -> other.yaml -> experiment.yaml" in said
