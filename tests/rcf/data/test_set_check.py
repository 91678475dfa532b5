"""The check of a whole set: what it finds of each split, what it decodes, and what it counts."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from rcf.config import SyntheticConfig
from rcf.data.check import CheckOptions, SetReport, check_set
from rcf.data.decoding import in_parallel
from rcf.data.synthetic import write_synthetic
from rcf.errors import InputError

FRAME = "/videos/0/file_names/1"


@pytest.fixture
def both(small_set: Any) -> Any:
    """The small set as train and as val, with sounds of a second in train."""
    shutil.copytree(small_set.path.parent, small_set.root / "val")
    audio = small_set.root / "train" / "Audio"
    audio.mkdir()
    for name in ("a", "b"):
        soundfile.write(audio / f"{name}.flac", np.zeros(16_000, dtype=np.int16), 16_000)
    return small_set


def _check(root: Path, *splits: str, **options: Any) -> SetReport:
    return check_set(root, splits or ("train", "val", "test"), CheckOptions(**options))


def _rules(report: SetReport) -> dict[str, list[tuple[str, str]]]:
    return {
        split.files.split: [(problem.rule, problem.place) for problem in split.problems.problems]
        for split in report.splits
    }


def test_a_sound_set_has_no_faults_and_says_where_its_files_are(both: Any) -> None:
    report = _check(both.root)
    assert report.sound
    files = [(split.files.annotations, split.files.frames, split.files.audio) for split in report.splits]
    train, val = both.root / "train", both.root / "val"
    assert files == [
        (train / "instances.json", train / "JPEGImages", train / "Audio"),
        (val / "instances.json", val / "JPEGImages", None),
    ]


def test_a_missing_root_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        _check(tmp_path / "none")
    assert caught.value.problems[0].rule == "root-missing"


def test_a_split_that_is_not_there_is_a_fault_that_names_what_was_looked_for(small_set: Any) -> None:
    report = _check(small_set.root)
    (problem,) = report.splits[1].problems.problems
    assert (problem.rule, "valid.json" in problem.wanted) == ("split-missing", True)


def test_a_split_without_frames_is_a_fault(tmp_path: Path, small_set: Any) -> None:
    (tmp_path / "train.json").write_text(json.dumps(small_set.document))
    assert ("frames-folder-missing", "") in _rules(_check(tmp_path, "train"))["train"]


def test_a_split_can_be_checked_alone(small_set: Any) -> None:
    assert _check(small_set.root, "train").sound


def test_other_categories_in_validation_are_a_fault_of_it(both: Any) -> None:
    both.document["categories"][0]["name"] = "wolf"
    (both.root / "val" / "instances.json").write_text(json.dumps(both.document))
    assert _rules(_check(both.root)) == {"train": [], "val": [("categories-differ", "/categories")]}


@pytest.mark.parametrize("decode", [True, False])
def test_a_missing_frame_is_found_with_and_without_decoding_and_told_once(both: Any, decode: bool) -> None:
    (both.frames / "a/00001.jpg").unlink()
    assert _rules(_check(both.root, "train", decode=decode))["train"] == [("frame-missing", FRAME)]


def test_a_damaged_frame_is_found_only_by_decoding(both: Any) -> None:
    path = both.frames / "a/00001.jpg"
    path.write_bytes(path.read_bytes()[:-40])
    assert _check(both.root, "train", decode=False).sound
    assert _rules(_check(both.root, "train"))["train"] == [("frame-damaged", FRAME)]


def test_a_name_that_climbs_out_is_never_opened(both: Any) -> None:
    both.document["videos"][0]["file_names"][1] = "../outside.jpg"
    both.path.write_text(json.dumps(both.document))
    (both.frames.parent / "outside.jpg").write_text("would be called damaged if it was opened")
    assert _rules(_check(both.root, "train"))["train"] == [("name-climbs", FRAME)]


def test_the_faults_do_not_depend_on_the_threads(both: Any) -> None:
    for name in ("a/00001.jpg", "b/00000.jpg"):
        (both.frames / name).write_bytes(b"no image")
    alone, many = (_check(both.root, "train", threads=threads).splits[0].problems.problems for threads in (1, 8))
    assert [problem.place for problem in alone] == [FRAME, "/videos/1/file_names/0"]
    assert alone == many


def test_a_missing_and_a_cut_sound_are_faults_of_their_videos(both: Any) -> None:
    audio = both.root / "train" / "Audio"
    (audio / "a.flac").unlink()
    (audio / "b.flac").write_bytes((audio / "b.flac").read_bytes()[:60])
    assert _rules(_check(both.root, "train"))["train"] == [
        ("sound-missing", "/videos/0"),
        ("sound-damaged", "/videos/1"),
    ]


def test_sound_that_is_said_to_be_missing_is_no_fault(both: Any) -> None:
    both.document["videos"][0]["audio_file"] = None
    both.path.write_text(json.dumps(both.document))
    (both.root / "train" / "Audio" / "a.flac").unlink()
    report = _check(both.root, "train")
    assert report.sound
    assert (report.splits[0].statistics.sounds["silent"], report.splits[0].statistics.sounds["heard"]) == (1, 1)


def test_a_synthetic_set_with_sound_passes_whole(tmp_path: Path) -> None:
    config = SyntheticConfig(height=32, width=48, train_clips=2, val_clips=1, frames=3, sound="category")
    write_synthetic(tmp_path / "set", config)
    report = _check(tmp_path / "set", threads=2)
    assert report.sound
    assert [split.statistics.frames for split in report.splits] == [6, 3]


def test_progress_reaches_its_end_for_reading_and_decoding(both: Any) -> None:
    said: dict[str, tuple[int, int]] = {}

    def progress(what: str) -> Any:
        return lambda done, total: said.update({what: (done, total)})

    _check(both.root, "train", progress=progress)
    assert said["train: decoding videos"] == (2, 2)
    assert "train: reading instances.json, MB" in said


def test_work_in_parallel_keeps_its_order_and_takes_only_a_few_tasks_ahead() -> None:
    taken: list[int] = []

    def tasks() -> Any:
        for number in range(100):
            taken.append(number)
            yield number

    results = in_parallel(lambda number: number * number, tasks(), threads=2)
    assert [next(results) for _ in range(3)] == [0, 1, 4]
    assert len(taken) <= 3 + 4 * 2
    assert list(results) == [number * number for number in range(3, 100)]


@pytest.mark.parametrize(("name", "gaps"), [("davis-vis", [0, 0]), ("stamps-avis", [147, 42])])
def test_the_real_sets_are_sound_and_have_the_gaps_that_their_makers_counted(
    shared_data: Path, name: str, gaps: list[int]
) -> None:
    """Wholly hidden between visible frames, as the description of each set says."""
    report = _check(shared_data / name, decode=False)
    assert [problem for split in report.splits for problem in split.problems.problems] == []
    assert [split.statistics.as_json()["gap_frames"] for split in report.splits] == gaps
