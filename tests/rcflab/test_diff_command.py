"""`rcflab diff`: two arms, field by field and key by key."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from rcflab.cli import app
from rcflab.differences import FieldDifference, differing_fields
from rcflab.session import open_experiment

Write = Callable[..., Path]
RUNNER = CliRunner()
_TOY = """
name: t
task: toy
baseline: a
arms:
  a: {}
  slope: {model.slope: 2.0, training.lr: 0.3}
  decay: {model.decay: 0.9}
  strict: {evaluation.threshold: 0.5}
  "odd:name": {model.offset: 1.0}
"""


def diff(*arguments: object) -> list[str]:
    """The lines that the command prints."""
    done = RUNNER.invoke(app, ["diff", *map(str, arguments)])
    assert done.exit_code == 0, done.stderr
    return done.stdout.splitlines()


def diff_json(*arguments: object) -> dict[str, Any]:
    """The same for programs."""
    return json.loads("\n".join(diff(*arguments, "--json")))


def test_fields_come_one_a_line_with_both_values_and_then_the_keys(experiment: Write) -> None:
    path = experiment(_TOY)
    cells = {cell.arm: cell for cell in open_experiment(path).plan.cells}
    assert diff(path, f"{path}:slope") == [
        "experiment.yaml:a -> experiment.yaml:slope",
        "model.slope: 1.0 -> 2.0",
        "training.lr: 0.1 -> 0.3",
        f"train_key (seed 0): {cells['a'].train_key} -> {cells['slope'].train_key}",
        f"eval_key (seed 0): {cells['a'].eval_key} -> {cells['slope'].eval_key}",
        "two trainings",
    ]


def test_a_file_alone_stands_for_its_baseline(experiment: Write) -> None:
    path = experiment(_TOY)
    other = experiment(_TOY.replace("baseline: a", "baseline: slope"), "other.yaml")
    assert diff(path, other)[0] == "experiment.yaml:a -> other.yaml:slope"


def test_a_difference_without_effect_leaves_the_keys_equal(experiment: Write) -> None:
    path = experiment(_TOY)
    lines = diff(f"{path}:a", f"{path}:decay")
    assert "model.decay: 0.5 -> 0.9" in lines
    assert lines[-1] == "one and the same trial"


def test_another_way_to_evaluate_is_the_same_training(experiment: Write) -> None:
    path = experiment(_TOY)
    found = diff_json(path, f"{path}:strict")
    assert {name: key["same"] for name, key in found["keys"].items()} == {"train_key": True, "eval_key": False}
    assert diff(path, f"{path}:strict")[-1] == "one training, evaluated in two ways"


def test_equal_arms_of_two_files_are_one_trial(experiment: Write) -> None:
    lines = diff(experiment(_TOY), experiment(_TOY.replace("name: t", "name: u"), "other.yaml"))
    assert lines[1] == "the configurations are equal"
    assert lines[-1] == "one and the same trial"


def test_a_colon_may_stand_in_the_name_of_an_arm(experiment: Write) -> None:
    path = experiment(_TOY)
    assert diff(path, f"{path}:odd:name")[1] == "model.offset: 0.0 -> 1.0"


def test_arms_of_a_design_can_be_compared(experiment: Write) -> None:
    path = experiment("name: t\ntask: toy\ndesign: factorial\nfactors: {model.slope: [1, 2], model.offset: [0, 1]}\n")
    assert diff(path, f"{path}:slope=2 offset=1")[1:3] == ["model.slope: 1.0 -> 2.0", "model.offset: 0.0 -> 1.0"]


def test_without_the_data_the_configurations_are_compared_and_the_keys_not_known(experiment: Write) -> None:
    path = experiment(
        "name: t\nbaseline: a\ndata: {kind: ytvis, root: nowhere}\narms: {a: {}, b: {model.queries: 5}}\n"
    )
    lines = diff(path, f"{path}:b")
    assert lines[1] == "model.queries: 10 -> 5"
    assert lines[2].startswith("keys are not known: ")
    assert "nowhere" in lines[2]
    found = diff_json(path, f"{path}:b")
    assert found["keys"] is None
    assert "nowhere" in found["keys_unknown"]


def test_fields_of_another_kind_of_data_are_there_on_one_side_only(experiment: Write) -> None:
    path = experiment("name: t\nbaseline: a\narms: {a: {}, b: {data: {kind: ytvis, root: nowhere}}}\n")
    fields = {field["path"]: field for field in diff_json(path, f"{path}:b")["fields"]}
    assert fields["data.train_clips"] == {"path": "data.train_clips", "first": 200}
    assert fields["data.train_split"] == {"path": "data.train_split", "second": "train"}
    assert "data.train_clips: 200 -> (no such field)" in diff(path, f"{path}:b")


def test_another_base_and_set_go_for_both_sides(experiment: Write) -> None:
    experiment("training: {steps: 7}\ntask: toy\n", "base/slow.yaml")
    experiment("training: {steps: 3}\ntask: toy\n", "base/fast.yaml")
    path = experiment(_TOY + "extends: base/slow.yaml\n")
    lines = diff(path, f"{path}:slope", "--base", "fast", "--set", "arms.slope.model.slope=3.0")
    assert lines[1:3] == ["model.slope: 1.0 -> 3.0", "training.lr: 0.1 -> 0.3"]


def test_an_unknown_arm_comes_with_the_nearest_one(experiment: Write) -> None:
    path = experiment(_TOY)
    done = RUNNER.invoke(app, ["diff", str(path), f"{path}:slop"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "did you mean 'slope'?" in done.stderr


def test_a_missing_file_is_bad_input_on_either_side(experiment: Write, tmp_path: Path) -> None:
    path = experiment(_TOY)
    for sides in ((path, tmp_path / "nothing.yaml:a"), (tmp_path / "nothing.yaml", path)):
        done = RUNNER.invoke(app, ["diff", *map(str, sides)])
        assert done.exit_code == 2
        assert "nothing.yaml" in done.stderr


_VALUES = st.one_of(st.integers(), st.booleans(), st.none(), st.lists(st.integers(), max_size=2))
_CONFIGS = st.recursive(
    st.dictionaries(st.sampled_from("abc"), _VALUES, max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), st.one_of(_VALUES, inner), max_size=3),
    max_leaves=8,
)


@given(_CONFIGS)
def test_a_configuration_does_not_differ_from_itself(config: dict[str, Any]) -> None:
    assert differing_fields(config, config) == ()


@given(_CONFIGS, _CONFIGS)
def test_the_other_way_round_the_sides_change_places(one: dict[str, Any], other: dict[str, Any]) -> None:
    there = {field.path: field.sides for field in differing_fields(one, other)}
    back = {field.path: field.sides for field in differing_fields(other, one)}
    assert back == {path: (sides[1], sides[0]) for path, sides in there.items()}


def test_a_field_that_is_null_is_not_one_that_is_not_there() -> None:
    assert differing_fields({"a": None}, {}) == (FieldDifference("a", ((None,), ())),)
