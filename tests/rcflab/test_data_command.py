"""`rcflab data synth` writes a whole set, draws a contact sheet, and says in one line what is wrong."""

import sys
from pathlib import Path

import pytest
from PIL import Image

from rcf.data.annotations import load_annotations
from rcf.data.coco import load_images
from rcflab import cli
from rcflab.commands import data

SMALL = ["--train-clips", "2", "--val-clips", "1", "--frames", "2", "--height", "32", "--width", "48"]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["rcflab", "data", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return int(end.value.code or 0)


def test_synth_writes_both_splits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "synth", str(tmp_path / "set"), *SMALL) == 0
    read = [load_annotations(tmp_path / "set" / split / "instances.json") for split in ("train", "val")]
    assert [len(each.videos) for each in read] == [2, 1]


def test_synth_also_writes_still_images_of_other_categories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, stills = tmp_path / "set", tmp_path / "coco"
    assert run(monkeypatch, "synth", str(out), *SMALL, "--coco", str(stills)) == 0
    videos = load_annotations(out / "train" / "instances.json")
    images = load_images(stills / "annotations" / "instances_train2017.json", stills / "train2017")
    assert (len(images.videos), {c.name for c in images.categories} & {c.name for c in videos.categories}) == (4, set())


def test_without_coco_nothing_but_the_videos_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "synth", str(tmp_path / "set"), *SMALL) == 0
    assert {path.name for path in (tmp_path / "set").iterdir()} == {"train", "val", "synthetic.json"}
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_preview_draws_a_contact_sheet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = tmp_path / "sheet.png"
    assert run(monkeypatch, "synth", str(tmp_path / "set"), *SMALL, "--preview", str(picture)) == 0
    with Image.open(picture) as sheet:
        assert sheet.format == "PNG"


def test_a_preview_in_a_missing_folder_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "synth", str(tmp_path / "set"), *SMALL, "--preview", str(tmp_path / "no/sheet.png")) == 2
    assert "--preview" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").touch()
    assert run(monkeypatch, "synth", str(tmp_path), *SMALL) == 2
    assert "expected a new or empty folder" in capsys.readouterr().err


def test_a_size_out_of_range_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "synth", str(tmp_path / "set"), "--height", "8") == 2
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_is_a_storage_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(data, "write_synthetic", fail)
    assert run(monkeypatch, "synth", str(tmp_path / "set"), *SMALL) == 74


def test_help_shows_an_example(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "synth", "--help") == 0
    assert "Example: rcflab data synth" in capsys.readouterr().out


def test_the_bar_shows_only_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    with data.LateProgress() as progress:
        progress.update(1, 3)
        early = progress.shown
        monkeypatch.setattr(data, "PATIENCE_S", -1.0)
        progress.update(2, 3)
        assert (early, progress.shown) == (False, True)
