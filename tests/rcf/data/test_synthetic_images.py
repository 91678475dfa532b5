"""Synthetic still images: sound COCO files, other categories than the videos', the same bytes for the same settings."""

import hashlib
from pathlib import Path

import pytest

from rcf.config import SyntheticConfig
from rcf.data.annotations import Annotations
from rcf.data.coco import load_images, with_objects
from rcf.data.shapes import CATEGORIES, STILL_CATEGORIES
from rcf.data.synthetic_images import images_digest, write_images
from rcf.errors import InputError

TINY = SyntheticConfig(height=32, width=48, train_clips=4, val_clips=1, frames=3)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small set."""
    root = tmp_path_factory.mktemp("stills") / "set"
    write_images(root, TINY)
    return root


def _read(root: Path, split: str) -> Annotations:
    return load_images(root / "annotations" / f"instances_{split}2017.json", root / f"{split}2017")


def _content(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_there_are_as_many_images_as_the_videos_have_frames(written: Path) -> None:
    assert [len(_read(written, split).videos) for split in ("train", "val")] == [12, 3]


def test_every_image_has_something_to_learn_from(written: Path) -> None:
    read = _read(written, "train")
    assert with_objects(read) == read


def test_no_category_is_one_of_the_videos(written: Path) -> None:
    names = {category.name for category in _read(written, "train").categories}
    assert names == set(STILL_CATEGORIES)
    assert not names & set(CATEGORIES)


def test_the_same_settings_give_the_same_bytes(written: Path, tmp_path: Path) -> None:
    write_images(tmp_path / "again", TINY)
    assert _content(tmp_path / "again") == _content(written)


def test_another_seed_gives_other_images(written: Path, tmp_path: Path) -> None:
    other = TINY.model_copy(update={"seed": 1})
    write_images(tmp_path / "other", other)
    assert _content(tmp_path / "other") != _content(written)
    assert images_digest(other) != images_digest(TINY)


def test_writing_again_leaves_the_set_as_it_is(written: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in written.rglob("*")}
    write_images(written, TINY)
    assert before == {path: path.stat().st_mtime_ns for path in written.rglob("*")}


def test_a_folder_with_other_content_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(InputError, match="new or empty folder"):
        write_images(tmp_path, TINY)
