"""Reading and writing results.json: what is right comes back, what is wrong is named with its place."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rcf.data.annotations import Annotations
from rcf.errors import InputError
from rcf.evaluation.results import load_results, write_results
from rcf.evaluation.track_ap import evaluate
from rcf.structures import TrackPrediction

Case = tuple[Annotations, list[TrackPrediction]]


@pytest.fixture
def truth(make_annotations: Any, make_track: Any, make_rectangles: Any) -> Annotations:
    """Video 4 of 2 frames, category 7."""
    masks = make_rectangles([(0, 0, 10, 10), None], 20, 30)
    return make_annotations([make_track(1, 4, 7, masks)], {4: 2}, [7], (20, 30))


@pytest.fixture
def row(truth: Annotations) -> dict[str, Any]:
    """A perfect row."""
    return {"video_id": 4, "category_id": 7, "score": 0.5, "segmentations": list(truth.tracks[0].segmentations)}


def problems_of(path: Path, truth: Annotations) -> list[tuple[str, str, str]]:
    with pytest.raises(InputError) as caught:
        load_results(path, truth)
    assert all(problem.file == str(path) for problem in caught.value.problems)
    return [(problem.place, problem.got, problem.wanted) for problem in caught.value.problems]


def test_written_results_come_back_equal(make_case: Callable[[int], Case], tmp_path: Path) -> None:
    truth, predictions = make_case(5)
    write_results(tmp_path / "out" / "results.json", predictions)
    assert load_results(tmp_path / "out" / "results.json", truth) == tuple(predictions)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["results.json"]


def test_an_empty_list_scores_zero(truth: Annotations, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text("[]")
    assert evaluate(truth, load_results(path, truth)).stats["AP"] == 0


def test_a_failed_write_leaves_the_old_file_and_nothing_else(truth: Annotations, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text("[]")
    with pytest.raises(ValueError, match="JSON"):
        write_results(path, [TrackPrediction(4, 7, float("nan"), truth.tracks[0].segmentations)])
    assert path.read_text() == "[]" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("field", "value", "place", "wanted"),
    [
        ("video_id", 5, "/0/video_id", "one of the 1 video ids"),
        ("video_id", "4", "/0/video_id", "a whole number"),
        ("category_id", 0, "/0/category_id", "one of 7"),
        ("score", None, "/0/score", "a number"),
        ("score", True, "/0/score", "a number"),
        ("score", 10**400, "/0/score", "a finite number"),
        ("segmentations", [None], "/0/segmentations", "2 entries"),
        ("segmentations", {}, "/0/segmentations", "a list"),
        ("segmentations", [None, {"size": [10, 15], "counts": "P2"}], "/0/segmentations/1/size", "[20, 30]"),
        ("segmentations", [None, {"size": [20, 30], "counts": "P2"}], "/0/segmentations/1/counts", "600 pixels"),
        ("segmentations", [None, {"size": [20, 30], "counts": "\n"}], "/0/segmentations/1/counts", "600 pixels"),
        ("segmentations", [None, {"size": [20, 30]}], "/0/segmentations/1", "compressed text or a list of runs"),
        ("segmentations", [None, 3], "/0/segmentations/1", "null, a run-length encoding or polygons"),
    ],
)
def test_a_wrong_field_is_named(
    field: str, value: Any, place: str, wanted: str, truth: Annotations, row: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps([row | {field: value}, row]))
    ((found, _, expected),) = problems_of(path, truth)
    assert found == place and wanted in expected


@pytest.mark.parametrize("field", ["video_id", "category_id", "score", "segmentations"])
def test_a_missing_field_is_named(field: str, truth: Annotations, row: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    del row[field]
    path.write_text(json.dumps([row]))
    ((place, got, _),) = problems_of(path, truth)
    assert (place, got) == (f"/0/{field}", "nothing")


def test_nan_is_named_with_its_place(truth: Annotations, row: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps([row | {"score": float("nan")}]))
    assert any(place == "/0/score" for place, _, _ in problems_of(path, truth))


@pytest.mark.parametrize("text", ["", '[{"video_id": 4, "categ', '{"results": []}', "3"])
def test_a_file_that_is_no_list_of_tracks_is_one_problem(text: str, truth: Annotations, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(text)
    assert len(problems_of(path, truth)) == 1


def test_every_fault_of_a_file_is_told_at_once(truth: Annotations, row: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps([3, row | {"score": "high", "category_id": 1}, row | {"segmentations": []}, row]))
    places = [place for place, _, _ in problems_of(path, truth)]
    assert sorted(places) == ["/0", "/1/category_id", "/1/score", "/2/segmentations"]


def test_of_thousands_of_faults_fifty_are_spelled_out(truth: Annotations, row: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps([row | {"video_id": 9}] * 2000))
    found = problems_of(path, truth)
    assert len(found) == 51 and "1950 more" in found[-1][1]


def test_uncompressed_runs_and_polygons_are_read(truth: Annotations, row: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    runs = {"size": [20, 30], "counts": [0, *[10, 10] * 9, 10, 410]}
    polygon = [[0, 0, 10, 0, 10, 10, 0, 10]]
    path.write_text(json.dumps([row | {"segmentations": [mask, None]} for mask in (runs, polygon)]))
    first, second = load_results(path, truth)
    assert first.segmentations == truth.tracks[0].segmentations
    assert evaluate(truth, [second]).stats["AP50"] == pytest.approx(100)
