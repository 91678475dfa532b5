"""`rcflab eval` on files: numbers as JSON or table, one line a fault."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rcflab.cli import app

NAMES = ["AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large"]
NAMES += ["AR1", "AR10", "AR100", "AR_small", "AR_medium", "AR_large"]
MASK = {"size": [20, 30], "counts": [0, *[10, 10] * 9, 10, 410]}


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """One track of one frame, found."""
    video = {"id": 1, "width": 30, "height": 20, "length": 1, "file_names": ["a/0.jpg"]}
    row: dict[str, Any] = {"video_id": 1, "category_id": 3, "segmentations": [MASK]}
    track = row | {"id": 1, "iscrowd": 0, "areas": [100]}
    truth = {"videos": [video], "categories": [{"id": 3, "name": "boat"}], "annotations": [track]}
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    (tmp_path / "results.json").write_text(json.dumps([row | {"score": 0.5}]))
    return tmp_path / "truth.json", tmp_path / "results.json"


def test_json_holds_the_twelve_numbers_and_null_without_ground_truth(files: tuple[Path, Path]) -> None:
    result = CliRunner().invoke(app, ["eval", *map(str, files), "--json"])
    assert result.exit_code == 0
    stats = json.loads(result.stdout)["stats"]
    assert list(stats) == NAMES
    assert (
        stats["AP"] == pytest.approx(100, abs=1e-9) and stats["AP_small"] == stats["AP"] and stats["AP_large"] is None
    )


def test_the_table_shows_points_and_where_there_is_no_ground_truth(files: tuple[Path, Path]) -> None:
    result = CliRunner().invoke(app, ["eval", *map(str, files)])
    assert result.exit_code == 0
    assert "AP50" in result.stdout and "100.00" in result.stdout and "no ground truth" in result.stdout


def test_a_track_of_wrong_length_is_an_error_and_no_silent_zero(files: tuple[Path, Path]) -> None:
    rows = json.loads(files[1].read_text())
    rows[0]["segmentations"] *= 2
    files[1].write_text(json.dumps(rows))
    result = CliRunner().invoke(app, ["eval", *map(str, files), "--json"])
    assert result.exit_code == 2 and result.stdout == ""
    assert result.stderr.startswith(
        f"error: {files[1]}: /0/segmentations: got 2 entries, expected 1 entries, one for each frame"
    )


def changed(files: tuple[Path, Path], **fields: Any) -> list[str]:
    """The arguments for the same two files, the first row of the results changed."""
    rows = json.loads(files[1].read_text())
    files[1].write_text(json.dumps([{**rows[0], **fields}, *rows[1:]]))
    return ["eval", *map(str, files)]


def test_compat_scores_what_strict_refuses_and_warns_once_a_quirk(files: tuple[Path, Path]) -> None:
    arguments = changed(files, segmentations=[MASK, MASK], id=9)
    result = CliRunner().invoke(app, [*arguments, "--mode", "compat", "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["mode"] == "compat" and found["stats"]["AP"] == pytest.approx(100)
    warnings = [line for line in result.stderr.splitlines() if line.startswith("warning: ")]
    assert len(warnings) == len(found["quirks"]) == 2 and all(line.startswith("warning: 1 x ") for line in warnings)


def test_out_has_numbers_and_pictures_and_nothing_else(files: tuple[Path, Path], tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["eval", *map(str, files), "--out", str(tmp_path / "out"), "--json"])
    assert result.exit_code == 0, result.output
    names = ["categories.png", "errors.png", "precision-recall.png", "summary.json"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    printed = json.loads(result.stdout)
    assert json.loads((tmp_path / "out" / "summary.json").read_text()).items() <= printed.items()
    first = (tmp_path / "out" / "errors.png").read_bytes()
    CliRunner().invoke(app, ["eval", *map(str, files), "--out", str(tmp_path / "out")])
    assert (tmp_path / "out" / "errors.png").read_bytes() == first


def test_a_folder_that_cannot_be_written_is_a_fault_of_storage(files: tuple[Path, Path]) -> None:
    result = CliRunner().invoke(app, ["eval", *map(str, files), "--out", str(files[0] / "below")])
    assert result.exit_code == 74 and result.stderr.startswith("error: "), result.output


def test_what_is_printed_says_how_predictions_were_chosen_and_by_which_rules(files: tuple[Path, Path]) -> None:
    result = CliRunner().invoke(app, ["eval", *map(str, files)], env={"COLUMNS": "120"})
    assert result.stdout.startswith(f"{files[1]}: predictions as the file has them\n")
    titles = ("tracks, strict", "AP of some tracks", "What went wrong", "(TrackEval), all predictions", "each category")
    titles += ("AP of each video", "1: a")
    assert all(title in result.stdout for title in titles), result.stdout


def test_tracking_can_be_left_out(files: tuple[Path, Path]) -> None:
    result = CliRunner().invoke(app, ["eval", *map(str, files), "--json", "--no-tracking"])
    assert json.loads(result.stdout)["tracking"] is None
