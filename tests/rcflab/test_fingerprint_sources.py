"""Fingerprints of images, of a joint training, and of the checkpoint that a training starts from."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from rcflab.errors import InputError
from rcflab.fingerprint import gather
from rcflab.identity import Fingerprints, train_key
from rcflab.schema import TASK_CONFIGS


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    """Below `videos` a set of one frame a split, below `coco` one of one image; files need not be pictures."""
    root = tmp_path / "sets"
    for split in ("train", "val"):
        frames = root / "videos" / split / "JPEGImages"
        frames.mkdir(parents=True)
        (frames / "0.jpg").write_text(f"frame {split}")
        (frames.parent / "instances.json").write_text(json.dumps({"videos": [{"id": 1, "file_names": ["0.jpg"]}]}))
        images = root / "coco" / f"{split}2017"
        images.mkdir(parents=True)
        (images / "1.jpg").write_text(f"image {split}")
        listing = root / "coco" / "annotations" / f"instances_{split}2017.json"
        listing.parent.mkdir(exist_ok=True)
        listing.write_text(json.dumps({"images": [{"id": 1, "file_name": "1.jpg"}]}))
    return root


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    """A finished cell; the tensors need not be any to have content."""
    folder = tmp_path / "cell"
    newest = folder / "checkpoints" / "step-00000010"
    newest.mkdir(parents=True)
    (newest / "weights.safetensors").write_text("tensors")
    (newest / "state.json").write_text(json.dumps({"categories": ["dog", "cat"], "step": 10}))
    return folder


def config_of(data: dict[str, Any], start_from: str = "", weights: str = "none") -> dict[str, Any]:
    """A resolved configuration with these data."""
    model = {"backbone": {"weights": weights}}
    resolved = {"data": data, "model": model, "training": {"start_from": start_from}}
    return TASK_CONFIGS["rcf"].model_validate(resolved).model_dump(mode="json")


def prints_of(config: dict[str, Any], storage: Path) -> Fingerprints:
    """Its fingerprints."""
    return gather("rcf", {"a": config}, storage)["a"]


def coco(sets: Path, **changes: Any) -> dict[str, Any]:
    """Images alone."""
    return config_of({"kind": "coco", "root": str(sets / "coco"), **changes})


def joint(sets: Path, **changes: Any) -> dict[str, Any]:
    """Videos joined by images."""
    images = {"root": str(sets / "coco"), "annotations": "annotations/instances_train2017.json", "images": "train2017"}
    return config_of({"kind": "ytvis", "root": str(sets / "videos"), "images": images | changes})


def started(sets: Path, cell: Path) -> dict[str, Any]:
    """Videos, from the weights of another training."""
    return config_of({"kind": "ytvis", "root": str(sets / "videos")}, str(cell))


@pytest.mark.parametrize("make", [coco, joint])
def test_a_copy_in_another_place_is_the_same(make: Any, sets: Path, tmp_path: Path) -> None:
    shutil.copytree(sets, tmp_path / "copy")
    assert prints_of(make(sets), tmp_path / "runs") == prints_of(make(tmp_path / "copy"), tmp_path / "runs")


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("file", ["{}2017/1.jpg", "annotations/instances_{}2017.json"])
def test_a_changed_image_changes_the_fingerprint_of_its_split_only(
    split: str, file: str, sets: Path, tmp_path: Path
) -> None:
    before = prints_of(coco(sets), tmp_path / "runs")
    with (sets / "coco" / file.format(split)).open("a") as stream:
        stream.write(" ")
    after = prints_of(coco(sets), tmp_path / "runs")
    assert (before.train_data != after.train_data, before.val_data != after.val_data) == (
        split == "train", split == "val")  # fmt: skip


def test_images_that_join_count_in_training_only(sets: Path, tmp_path: Path) -> None:
    plain = prints_of(config_of({"kind": "ytvis", "root": str(sets / "videos")}), tmp_path / "runs")
    joined = prints_of(joint(sets), tmp_path / "runs")
    assert (plain.train_data != joined.train_data, plain.val_data == joined.val_data) == (True, True)


def test_share_and_map_of_joining_images_count(sets: Path, tmp_path: Path) -> None:
    for name, text in (("a", '{"x": "y"}'), ("b", '{"x": "z"}')):
        (tmp_path / f"{name}.json").write_text(text)
    maps = ["name", "coco_ovis", f"file:{tmp_path / 'a.json'}", f"file:{tmp_path / 'b.json'}"]
    configs = [joint(sets), joint(sets, share=0.3), *(joint(sets, category_map=name) for name in maps[1:])]
    assert len({prints_of(config, tmp_path / "runs").train_data for config in configs}) == 5


def test_a_map_counts_by_its_content(sets: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.json").write_text('{"x": "y"}')
    one, two = (prints_of(joint(sets, category_map=f"file:{tmp_path / name}.json"), tmp_path / "runs") for name in "ab")
    assert one == two


def test_a_missing_image_and_a_missing_map_are_named(sets: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"data\.images\.category_map"):
        prints_of(joint(sets, category_map="file:/nowhere.json"), tmp_path / "runs")
    (sets / "coco" / "train2017" / "1.jpg").unlink()
    with pytest.raises(InputError, match=r"the frame '1\.jpg'"):
        prints_of(joint(sets), tmp_path / "runs")


@pytest.mark.parametrize("text", ["{", "[]", '{"images": 3}', '{"images": [{"file_name": 3}]}', '{"images": [3]}'])
def test_a_broken_listing_of_images_is_one_clear_problem(text: str, sets: Path, tmp_path: Path) -> None:
    path = sets / "coco" / "annotations" / "instances_val2017.json"
    path.write_text(text)
    with pytest.raises(InputError) as refused:
        prints_of(coco(sets), tmp_path / "runs")
    assert [problem.file for problem in refused.value.problems] == [str(path)]


def test_what_to_do_with_damaged_files_is_no_part_of_a_key(sets: Path, tmp_path: Path) -> None:
    """A training that finished under `fail` met no damaged file, so `skip` would have given the same."""
    keys = {
        train_key("rcf", config, 0, prints_of(config, tmp_path / "runs"))
        for config in (coco(sets), coco(sets, on_corrupt="skip"))
    }
    assert len(keys) == 1


def test_a_checkpoint_counts_by_content_wherever_it_lies(sets: Path, cell: Path, tmp_path: Path) -> None:
    shutil.copytree(cell, tmp_path / "copy")
    here, there = started(sets, cell), started(sets, tmp_path / "copy")
    prints = [prints_of(config, tmp_path / "runs") for config in (here, there)]
    assert train_key("rcf", here, 0, prints[0]) == train_key("rcf", there, 0, prints[1])


@pytest.mark.parametrize(("file", "text"), [("weights.safetensors", "others"), ("state.json", '{"categories": ["x"]}')])
def test_other_tensors_or_other_categories_are_another_start(
    file: str, text: str, sets: Path, cell: Path, tmp_path: Path
) -> None:
    before = prints_of(started(sets, cell), tmp_path / "runs")
    (cell / "checkpoints" / "step-00000010" / file).write_text(text)
    assert prints_of(started(sets, cell), tmp_path / "runs").weights != before.weights


def test_a_start_takes_the_place_of_the_backbones_own_weights(sets: Path, cell: Path, tmp_path: Path) -> None:
    data = {"kind": "ytvis", "root": str(sets / "videos")}
    configs = [config_of(data, str(cell), weights) for weights in ("none", "imagenet")]
    keys = {train_key("rcf", config, 0, prints_of(config, tmp_path / "runs")) for config in configs}
    assert len(keys) == 1


def test_the_newest_checkpoint_of_a_cell_is_taken(sets: Path, cell: Path, tmp_path: Path) -> None:
    older = cell / "checkpoints" / "step-00000005"
    shutil.copytree(cell / "checkpoints" / "step-00000010", older)
    (older / "weights.safetensors").write_text("older tensors")
    newest = started(sets, cell / "checkpoints" / "step-00000010")
    assert prints_of(started(sets, cell), tmp_path / "runs") == prints_of(newest, tmp_path / "runs")


@pytest.mark.parametrize("spoil", ["weights.safetensors", "state.json"])
def test_half_a_checkpoint_is_no_checkpoint(spoil: str, sets: Path, cell: Path, tmp_path: Path) -> None:
    (cell / "checkpoints" / "step-00000010" / spoil).unlink()
    with pytest.raises(InputError, match=r"training\.start_from"):
        prints_of(started(sets, cell), tmp_path / "runs")


def test_a_checkpoint_without_categories_is_refused(sets: Path, cell: Path, tmp_path: Path) -> None:
    (cell / "checkpoints" / "step-00000010" / "state.json").write_text("{}")
    with pytest.raises(InputError, match="without categories"):
        prints_of(started(sets, cell), tmp_path / "runs")


@pytest.mark.parametrize("field", ["sound", "looks"])
def test_sound_and_looks_of_synthetic_clips_count(field: str, tmp_path: Path) -> None:
    other = {"sound": "category", "looks": "same"}[field]
    one, two = (prints_of(config_of({"kind": "synthetic", **more}), tmp_path) for more in ({}, {field: other}))
    assert (one.train_data != two.train_data, one.val_data != two.val_data) == (True, True)
