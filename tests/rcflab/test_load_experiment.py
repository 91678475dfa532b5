"""From a file to a checked experiment, or to every fault in it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rcflab.errors import InputError, Problem
from rcflab.load import load_experiment

Write = Callable[..., Path]

_RCF = """
name: rcf-test
task: rcf
baseline: a
arms:
  a: {}
  b: {model.reference.tokens: 1}
"""


def problems_of(path: Path, *options: str) -> dict[str, Problem]:
    """The refused file's problems by place."""
    with pytest.raises(InputError) as refused:
        load_experiment(path, options)
    return {problem.place: problem for problem in refused.value.problems}


def test_every_fault_of_a_file_is_named_at_once(experiment: Write) -> None:
    text = """
name: Bad Name
task: rcf
baseline: b
arms:
  a: {}
  c: {model.reference.tokens: 17, model.width: 30}
  d: {resources.workers: 2}
seeds: 0
data: {kind: synthetic, heigth: 64, width: "96"}
training: {loss: {class_weight: -1}}
table: {metrics: [val/app]}
search: {trials: 3}
"""
    found = problems_of(experiment(text))
    assert set(found) == {
        "name", "baseline", "seeds", "data.heigth", "data.width", "training.loss.class_weight", "table.metrics",
        "search.objective", "search.space", "arms.c.model.reference.tokens", "arms.c.model.width",
        "arms.d.resources.workers",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "place", "hint"),
    [
        ("data: {kind: synthetic, heigth: 64}", "data.heigth", "did you mean 'height'?"),
        ("training: {loss: {dice_wieght: 1}}", "training.loss.dice_wieght", "did you mean 'dice_weight'?"),
        ("tokens: 4", "tokens", "did you mean 'model.reference.tokens'?"),
        ("sedes: 3", "sedes", "did you mean 'seeds'?"),
    ],
)
def test_an_unknown_field_comes_with_the_nearest_known_one(experiment: Write, line: str, place: str, hint: str) -> None:
    assert problems_of(experiment(_RCF + line))[place].hint == hint


def test_a_fault_is_located_in_file_line_and_column(experiment: Write) -> None:
    path = experiment(_RCF + "seeds: many\n")
    assert problems_of(path)["seeds"].file == f"{path}:8:8"


def test_a_fault_of_the_base_is_located_in_the_base_and_not_repeated_for_arms(experiment: Write) -> None:
    base = experiment("training: {lr: -1.0}", "base/b.yaml")
    found = problems_of(experiment(_RCF + "extends: base/b.yaml\n"))
    assert set(found) == {"training.lr"}
    assert found["training.lr"].file == f"{base}:1:16"


def test_the_experiment_overrides_its_base_field_by_field(experiment: Write) -> None:
    experiment("training: {steps: 7, lr: 0.5}\nseeds: 3\n", "base/b.yaml")
    spec = load_experiment(experiment(_RCF + "extends: base/b.yaml\ntraining: {steps: 9}\n")).spec
    assert (spec.training.steps, spec.training.lr, spec.seeds) == (9, 0.5, 3)


def test_a_second_level_of_extends_is_refused(experiment: Write) -> None:
    experiment("extends: other.yaml", "base.yaml")
    assert "a second level" in problems_of(experiment(_RCF + "extends: base.yaml\n"))["extends"].got


def test_a_missing_base_is_refused(experiment: Write) -> None:
    assert "no file" in problems_of(experiment(_RCF + "extends: nothing.yaml\n"))["extends"].got


def test_another_kind_of_data_replaces_the_base_data_as_a_whole(experiment: Write) -> None:
    experiment("data: {kind: synthetic, train_clips: 5}", "base.yaml")
    path = experiment(_RCF + "extends: base.yaml\ndata: {kind: ytvis, root: videos}\n")
    assert load_experiment(path).configs["a"]["data"]["kind"] == "ytvis"


def test_paths_start_where_they_were_written(experiment: Write, tmp_path: Path) -> None:
    experiment('data: {kind: ytvis, root: ../videos}\nmodel: {backbone: {weights: "file:w.bin"}}', "sub/base.yaml")
    path = experiment(_RCF + "extends: sub/base.yaml\nstorage: {root: out}\n")
    loaded = load_experiment(path)
    assert loaded.configs["a"]["data"]["root"] == str(tmp_path / "videos")
    assert loaded.configs["a"]["model"]["backbone"]["weights"] == f"file:{tmp_path}/sub/w.bin"
    assert loaded.spec.storage.root == str(tmp_path / "out")


def test_paths_of_images_maps_and_checkpoints_start_where_they_were_written(experiment: Write, tmp_path: Path) -> None:
    images = 'images: {root: ../coco, annotations: a.json, images: i, category_map: "file:map.json"}'
    text = f"data: {{kind: ytvis, root: ../videos, {images}}}\ntraining: {{start_from: ../runs/cells/x}}"
    experiment(text, "sub/base.yaml")
    config = load_experiment(experiment(_RCF + "extends: sub/base.yaml\n")).configs["a"]
    assert config["data"]["images"]["root"] == str(tmp_path / "coco")
    assert config["data"]["images"]["category_map"] == f"file:{tmp_path}/sub/map.json"
    assert config["training"]["start_from"] == str(tmp_path / "runs/cells/x")


