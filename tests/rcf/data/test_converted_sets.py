"""A set written in a foreign form and converted back says what it said: frames, masks, categories, order."""

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import foreign_sets as foreign  # type: ignore[import-not-found]
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcf.data.annotations import Annotations, load_annotations
from rcf.data.check import CheckOptions, check_set
from rcf.data.convert.conversion import ConvertOptions, convert
from rcf.data.convert.png_masks import PngOptions
from rcf.data.runs import box_of_runs, runs_of_mask

SEEDS = st.integers(0, 2**32 - 1)


def converted(source: Path, kind: str, options: ConvertOptions | None = None) -> Annotations:
    """Also checks that the result passes `data check`, every frame decoded."""
    out = source.parent / "converted"
    convert(source, out, kind, options or ConvertOptions())
    report = check_set(out, ["train"], CheckOptions())
    assert [str(problem) for split in report.splits for problem in split.problems.listed()] == []
    return load_annotations(out / "train/instances.json", out / "train/JPEGImages")


def _png(root: Path, seed: int) -> tuple[dict[str, Any], Annotations]:
    document = foreign.random_set(root / "own", seed)
    names = foreign.as_png_masks(root / "own", document, root / "foreign")
    return document, converted(root / "foreign", "png-masks", ConvertOptions(png=PngOptions(names)))


def _video(root: Path, seed: int) -> tuple[dict[str, Any], Annotations]:
    document = foreign.random_set(root / "own", seed, overlap=True)
    (root / "own/train/instances.json").write_text(json.dumps(foreign.as_coco_video(document, seed)))
    return document, converted(root / "own", "coco-video")


def _images(root: Path, seed: int) -> tuple[dict[str, Any], Annotations]:
    document = foreign.random_set(root / "own", seed, overlap=True, frames=1)
    (root / "own/train/instances.json").write_text(json.dumps(foreign.as_coco_images(document)))
    return document, converted(root / "own", "coco-images")


def _aviseg(root: Path, seed: int) -> tuple[dict[str, Any], Annotations]:
    document = foreign.random_set(root / "own", seed, overlap=True)
    (root / "own/train/instances.json").rename(root / "own/train.json")
    for video in document["videos"]:
        foreign.write_sound(root / "own/train/WAVAudios" / f"v{video['id']}.wav")
    return document, converted(root / "own", "aviseg")


@pytest.mark.parametrize("form", [_png, _video, _images, _aviseg])
@settings(max_examples=12)
@given(seed=SEEDS)
def test_a_converted_set_says_what_it_said(
    form: Callable[[Path, int], tuple[dict[str, Any], Annotations]], seed: int
) -> None:
    with TemporaryDirectory() as folder:
        document, found = form(Path(folder), seed)
        (Path(folder) / "before.json").write_text(json.dumps(document))
        before = load_annotations(Path(folder) / "before.json")
    told, wanted = foreign.told(found), foreign.told(before)
    if form is _video:  # objects come in the order of their first annotations, which is that of the tracks
        assert {each[0] for each in told} == {each[0] for each in wanted}
    assert told == wanted


@given(seed=SEEDS, full=st.floats(0.0, 1.0))
def test_a_box_of_runs_is_the_box_of_the_mask(seed: int, full: float) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random(rng.integers(1, 7, size=2)) < full
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    wanted = None
    if mask.any():
        wanted = [columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1]
    assert box_of_runs(runs_of_mask(mask), mask.shape[0]) == wanted


def test_frames_are_the_same_files(tmp_path: Path) -> None:
    _png(tmp_path, 1)
    name = "JPEGImages/v1/000.jpg"
    assert (tmp_path / "foreign" / name).samefile(tmp_path / "converted/train" / name)


def test_copied_frames_are_equal_and_other_files(tmp_path: Path) -> None:
    foreign.as_png_masks(tmp_path / "own", foreign.random_set(tmp_path / "own", 1), tmp_path / "foreign")
    done = convert(tmp_path / "foreign", tmp_path / "out", "png-masks", ConvertOptions(copy=True))
    one, other = tmp_path / "foreign/JPEGImages/v1/000.jpg", tmp_path / "out/train/JPEGImages/v1/000.jpg"
    assert (one.samefile(other), one.read_bytes() == other.read_bytes(), done.linked) == (False, True, 0)


def test_a_disk_without_links_gets_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    foreign.as_png_masks(tmp_path / "own", foreign.random_set(tmp_path / "own", 1), tmp_path / "foreign")
    monkeypatch.setattr(Path, "hardlink_to", refuse)
    done = convert(tmp_path / "foreign", tmp_path / "out", "png-masks", ConvertOptions())
    assert (done.linked, done.copied) == (0, done.splits[0].frames)


def test_lists_of_davis_make_both_splits(tmp_path: Path) -> None:
    for name in ("bear", "bus", "cat"):
        foreign.write_frame(tmp_path / f"set/JPEGImages/480p/{name}/0.jpg", 4, 6)
        foreign.write_indices(tmp_path / f"set/Annotations/480p/{name}/0.png", np.full((4, 6), 1, dtype=np.uint8))
    lists = tmp_path / "set/ImageSets/2017"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("bear\ncat\n")
    (lists / "val.txt").write_text("bus\n")
    done = convert(tmp_path / "set", tmp_path / "out", "png-masks", ConvertOptions())
    assert [(each.split, each.videos) for each in done.splits] == [("train", 2), ("val", 1)]


def test_void_is_no_object(tmp_path: Path) -> None:
    indices = np.array([[0, 7, 255]], dtype=np.uint8)
    foreign.write_frame(tmp_path / "set/JPEGImages/a/0.jpg", 1, 3)
    foreign.write_indices(tmp_path / "set/Annotations/a/0.png", indices)
    (track,) = converted(tmp_path / "set", "png-masks").tracks
    assert foreign.mask_of(track.segmentations[0]).tolist() == [[False, True, False]]


def test_frames_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (10, 9, 2):
        foreign.write_frame(tmp_path / f"set/JPEGImages/a/{number}.jpg", 2, 2)
        foreign.write_indices(tmp_path / f"set/Annotations/a/{number}.png", np.ones((2, 2), dtype=np.uint8))
    assert converted(tmp_path / "set", "png-masks").videos[0].file_names == ("a/2.jpg", "a/9.jpg", "a/10.jpg")


def test_sounds_come_along_under_their_names(tmp_path: Path) -> None:
    _, found = _aviseg(tmp_path, 3)
    assert [video.audio_file for video in found.videos] == [f"v{video.id}.wav" for video in found.videos]
    assert (tmp_path / "converted/train/Audio/v1.wav").is_file()


def test_polygons_become_masks(tmp_path: Path) -> None:
    foreign.write_frame(tmp_path / "set/train/JPEGImages/a/0.jpg", 8, 8)
    image = {"id": 1, "video_id": 1, "frame_id": 0, "file_name": "a/0.jpg", "height": 8, "width": 8}
    area = {"id": 1, "image_id": 1, "instance_id": 5, "category_id": 4, "segmentation": [[2, 2, 6, 2, 6, 6, 2, 6]]}
    document = {"videos": [{"id": 1, "name": "a", "fps": 4}], "images": [image], "annotations": [area],
                "categories": foreign.CATEGORIES}  # fmt: skip
    (tmp_path / "set/train.json").write_text(json.dumps(document))
    found = converted(tmp_path / "set", "coco-video")
    mask = foreign.mask_of(found.tracks[0].segmentations[0])
    assert (mask.sum(), mask[2:6, 2:6].all(), found.videos[0].fps) == (16, True, 4.0)
