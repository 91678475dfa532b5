"""The synthetic set keeps its promises: shares, motion, hard frames, unseen textures, same seed same pixels."""

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rcf.config import SYNTHETIC_VERSION, SyntheticConfig
from rcf.data import synthetic, whole_folder
from rcf.data.annotations import load_annotations
from rcf.data.clips import SPLITS, AnnotationFile, Clip, render_split
from rcf.data.preview import contact_sheets
from rcf.data.runs import mask_of_runs, parse_counts
from rcf.data.shapes import CATEGORIES, Pose, coverage
from rcf.data.synthetic import synthetic_digest, write_synthetic
from rcf.data.textures import FAMILIES
from rcf.errors import InputError

SMALL = SyntheticConfig(train_clips=20, val_clips=10, frames=6)
TINY = SyntheticConfig(height=32, width=48, train_clips=2, val_clips=1, frames=3)
GOLDEN = (1, "51e232e5be67999e9f09ec3957eebae853222417533782c9a9eb8ca5baecbd07")
"""(SYNTHETIC_VERSION, sha256 of pixels and annotations of TINY)."""


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    return list(render_split(SMALL, "train"))


def content_digest(config: SyntheticConfig) -> str:
    """Of raw pixels, not of JPEG files, whose bytes depend on the encoder's version."""
    digest = hashlib.sha256()
    for split in SPLITS:
        file = AnnotationFile(config)
        for clip in render_split(config, split):
            for frame in clip.frames:
                digest.update(frame.tobytes())
            file.add(clip)
        digest.update(json.dumps(file.document(), sort_keys=True).encode())
    return digest.hexdigest()


def test_pixels_and_annotations_are_those_of_this_version() -> None:
    """After a wanted change raise SYNTHETIC_VERSION and pin the new digest; never one without the other."""
    assert (SYNTHETIC_VERSION, content_digest(TINY)) == GOLDEN


def test_three_in_ten_clips_have_exactly_one_pair(clips: list[Clip]) -> None:
    extra = [len(clip.categories) - len(set(clip.categories)) for clip in clips]
    assert Counter(extra) == {1: 6, 0: 14}


def test_clips_have_one_to_four_objects(clips: list[Clip]) -> None:
    assert {len(clip.categories) for clip in clips} == {1, 2, 3, 4}


def test_all_categories_occur(clips: list[Clip]) -> None:
    assert {index for clip in clips for index in clip.categories} == set(range(len(CATEGORIES)))
    assert len(CATEGORIES) >= 4


def test_masks_do_not_overlap(clips: list[Clip]) -> None:
    assert max(int(clip.masks.sum(axis=0).max()) for clip in clips) == 1


def test_every_object_is_seen(clips: list[Clip]) -> None:
    assert all(clip.masks.any(axis=(1, 2, 3)).all() for clip in clips)


def test_objects_enter_and_leave(clips: list[Clip]) -> None:
    seen = [mask.any(axis=(1, 2)) for clip in clips for mask in clip.masks]
    assert any(not flags[0] for flags in seen)
    assert any(not flags[-1] for flags in seen)


def test_objects_move(clips: list[Clip]) -> None:
    assert all(len({mask.tobytes() for mask in masks}) > 1 for clip in clips for masks in clip.masks)


def test_some_object_covers_another() -> None:
    covered = 0
    for clip in render_split(SMALL, "val"):
        for one, two in combinations(clip.masks, 2):
            # Neighbours that touch along an edge of several pixels: one lies on the other.
            covered += int((one[:, :, 1:] & two[:, :, :-1]).sum(axis=(1, 2)).max() >= 4)
    assert covered > 0


def test_the_share_of_hard_frames_is_exact_and_the_first_is_never_hard(clips: list[Clip]) -> None:
    hard = [t for clip in clips for t in clip.hard_frames]
    assert len(hard) == round(0.18 * 20 * 5)
    assert 0 not in hard


def test_hard_frames_look_unlike_their_neighbours(clips: list[Clip]) -> None:
    def change(clip: Clip, t: int) -> float:
        return float(np.abs(clip.frames[t].astype(float) - clip.frames[t - 1]).mean())

    hard = [change(clip, t) for clip in clips for t in clip.hard_frames if t - 1 not in clip.hard_frames]
    easy = [change(clip, t) for clip in clips for t in range(1, 6) if not {t, t - 1} & set(clip.hard_frames)]
    assert np.median(hard) > 3 * np.median(easy)


def test_training_and_validation_share_no_texture() -> None:
    assert not set(FAMILIES["train"]) & set(FAMILIES["val"])


def test_the_colour_does_not_tell_the_category() -> None:
    """Colours of all objects of one category differ more within the category than categories differ on average."""
    colours: dict[int, list[Any]] = {}
    for clip in render_split(SyntheticConfig(train_clips=60, frames=2), "train"):
        for category, mask in zip(clip.categories, clip.masks[:, 0], strict=True):
            if mask.any():
                colours.setdefault(category, []).append(clip.frames[0][mask].mean(axis=0))
    means = np.array([np.mean(values, axis=0) for values in colours.values()])
    spread = np.mean([np.std(values, axis=0).mean() for values in colours.values()])
    assert len(means) == len(CATEGORIES)
    assert means.std(axis=0).max() < spread / 2


@pytest.mark.parametrize(("one", "two"), list(combinations(CATEGORIES, 2)))
@pytest.mark.parametrize("radius", [7.0, 14.0])
def test_shapes_differ_in_a_fifth_of_their_pixels_under_any_turn(one: str, two: str, radius: float) -> None:
    pixels = slice(0, 48)
    fixed = coverage(one, Pose(24.0, 24.0, radius, 0.3), pixels, pixels) > 0.5
    for angle in np.linspace(0, np.pi, 24, endpoint=False).tolist():
        turned = coverage(two, Pose(24.0, 24.0, radius, angle), pixels, pixels) > 0.5
        assert (fixed & turned).sum() / (fixed | turned).sum() < 0.8