def test_the_name_of_a_category_map_is_no_path(experiment: Write) -> None:
    images = "images: {root: coco, annotations: a.json, images: i, category_map: coco_ovis}"
    path = experiment(_RCF + f"data: {{kind: ytvis, root: videos, {images}}}\n")
    assert load_experiment(path).configs["a"]["data"]["images"]["category_map"] == "coco_ovis"


def test_paths_of_arms_are_absolute_too(experiment: Write, tmp_path: Path) -> None:
    path = experiment(_RCF + "  c: {data: {kind: ytvis, root: videos}}\n")
    assert load_experiment(path).configs["c"]["data"]["root"] == str(tmp_path / "videos")


def test_synthetic_data_are_kept_below_the_storage(experiment: Write, tmp_path: Path) -> None:
    assert load_experiment(experiment(_RCF)).configs["a"]["data"]["root"] == str(tmp_path / "runs" / "data")


def test_a_path_from_a_variable_starts_in_the_current_folder(
    experiment: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_DATA", "near/videos")
    experiment('data: {kind: ytvis, root: "${env:SOME_DATA}"}', "sub/base.yaml")
    loaded = load_experiment(experiment(_RCF + "extends: sub/base.yaml\n"))
    assert loaded.configs["a"]["data"]["root"] == str(tmp_path / "near" / "videos")


def test_a_variable_that_is_not_set_is_named(experiment: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOME_DATA", raising=False)
    found = problems_of(experiment(_RCF + 'data: {kind: ytvis, root: "${env:SOME_DATA}"}\n'))
    assert "SOME_DATA" in found["data.root"].got


def test_a_variable_of_the_base_may_be_replaced_without_being_set(experiment: Write) -> None:
    experiment('data: {kind: ytvis, root: "${env:NOT_SET_ANYWHERE}"}', "base.yaml")
    path = experiment(_RCF + "extends: base.yaml\ndata: {root: videos}\n")
    assert load_experiment(path).configs["a"]["data"]["root"].endswith("/videos")


def test_other_substitutions_are_refused(experiment: Write) -> None:
    assert "${HOME}" in problems_of(experiment(_RCF + 'storage: {root: "${HOME}/runs"}\n'))["storage.root"].got


def test_set_overrides_any_field_and_the_last_one_wins(experiment: Write) -> None:
    path = experiment(_RCF + "training: {steps: 7}\n")
    spec = load_experiment(path, ["training.steps=8", "training.steps=9", "resources={workers: 2}"]).spec
    assert (spec.training.steps, spec.resources.workers) == (9, 2)


def test_set_reaches_into_an_arm(experiment: Write) -> None:
    loaded = load_experiment(experiment(_RCF), ["arms.b.model.reference.tokens=16"])
    assert loaded.configs["b"]["model"]["reference"]["tokens"] == 16


def test_a_fault_of_set_names_the_option(experiment: Write) -> None:
    found = problems_of(experiment(_RCF), "training.steps=few")
    assert found["training.steps"].file == "--set training.steps"


@pytest.mark.parametrize("option", ["training.steps", "=3", "training..steps=3"])
def test_a_malformed_set_is_refused(experiment: Write, option: str) -> None:
    with pytest.raises(InputError, match=r"dotted\.path=value"):
        load_experiment(experiment(_RCF), [option])


def test_an_arm_that_writes_a_field_twice_is_refused(experiment: Write) -> None:
    path = experiment(_RCF + "  c: {model.reference: {tokens: 1}, model.reference.tokens: 4}\n")
    assert set(problems_of(path)) == {"arms.c.model.reference.tokens"}


def test_an_arm_may_break_a_rule_between_fields_and_is_named(experiment: Write) -> None:
    found = problems_of(experiment(_RCF + "  c: {model.encoder.heads: 7}\n"))
    assert "encoder.heads must divide width" in found["arms.c.model"].wanted


def test_a_missing_baseline_comes_with_the_nearest_arm(experiment: Write) -> None:
    text = _RCF.replace("baseline: a", "baseline: tokens").replace("  b:", "  token:")
    assert "did you mean 'token'?" in problems_of(experiment(text))["baseline"].wanted


def test_an_unknown_task_is_refused(experiment: Write) -> None:
    assert "rcf, toy" in problems_of(experiment(_RCF.replace("task: rcf", "task: rfc")))["task"].wanted


@pytest.mark.parametrize("arm", ["x,y", " x", '"x\\ny"', '""'])
def test_arm_names_that_would_break_lists_are_refused(experiment: Write, arm: str) -> None:
    name = arm if arm.startswith('"') else f'"{arm}"'
    with pytest.raises(InputError, match="printable"):
        load_experiment(experiment(_RCF + f"  {name}: {{model.width: 64}}\n"))


def test_an_integer_where_a_fraction_is_wanted_gives_the_same_configuration(experiment: Write) -> None:
    one = load_experiment(experiment(_RCF + "training: {lr: 1}\n")).configs["a"]
    same = load_experiment(experiment(_RCF + "training: {lr: 1.0}\n")).configs["a"]
    assert repr(one) == repr(same)
