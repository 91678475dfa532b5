"""One small set, written in the layout of each release, is read alike."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from rcf.data.annotations import load_annotations
from rcf.data.layout import find_split
from rcf.errors import InputError

# Annotation file and frames folder of training and validation.
LAYOUTS = {
    "YouTube-VIS 2019": ("train.json", "train/JPEGImages", "valid.json", "valid/JPEGImages"),
    "YouTube-VIS 2021": ("train/instances.json", "train/JPEGImages", "valid/instances.json", "valid/JPEGImages"),
    "YouTube-VIS 2022": ("train/instances.json", "train/JPEGImages", "valid.json", "valid/JPEGImages"),
    "OVIS": ("annotations_train.json", "train", "annotations_valid.json", "valid"),
    "OVIS, annotations below": (
        "annotations/annotations_train.json", "train", "annotations/annotations_valid.json", "valid"),
    "OVIS, images below": ("annotations_train.json", "Images/train", "annotations_valid.json", "Images/valid"),
    "OVIS of CMaskTrack R-CNN": (
        "annotations/annotations_train.json", "train_images", "annotations/annotations_valid.json", "valid_images"),
    "OVIS of VITA": ("annotations/train.json", "train/JPEGImages", "annotations/valid.json", "valid/JPEGImages"),
    "AVISeg": ("train.json", "train/JPEGImages", "val.json", "val/JPEGImages"),
    "MaskTrack R-CNN": (
        "annotations/instances_train_sub.json", "train/JPEGImages", "annotations/instances_val_sub.json",
        "val/JPEGImages"),
    "ours": ("train/instances.json", "train/JPEGImages", "val/instances.json", "val/JPEGImages"),
}  # fmt: skip


@pytest.fixture(params=LAYOUTS)
def written(request: pytest.FixtureRequest, small_set: Any, tmp_path: Path) -> tuple[Path, tuple[str, ...]]:
    """The set of conftest.py in one layout: both splits are equal."""
    root, names = tmp_path / "written", LAYOUTS[request.param]
    for annotations, frames in (names[:2], names[2:]):
        (root / annotations).parent.mkdir(parents=True, exist_ok=True)
        (root / annotations).write_text(json.dumps(small_set.document))
        shutil.copytree(small_set.frames, root / frames, dirs_exist_ok=True)
    return root, names


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_split_is_found_and_read_whole(written: tuple[Path, tuple[str, ...]], split: str) -> None:
    root, names = written
    annotations, frames = find_split(root, split)
    expected = names[:2] if split == "train" else names[2:]
    assert (annotations, frames) == (root / expected[0], root / expected[1])
    read = load_annotations(annotations, frames)
    assert ([video.length for video in read.videos], len(read.tracks)) == ([3, 2], 3)


def test_validation_may_be_called_by_either_name(written: tuple[Path, tuple[str, ...]]) -> None:
    root, _ = written
    assert find_split(root, "val") == find_split(root, "valid")


@pytest.mark.parametrize("name", ["OVIS", "YouTube-VIS 2019"])
def test_a_validation_split_without_labels_says_so(name: str, small_set: Any, tmp_path: Path) -> None:
    """The public files of both have `annotations: null`: what cannot be scored must not look like a score of 0."""
    root, names = tmp_path / "written", LAYOUTS[name]
    shutil.copytree(small_set.frames, root / names[3])
    (root / names[2]).write_text(json.dumps(small_set.document | {"annotations": None}))
    with pytest.raises(InputError, match="cannot be scored"):
        load_annotations(*find_split(root, "val"))
