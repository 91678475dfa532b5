"""`rcflab data convert`, `holdout` and `synth --sound`: what they print, their exit codes, nothing half-written."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from rcf.data.annotations import load_annotations
from rcflab import cli

SMALL = ["--train-clips", "8", "--val-clips", "1", "--frames", "3", "--height", "32", "--width", "48"]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["rcflab", "data", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return int(end.value.code or 0)


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    for folder in ("JPEGImages/a", "Annotations/a"):
        (tmp_path / "png" / folder).mkdir(parents=True)
    Image.new("RGB", (6, 4)).save(tmp_path / "png/JPEGImages/a/0.jpg")
    Image.fromarray(np.eye(4, 6, dtype=np.uint8)).save(tmp_path / "png/Annotations/a/0.png")
    return tmp_path / "png"


def test_convert_prints_what_it_wrote(
    masks: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = masks.parent / "out"
    assert run(monkeypatch, "convert", str(masks), str(out), "--from", "png-masks", "--fps", "6", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["splits"] == [{"split": "train", "videos": 1, "frames": 1, "tracks": 1, "left_out": 0}]
    assert load_annotations(out / "train/instances.json").videos[0].fps == 6


def test_convert_refuses_with_places_and_writes_nothing(
    masks: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (masks / "Annotations/a/0.png").unlink()
    assert run(monkeypatch, "convert", str(masks), str(masks.parent / "out"), "--from", "png-masks") == 2
    assert "frames without a mask" in capsys.readouterr().err
    assert not (masks.parent / "out").exists()


def test_a_misspelt_split_is_refused(
    masks: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--from", "png-masks", "--split", "train=Annotations"]
    assert run(monkeypatch, "convert", str(masks), str(masks.parent / "out"), *arguments) == 2
    assert "NAME=ANNOTATIONS,FRAMES" in capsys.readouterr().err


def test_a_full_disk_is_a_storage_fault(masks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "hardlink_to", fail)
    assert run(monkeypatch, "convert", str(masks), str(masks.parent / "out"), "--from", "png-masks") == 74
    assert [path.name for path in masks.parent.iterdir()] == ["png"]


def test_synth_writes_sound_of_the_length_that_fps_says_and_holdout_splits_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made, out, again = (str(tmp_path / name) for name in ("set", "out", "again"))
    assert run(monkeypatch, "synth", made, *SMALL, "--sound", "category", "--fps", "12") == 0
    video = load_annotations(tmp_path / "set/train/instances.json").videos[0]
    assert video.audio_file is not None
    sound = soundfile.info(tmp_path / "set/train/Audio" / video.audio_file)
    assert (video.fps, sound.frames, sound.samplerate) == (12, 4000, 16000)
    capsys.readouterr()
    assert run(monkeypatch, "holdout", made, out, "--share", "0.25", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (len(said["train"]), len(said["val"])) == (6, 2)
    assert run(monkeypatch, "holdout", made, again, "--list", f"{out}/holdout.json") == 0
    assert "objects of each category" in capsys.readouterr().out
    assert run(monkeypatch, "holdout", made, again, "--list", f"{out}/holdout.json", "--seed", "1") == 2


@pytest.mark.parametrize("command", ["convert", "holdout"])
def test_help_shows_an_example(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, command, "--help") == 0
    assert f"Example: rcflab data {command}" in capsys.readouterr().out
