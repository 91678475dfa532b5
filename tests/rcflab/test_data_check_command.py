"""`rcflab data check` says in words, numbers and a picture whether a set is sound, and by its exit code."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from rcf.config import SyntheticConfig
from rcf.data.rules import RULES
from rcf.data.synthetic import write_synthetic
from rcflab import cli

SMALL = SyntheticConfig(height=32, width=48, train_clips=2, val_clips=1, frames=3, sound="category")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_synthetic(tmp_path / "set", SMALL)
    return tmp_path / "set"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    monkeypatch.setattr(sys, "argv", ["rcflab", "data", "check", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return int(end.value.code or 0)


def _break(root: Path) -> None:
    path = root / "val" / "instances.json"
    document: Any = json.loads(path.read_text())
    document["annotations"][0]["category_id"] = 99
    path.write_text(json.dumps(document))


def test_a_sound_set_ends_with_zero_and_says_so(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, root) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == f"{root}: sound"
    assert "train/JPEGImages" in out


def test_a_fault_ends_with_two_and_is_told_with_rule_and_pointer(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _break(root)
    assert run(monkeypatch, root) == 2
    out = capsys.readouterr().out
    assert "/annotations/0/category_id: got 99" in out
    assert "val: 1 x category-unknown" in out


def test_json_holds_files_statistics_and_faults(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _break(root)
    assert run(monkeypatch, root, "--json") == 2
    found = json.loads(capsys.readouterr().out)
    train, val = found["splits"]
    assert (found["sound"], train["faults"], val["faults"]) == (False, 0, 1)
    assert val["first_faults"][0]["rule"] == "category-unknown"
    assert train["statistics"]["frames"] == 6
    assert train["annotations"] == str(root / "train" / "instances.json")


def test_one_split_can_be_checked_alone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _break(root)
    assert run(monkeypatch, root, "--split", "train", "--no-decode") == 0


def test_the_sheet_shows_each_split_and_crosses_a_frame_that_cannot_be_read(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drawn(name: str) -> list[tuple[int, ...]]:
        run(monkeypatch, root, "--sheet", tmp_path / name)
        with Image.open(tmp_path / name) as sheet:
            assert sheet.size == (3 * 270 + 2 * 4, 3 * (180 + 16 + 4) - 4)
            return [sheet.getpixel((135, 16 + 90)), sheet.getpixel((270 + 4 + 135, 16 + 90))]

    before = drawn("a.png")
    for path in (root / "train" / "JPEGImages").glob("*/00000.jpg"):
        path.write_bytes(b"")
    after = drawn("b.png")
    assert after[0] == (255, 255, 255) != before[0]
    assert after[1] == before[1]


def test_the_rules_are_printed_for_people_and_programs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--rules") == 0
    assert "track-all-null" in capsys.readouterr().out
    assert run(monkeypatch, "--rules", "--json") == 0
    assert [each["rule"] for each in json.loads(capsys.readouterr().out)["rules"]] == list(RULES)


@pytest.mark.parametrize("arguments", [(), ("no-such-folder",), (".", "--sheet", "no-such-folder/a.png")])
def test_bad_input_is_one_line_and_exit_two(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *arguments) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_control_characters_of_a_file_do_not_reach_the_terminal(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = root / "train" / "instances.json"
    document: Any = json.loads(path.read_text())
    document["categories"][0]["name"] = "\x1b[31mred"
    path.write_text(json.dumps(document))
    run(monkeypatch, root, "--no-decode")
    assert "\x1b" not in capsys.readouterr().out
