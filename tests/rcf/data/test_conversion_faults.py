"""What is wrong with a foreign set is said at once, with its place; nothing is left of the folder that was asked."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import foreign_sets as foreign  # type: ignore[import-not-found]
import numpy as np
import pytest
from PIL import Image

from rcf.data.convert.conversion import ConvertOptions, convert
from rcf.data.convert.png_masks import PngOptions, read_names
from rcf.errors import InputError


def faults(source: Path, kind: str, options: ConvertOptions | None = None) -> list[str]:
    """The problems in short; also that nothing is left."""
    before = sorted(source.parent.iterdir())
    with pytest.raises(InputError) as caught:
        convert(source, source.parent / "out", kind, options or ConvertOptions())
    assert sorted(source.parent.iterdir()) == before
    return [f"{problem.place}: {problem.got}" for problem in caught.value.problems]


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    """Two videos of two frames."""
    for name in ("a", "b"):
        for t in (0, 1):
            foreign.write_frame(tmp_path / f"set/JPEGImages/{name}/{t}.jpg", 4, 6)
            foreign.write_indices(tmp_path / f"set/Annotations/{name}/{t}.png", np.ones((4, 6), dtype=np.uint8))
    return tmp_path / "set"


def _save(path: Path, mode: str, size: tuple[int, int] = (6, 4)) -> None:
    path.with_suffix(".jpg").unlink(missing_ok=True)
    Image.new(mode, size).save(path)


@pytest.mark.parametrize(
    ("spoil", "wanted"),
    [
        (lambda root: _save(root / "JPEGImages/a/1.png", "RGBA"), "a: '1.png', with an alpha channel"),
        (lambda root: _save(root / "JPEGImages/a/1.png", "LA"), "a: '1.png', with an alpha channel"),
        (lambda root: _save(root / "JPEGImages/a/1.png", "I;16"), "a: '1.png', of 16 bits a channel"),
        (lambda root: _save(root / "JPEGImages/a/1.png", "RGB", (5, 4)), "a: 'a/1.png' of 5x4"),
        (lambda root: (root / "JPEGImages/a/1.jpg").write_bytes(b"no"), "a: '1.jpg', which is no image"),
        (lambda root: _save(root / "Annotations/a/1.png", "RGB"), "a: mask '1.png', a PNG of mode RGB"),
        (lambda root: _save(root / "Annotations/a/1.png", "P", (5, 4)), "a: mask '1.png' of 5x4"),
        (lambda root: (root / "Annotations/a/1.png").write_bytes(b"no"), "a: mask '1.png', which is damaged"),
        (lambda root: (root / "Annotations/a/1.png").unlink(), "a: 1 frames without a mask, the first '1.jpg'"),
        (lambda root: (root / "JPEGImages/a/1.jpg").unlink(), "a: a mask '1.png' without a frame"),
    ],
)
def test_a_spoilt_file_is_named(masks: Path, spoil: Callable[[Path], object], wanted: str) -> None:
    spoil(masks)
    (found,) = faults(masks, "png-masks")
    assert found.startswith(wanted)


def test_all_faults_are_said_at_once(masks: Path) -> None:
    (masks / "Annotations/a/0.png").unlink()
    (masks / "JPEGImages/b/1.jpg").unlink()
    (masks / "JPEGImages/c").mkdir()
    assert [each[0] for each in faults(masks, "png-masks")] == ["c", "a", "b"]


def test_frames_without_masks_can_be_left_out(masks: Path) -> None:
    (masks / "Annotations/a/0.png").unlink()
    options = ConvertOptions(png=PngOptions(only_labelled=True))
    assert convert(masks, masks.parent / "out", "png-masks", options).splits[0].frames == 3


def test_an_object_without_a_category_is_named(masks: Path) -> None:
    options = ConvertOptions(png=PngOptions({"a": "dog", "b": {"2": "cat"}}))
    assert faults(masks, "png-masks", options) == ["b: object 1 without a category"]


def test_black_and_white_masks_are_told_from_void(masks: Path) -> None:
    for path in (masks / "Annotations").rglob("*.png"):
        Image.fromarray(np.full((4, 6), 255, dtype=np.uint8)).save(path)
    assert faults(masks, "png-masks") == [": no index but 0 and 255"]
    done = convert(masks, masks.parent / "out", "png-masks", ConvertOptions(png=PngOptions(void=0)))
    assert done.splits[0].tracks == 2


def test_a_file_of_categories_with_faults_names_them(tmp_path: Path) -> None:
    path = tmp_path / "names.json"
    path.write_text('{"a": 1, "b": {"1": "dog", "2": ""}}')
    with pytest.raises(InputError) as caught:
        read_names(path)
    assert [problem.place for problem in caught.value.problems] == ["/a", "/b/2"]


@pytest.fixture
def document(tmp_path: Path) -> dict[str, Any]:
    """A COCO-video set of one video of two frames with one object, below tmp_path/set."""
    masks = np.ones((2, 4, 6), dtype=bool)
    names = ["a/0.jpg", "a/1.jpg"]
    for name in names:
        foreign.write_frame(tmp_path / "set/train/JPEGImages" / name, 4, 6)
    videos = [{"id": 1, "width": 6, "height": 4, "length": 2, "file_names": names}]
    tracks = [foreign.track(1, 1, 4, masks)]
    own = {"videos": videos, "categories": foreign.CATEGORIES, "annotations": tracks}
    made = foreign.as_coco_video(own, 0)
    made["images"].sort(key=lambda image: image["frame_id"])
    return made


@pytest.mark.parametrize(
    ("spoil", "wanted"),
    [
        (lambda d: d["annotations"][0].pop("instance_id"), "/annotations/0/instance_id: nothing"),
        (lambda d: d["annotations"][0].pop("segmentation"), "/annotations/0/segmentation: nothing"),
        (lambda d: d["annotations"][1].update(category_id=9), "/annotations/1/category_id: 9"),
        (lambda d: d["annotations"][1].update(category_id=77), "/annotations/1/category_id: 77"),
        (lambda d: d["annotations"][1].update(image_id=100), "/annotations/1/instance_id: 999"),
        (lambda d: d["annotations"][1].update(image_id=7), "/annotations/1/image_id: 7"),
        (lambda d: d["annotations"][1].update(iscrowd=1), "/annotations/1/iscrowd: 1"),
        (lambda d: d["images"][1].update(frame_id=0), "/images/1/frame_id: 0"),
        (lambda d: d["images"][1].pop("frame_id"), "/images/1/frame_id: nothing"),
        (lambda d: d["images"][1].update(file_name="../x.jpg"), "/images/1/file_name: '../x.jpg', which climbs"),
        (lambda d: d["images"][1].update(file_name="a/0.jpg"), "/images/1/file_name: text 'a/0.jpg'"),
        (lambda d: d["images"][1].update(video_id=3), "/images/1/video_id: 3"),
        (lambda d: d["videos"].append({"id": 2}), "/videos/1: a video without an image"),
        (lambda d: d["videos"][0].update(fps=0), "/videos/0/fps: 0"),
    ],
)
def test_a_fault_of_coco_video_has_its_pointer(
    tmp_path: Path, document: dict[str, Any], spoil: Callable[[Any], object], wanted: str
) -> None:
    spoil(document)
    (tmp_path / "set/train.json").write_text(json.dumps(document))
    assert any(each.startswith(wanted) for each in faults(tmp_path / "set", "coco-video"))


def test_what_the_check_would_refuse_is_refused(tmp_path: Path, document: dict[str, Any]) -> None:
    document["categories"] = [{"id": 4, "name": "cat"}, {"id": 9, "name": "cat"}]
    (tmp_path / "set/train.json").write_text(json.dumps(document))
    (found,) = faults(tmp_path / "set", "coco-video")
    assert found.startswith("/categories/1/name")


def test_a_missing_sound_is_named(tmp_path: Path) -> None:
    foreign.random_set(tmp_path / "set", 1)
    (tmp_path / "set/train/WAVAudios").mkdir()
    assert faults(tmp_path / "set", "aviseg")[0].startswith("video 1: no audio_file")


def test_a_folder_without_a_known_split_is_refused(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    assert faults(tmp_path / "set", "coco-video") == [": no split of a coco-video data set"]


def test_named_places_that_are_missing_are_all_said(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    options = ConvertOptions({"train": ("a.json", "a"), "..": ("b.json", "b")})
    assert len(faults(tmp_path / "set", "coco-images", options)) == 5


def test_a_folder_that_holds_something_is_not_touched(masks: Path) -> None:
    out = masks.parent / "mine"
    out.mkdir()
    (out / "notes.txt").touch()
    with pytest.raises(InputError, match="new or empty folder"):
        convert(masks, out, "png-masks", ConvertOptions())
    assert [path.name for path in out.iterdir()] == ["notes.txt"]
