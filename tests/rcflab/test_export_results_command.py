"""`rcflab export-results` on a small network: what a server takes, checked, the same bytes again, or nothing."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from rcf.config import SyntheticConfig
from rcf.data.annotations import load_annotations
from rcf.data.synthetic import write_synthetic
from rcf.errors import InputError
from rcf.evaluation.submission import write_submission
from rcf.structures import TrackPrediction
from rcflab.cli import app
from rcflab.track.mlflow_client import MlflowStore


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, small_cell: Callable[..., Path]) -> Path:
    """A folder with a cell, and as `public` the videos of a split without labels."""
    root = tmp_path_factory.mktemp("lab")
    small_cell(root)
    write_synthetic(root / "public", SyntheticConfig(train_clips=1, val_clips=3, frames=4))
    file = root / "public" / "val" / "instances.json"
    labelled = json.loads(file.read_text())
    (root / "labelled.json").write_text(json.dumps(labelled))
    file.write_text(json.dumps({**labelled, "annotations": None}))
    return root


def export(lab: Path, output: Path, *more: str) -> Result:
    options = ["-c", str(lab / "cell"), "--data", str(lab / "public"), "-o", str(output), *more]
    return CliRunner().invoke(app, ["export-results", *options])


@pytest.fixture(scope="module")
def exported(lab: Path) -> tuple[Result, Path]:
    result = export(lab, lab / "out" / "results.zip", "--json")
    assert result.exit_code == 0, result.output
    return result, lab / "out" / "results.zip"


def test_the_zip_holds_results_json_at_its_top_with_a_row_a_track(lab: Path, exported: tuple[Result, Path]) -> None:
    with zipfile.ZipFile(exported[1]) as archive:
        assert archive.namelist() == ["results.json"]
        rows = json.loads(archive.read("results.json"))
    truth = load_annotations(lab / "labelled.json")
    assert rows and len(rows) == json.loads(exported[0].stdout)["tracks"]
    for row in rows:
        assert set(row) == {"video_id", "category_id", "score", "segmentations"}
        assert len(row["segmentations"]) == 4 and 0 <= row["score"] <= 1
        assert row["video_id"] in {v.id for v in truth.videos} and row["category_id"] in {
            c.id for c in truth.categories
        }


def test_it_can_be_scored_as_it_is_and_the_table_says_how_predictions_were_chosen(
    lab: Path, exported: tuple[Result, Path]
) -> None:
    result = CliRunner().invoke(app, ["eval", str(lab / "labelled.json"), str(exported[1]), "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["source"] == json.loads(exported[0].stdout)["choice"]
    assert found["source"].startswith("slot-filtered (paper)") and found["predictions"] > 0


def test_the_same_command_writes_the_same_bytes(lab: Path, exported: tuple[Result, Path], tmp_path: Path) -> None:
    assert export(lab, tmp_path / "again.zip").exit_code == 0
    assert (tmp_path / "again.zip").read_bytes() == exported[1].read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["again.zip"]


def test_pairs_are_chosen_from_all_slots_as_many_as_asked_for(lab: Path, tmp_path: Path) -> None:
    result = export(lab, tmp_path / "pairs.zip", "--pairs", "7")
    assert result.exit_code == 0 and "predictions: top-7 pairs" in result.stdout
    with zipfile.ZipFile(tmp_path / "pairs.zip") as archive:
        rows = json.loads(archive.read("results.json"))
        assert archive.comment.startswith(b"top-7 pairs")
    videos = [row["video_id"] for row in rows]
    assert {videos.count(video) for video in videos} == {7}


def test_a_run_of_mlflow_stands_for_its_checkpoint(lab: Path, exported: tuple[Result, Path], tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = MlflowStore(uri).client
    experiment = client.create_experiment("tried", artifact_location=(tmp_path / "artifacts").as_uri())
    tags = {"rcflab.checkpoint": (lab / "cell" / "checkpoints" / "step-00000001").as_uri()}
    run = client.create_run(experiment, tags=tags, run_name="arm seed 0").info.run_id
    options = ["--run", run, "--tracking", uri, "--data", str(lab / "public"), "-o", str(tmp_path / "run.zip")]
    result = CliRunner().invoke(app, ["export-results", *options])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "run.zip").read_bytes() == exported[1].read_bytes()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--run", "abc"], "--checkpoint, --run: got both"),
        (["--split", "nowhere"], "no annotation file of split 'nowhere'"),
        (["--device", "abacus"], "a device of this machine"),
    ],
)
def test_bad_input_is_one_line_and_no_file(lab: Path, tmp_path: Path, more: list[str], said: str) -> None:
    result = export(lab, tmp_path / "results.zip", *more)
    assert result.exit_code == 2 and said in result.stderr, result.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"score": 1.5}, "a number from 0 to 1"),
        ({"score": float("nan")}, "a number from 0 to 1"),
        ({"category_id": 99}, "category_id"),
        ({"video_id": 99}, "video_id"),
        ({"segmentations": (None,)}, "4 entries"),
        ({"segmentations": ({"size": [3, 4], "counts": "<"}, None, None, None)}, "video's own size"),
    ],
)
def test_a_fault_leaves_the_older_file_and_nothing_else(
    lab: Path, tmp_path: Path, fault: dict[str, Any], said: str
) -> None:
    truth = load_annotations(lab / "labelled.json")
    row = {"video_id": truth.videos[0].id, "category_id": truth.categories[0].id, "score": 0.5}
    good, path = {**row, "segmentations": (None,) * 4}, tmp_path / "results.zip"
    path.write_text("older")
    with pytest.raises(InputError, match=said):
        write_submission(path, truth, [[TrackPrediction(**good)], [TrackPrediction(**(good | fault))]], "any")
    assert path.read_text() == "older" and list(tmp_path.iterdir()) == [path]
