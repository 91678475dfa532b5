"""Fingerprints follow content, never paths, and remember what they have read."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from rcflab.errors import InputError
from rcflab.fingerprint import FileDigests, gather
from rcflab.schema import TASK_CONFIGS


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """A data set of one two-frame video a split; the files need not be pictures to have content."""
    root = tmp_path / "videos"
    for split in ("train", "val"):
        frames = root / split / "JPEGImages" / "v"
        frames.mkdir(parents=True)
        names = [f"v/{index}.jpg" for index in range(2)]
        for name in names:
            (frames.parent / name).write_text(f"{split} {name}")
        (root / split / "instances.json").write_text(json.dumps({"videos": [{"id": 1, "file_names": names}]}))
    return root


def config_of(data: dict[str, Any], weights: str = "none") -> dict[str, Any]:
    """A resolved configuration with these data."""
    return TASK_CONFIGS["rcf"].model_validate({"data": data, "model": {"backbone": {"weights": weights}}}).model_dump()


def prints_of(root: Path, storage: Path, weights: str = "none") -> Any:
    """Fingerprints of the data set in `root`."""
    config = config_of({"kind": "ytvis", "root": str(root)}, weights)
    return gather("rcf", {"a": config}, storage)["a"]


def test_a_copy_in_another_place_has_the_same_fingerprints(videos: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(videos, copy)
    assert prints_of(copy, tmp_path / "runs") == prints_of(videos, tmp_path / "runs")


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("file", ["JPEGImages/v/1.jpg", "instances.json"])
def test_changed_content_changes_the_fingerprint_of_its_split_only(
    videos: Path, tmp_path: Path, split: str, file: str
) -> None:
    before = prints_of(videos, tmp_path / "runs")
    with (videos / split / file).open("a") as stream:
        stream.write(" ")
    after = prints_of(videos, tmp_path / "runs")
    assert (before.train_data != after.train_data, before.val_data != after.val_data) == (
        split == "train", split == "val")  # fmt: skip


def test_a_file_that_nobody_lists_does_not_count(videos: Path, tmp_path: Path) -> None:
    before = prints_of(videos, tmp_path / "runs")
    (videos / "train" / "JPEGImages" / "v" / "9.jpg").write_text("more")
    assert prints_of(videos, tmp_path / "runs") == before


def test_known_files_are_not_read_again(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("one")
    digests = FileDigests.open(tmp_path)
    first = digests.of(path)
    digests.save()
    status = path.stat()
    path.write_text("two")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert FileDigests.open(tmp_path).of(path) == first


@pytest.mark.parametrize("damage", ["", "[]", "{", '{"x": 1}'])
def test_a_damaged_memory_is_an_empty_one(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "x"
    path.write_text("one")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "fingerprints.json").write_text(damage.replace('"x"', json.dumps(str(path))))
    assert FileDigests.open(tmp_path).of(path) == FileDigests.open(tmp_path / "nowhere").of(path)


def test_a_storage_that_cannot_be_written_only_costs_time(videos: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert prints_of(videos, tmp_path / "file") == prints_of(videos, tmp_path / "runs")


def test_missing_frames_of_both_splits_are_named_at_once(videos: Path, tmp_path: Path) -> None:
    for split in ("train", "val"):
        (videos / split / "JPEGImages" / "v" / "0.jpg").unlink()
    with pytest.raises(InputError) as refused:
        prints_of(videos, tmp_path / "runs")
    assert len(refused.value.problems) == 2


def test_a_frame_outside_the_data_is_not_read(videos: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    listing = {"videos": [{"id": 1, "file_names": ["../../../secret"]}]}
    (videos / "train" / "instances.json").write_text(json.dumps(listing))
    with pytest.raises(InputError, match="leaves the folder"):
        prints_of(videos, tmp_path / "runs")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"videos": 3}', '{"videos": [{"file_names": [3]}]}', "\xff"])
def test_a_broken_annotation_file_is_one_clear_problem(videos: Path, tmp_path: Path, text: str) -> None:
    (videos / "val" / "instances.json").write_text(text, encoding="latin-1")
    with pytest.raises(InputError) as refused:
        prints_of(videos, tmp_path / "runs")
    assert [problem.file for problem in refused.value.problems] == [str(videos / "val" / "instances.json")]


def test_weights_count_by_content(videos: Path, tmp_path: Path) -> None:
    for name, content in (("a", "1"), ("b", "1"), ("c", "2")):
        (tmp_path / name).write_text(content)
    a, b, c = (prints_of(videos, tmp_path / "runs", f"file:{tmp_path / name}").weights for name in "abc")
    assert (a == b, a == c) == (True, False)


def test_packaged_weights_have_a_fingerprint_without_being_loaded(videos: Path, tmp_path: Path) -> None:
    assert len(prints_of(videos, tmp_path / "runs", "package:efficientnet-lite0").weights) == 64


@pytest.mark.parametrize("weights", ["file:/nowhere/w.bin", "package:unheard-of", "nonsense"])
def test_unknown_weights_are_refused(videos: Path, tmp_path: Path, weights: str) -> None:
    with pytest.raises(InputError, match="weights"):
        prints_of(videos, tmp_path / "runs", weights)


@pytest.mark.parametrize(
    ("field", "changed"),
    [("train_clips", (True, False)), ("val_clips", (False, True)), ("seed", (True, True)), ("root", (False, False))],
)
def test_synthetic_data_count_by_the_settings_of_their_part(
    tmp_path: Path, field: str, changed: tuple[bool, bool]
) -> None:
    other = {"root": "/elsewhere"}.get(field, 77)
    configs = {"a": config_of({"kind": "synthetic"}), "b": config_of({"kind": "synthetic", field: other})}
    prints = gather("rcf", configs, tmp_path)
    a, b = prints["a"], prints["b"]
    assert (a.train_data != b.train_data, a.val_data != b.val_data) == changed
