"""A results file read video by video gives what reading it whole gives, whatever its layout, and the same faults."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from rcf.data.annotations import Annotations
from rcf.errors import InputError
from rcf.evaluation import compat, results_file
from rcf.evaluation.compat import Compat
from rcf.evaluation.results import load_results, write_results
from rcf.evaluation.results_file import ResultsFile
from rcf.evaluation.rules import STRICT, Rules
from rcf.structures import TrackPrediction

Case = tuple[Annotations, list[TrackPrediction]]


@pytest.fixture
def case(make_case: Callable[[int], Case]) -> Case:
    return make_case(5)


def streamed(path: Path, truth: Annotations, rules: Rules = STRICT) -> list[TrackPrediction]:
    with ResultsFile(path, truth, rules) as file:
        return [prediction for video in truth.videos for prediction in file.of(video.id)]


def by_video(truth: Annotations, predictions: list[TrackPrediction]) -> list[TrackPrediction]:
    return [p for video in truth.videos for p in predictions if p.video_id == video.id]


@pytest.mark.parametrize("window", [1, 7, 1 << 20])
@pytest.mark.parametrize("indent", [None, 2])
def test_rows_of_each_video_come_in_the_order_of_the_file(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: int, indent: int | None
) -> None:
    truth, predictions = case
    monkeypatch.setattr(results_file, "_WINDOW", window)
    path = tmp_path / "results.json"
    write_results(path, predictions)
    rows = json.loads(path.read_text())
    rows[0]["name"] = "päi\u2028 } ]"  # what no row needs, and no byte may move
    path.write_text("\ufeff " + json.dumps(rows, indent=indent, ensure_ascii=False) + "\n ", encoding="utf-8")
    assert streamed(path, truth) == by_video(truth, predictions)


def test_a_zip_reads_like_the_file_in_it(case: Case, tmp_path: Path) -> None:
    truth, predictions = case
    write_results(tmp_path / "results.json", predictions)
    with zipfile.ZipFile(tmp_path / "results.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(tmp_path / "results.json", "results.json")
    assert streamed(tmp_path / "results.zip", truth) == by_video(truth, predictions)


@pytest.mark.parametrize(
    "text",
    [
        "", "{}", "[", "[1", "[1]", "[{}]", "[{},]", "[{}] x", "3", "<html>", '[{"score": NaN}]', '[{"a": 1, "a": 2}]',
        '[{"score": 1e999}]', '[{"video_id": 1}{', "[[[", '["', "\x00", "[" * 100000,
        '[{"video_id": 99, "category_id": 99, "score": 2, "segmentations": [null]}]',
    ],
)  # fmt: skip
def test_faults_are_those_that_reading_it_whole_names(case: Case, tmp_path: Path, text: str) -> None:
    path = tmp_path / "results.json"
    path.write_text(text)
    with pytest.raises(InputError) as whole:
        load_results(path, case[0])
    with pytest.raises(InputError) as parts:
        streamed(path, case[0])
    assert parts.value.problems == whole.value.problems


def test_a_row_that_is_no_strict_json_hides_no_fault_of_another(case: Case, tmp_path: Path) -> None:
    video, category = case[0].videos[0], case[0].categories[0].id
    row = {"video_id": video.id, "category_id": category, "score": 0.5, "segmentations": [None] * video.length}
    path = tmp_path / "results.json"
    path.write_text(json.dumps([{**row, "video_id": 99}, {**row, "score": float("nan")}, {**row, "segmentations": []}]))
    with pytest.raises(InputError) as caught:
        streamed(path, case[0])
    assert [problem.place for problem in caught.value.problems] == ["/0/video_id", "/2/segmentations", "/1/score"]


def test_a_file_that_is_not_there_and_a_zip_without_results_are_named(case: Case, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        streamed(tmp_path / "nowhere.json", case[0])
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("folder/results.json", "[]")
    with pytest.raises(InputError, match=r"a zip of folder/results\.json"):
        streamed(tmp_path / "other.zip", case[0])


def test_compat_reads_what_the_official_code_reads_and_counts_it(case: Case, tmp_path: Path) -> None:
    truth, predictions = case
    video = next(video for video in truth.videos if video.length > 1)
    base = {"video_id": video.id, "category_id": truth.categories[0].id, "score": 0.5}
    mask = next(m for p in predictions for m in p.segmentations if m is not None)
    rows = [
        {**base, "id": 7, "segmentations": [mask]},
        {**base, "score": float("nan"), "segmentations": [{}, *[0] * (video.length - 1)]},
        {**base, "category_id": 999, "segmentations": [None] * video.length},
    ]
    path = tmp_path / "results.json"
    path.write_text(json.dumps(rows))
    rules = Compat()
    found = streamed(path, truth, rules)
    assert [p.segmentations for p in found] == [(mask,), (None,) * video.length, (None,) * video.length]
    assert +rules.quirks == {compat.SHORT: 1, compat.RENUMBERED: 1, compat.NOT_A_NUMBER: 1, compat.UNKNOWN: 1}
    with pytest.raises(InputError):
        streamed(path, truth)