def test_the_number_of_validation_clips_does_not_change_training() -> None:
    more = SMALL.model_copy(update={"val_clips": 99})
    one, two = next(render_split(SMALL, "train")), next(render_split(more, "train"))
    assert np.array_equal(one.frames, two.frames)


def test_another_seed_gives_other_pixels() -> None:
    other = TINY.model_copy(update={"seed": 1})
    assert not np.array_equal(next(render_split(TINY, "train")).frames, next(render_split(other, "train")).frames)


def test_pixels_do_not_depend_on_the_hash_seed_of_the_process(repository: Path) -> None:
    code = (
        "import hashlib\nfrom rcf.config import SyntheticConfig\nfrom rcf.data.clips import render_split\n"
        f"clip = next(render_split(SyntheticConfig.model_validate({TINY.model_dump()}), 'train'))\n"
        "print(hashlib.sha256(b''.join(frame.tobytes() for frame in clip.frames)).hexdigest())"
    )
    here = b"".join(frame.tobytes() for frame in next(render_split(TINY, "train")).frames)
    for salt in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": salt, "PYTHONPATH": str(repository)}
        shown = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
        assert shown.stdout.decode().strip() == hashlib.sha256(here).hexdigest()


@pytest.mark.parametrize("field", ["height", "width", "train_clips", "val_clips", "frames", "seed"])
def test_every_setting_is_part_of_the_digest(field: str) -> None:
    changed = TINY.model_copy(update={field: getattr(TINY, field) + 1})
    assert synthetic_digest(changed) != synthetic_digest(TINY)


def test_the_place_on_disk_is_no_part_of_the_digest() -> None:
    assert synthetic_digest(TINY.model_copy(update={"root": "/elsewhere"})) == synthetic_digest(TINY)


def test_what_is_written_is_read_back_by_the_ordinary_reader(tmp_path: Path) -> None:
    write_synthetic(tmp_path / "set", TINY)
    for split in SPLITS:
        folder = tmp_path / "set" / split
        read = load_annotations(folder / "instances.json", folder / "JPEGImages")
        masks = [mask for clip in render_split(TINY, split) for mask in clip.masks]
        assert len(read.tracks) == len(masks)
        for track, mask in zip(read.tracks, masks, strict=True):
            for rle, expected in zip(track.segmentations, mask, strict=True):
                found = mask_of_runs(parse_counts(rle["counts"]), 32, 48) if rle else np.zeros((32, 48), dtype=bool)
                assert np.array_equal(found, expected)


def test_areas_and_boxes_belong_to_the_masks(clips: list[Clip]) -> None:
    file = AnnotationFile(SMALL)
    file.add(clips[0])
    tracks: Any = file.document()["annotations"]
    for track, masks in zip(tracks, clips[0].masks, strict=True):
        for area, bbox, mask in zip(track["areas"], track["bboxes"], masks, strict=True):
            assert (area or 0) == mask.sum()
            assert bbox is None or mask[bbox[1] : bbox[1] + bbox[3], bbox[0] : bbox[0] + bbox[2]].sum() == area


def test_hard_frames_are_recorded_for_each_video(tmp_path: Path) -> None:
    write_synthetic(tmp_path / "set", TINY)
    document = json.loads((tmp_path / "set/train/instances.json").read_text())
    assert [video["hard_frames"] for video in document["videos"]] == [
        list(clip.hard_frames) for clip in render_split(TINY, "train")
    ]


def test_a_complete_set_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_synthetic(tmp_path / "set", TINY)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    monkeypatch.setattr(synthetic, "render_split", None)
    write_synthetic(tmp_path / "set", TINY)
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}


def test_a_failure_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(synthetic, "write_json", fail)
    with pytest.raises(OSError, match="No space"):
        write_synthetic(tmp_path / "set", TINY)
    assert list(tmp_path.iterdir()) == []


def test_a_second_process_that_was_faster_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_synthetic(tmp_path / "set", TINY)
    before = (tmp_path / "set/train/instances.json").stat().st_ino
    # As if the set had come while this process was drawing: the first look sees nothing.
    looks = iter([False])
    complete = whole_folder._complete
    monkeypatch.setattr(whole_folder, "_complete", lambda *given: next(looks, None) is None and complete(*given))
    write_synthetic(tmp_path / "set", TINY)
    assert (tmp_path / "set/train/instances.json").stat().st_ino == before
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


@pytest.mark.parametrize("there", ["notes.txt", "synthetic.json"])
def test_a_folder_with_anything_else_is_not_touched(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("{}")
    with pytest.raises(InputError, match="new or empty folder"):
        write_synthetic(tmp_path, TINY)
    assert [path.name for path in tmp_path.iterdir()] == [there]


def test_a_set_of_other_settings_is_not_replaced(tmp_path: Path) -> None:
    write_synthetic(tmp_path / "set", TINY)
    with pytest.raises(InputError, match="other settings"):
        write_synthetic(tmp_path / "set", TINY.model_copy(update={"seed": 5}))


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    write_synthetic(tmp_path / "set", TINY)
    assert (tmp_path / "set/val/instances.json").is_file()


def test_the_contact_sheet_shows_a_row_for_each_clip(tmp_path: Path) -> None:
    write_synthetic(tmp_path / "set", TINY)
    sheet = contact_sheets(tmp_path / "set", SPLITS, rows=5)
    tile_width, tile_height, title, gap = 270, 180, 16, 4  # 3:2 as the clips are
    assert sheet.size == (3 * (tile_width + gap) - gap, 3 * (tile_height + title + gap) - gap)
