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
