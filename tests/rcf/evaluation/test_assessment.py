"""One pass over a results file: each part equals what it is when computed alone; slices hold the tracks they name."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rcf.data.annotations import Annotations, Category
from rcf.evaluation.assessment import Asked, Assessment, as_json, assess, stated_occlusion
from rcf.evaluation.compat import Compat
from rcf.evaluation.results import write_results
from rcf.evaluation.results_file import ResultsFile
from rcf.evaluation.rules import STRICT, Rules
from rcf.evaluation.slices import hidden_share
from rcf.evaluation.track_ap import evaluate
from rcf.structures import TrackPrediction

Case = tuple[Annotations, list[TrackPrediction]]
Make = Callable[..., Any]
BOX = (0, 0, 10, 10)


def assessed(folder: Path, case: Case, rules: Rules = STRICT, asked: Asked = Asked(tracking=False)) -> Assessment:  # noqa: B008
    truth, predictions = case
    write_results(folder / "results.json", predictions)
    with ResultsFile(folder / "results.json", truth, rules) as file:
        return assess(truth, file, rules, asked)


@pytest.mark.parametrize("seed", [1, 4, 5])
def test_the_twelve_numbers_are_those_of_evaluate(make_case: Callable[[int], Case], tmp_path: Path, seed: int) -> None:
    case = make_case(seed)
    found = assessed(tmp_path, case)
    assert found.stats == evaluate(*case).stats
    assert assessed(tmp_path, case, Compat()).stats == evaluate(*case, rules=Compat()).stats


def test_class_agnostic_numbers_are_those_of_a_set_with_one_category(
    make_case: Callable[[int], Case], tmp_path: Path
) -> None:
    truth, predictions = make_case(1)
    one = replace(
        truth, categories=(Category(1, "thing"),), tracks=tuple(replace(t, category_id=1) for t in truth.tracks)
    )
    wanted = evaluate(one, [replace(p, category_id=1) for p in predictions]).stats
    assert assessed(tmp_path, (truth, predictions)).agnostic == wanted


def test_ap_of_a_category_and_of_a_video_is_that_of_a_set_that_has_nothing_else(
    make_case: Callable[[int], Case], tmp_path: Path
) -> None:
    truth, predictions = make_case(1)
    found = assessed(tmp_path, (truth, predictions))
    for category in truth.categories:
        alone = replace(truth, tracks=tuple(t for t in truth.tracks if t.category_id == category.id))
        stats = evaluate(alone, [p for p in predictions if p.category_id == category.id]).stats
        score = found.categories[category.name]
        assert (score.ap, score.ap50) == (pytest.approx(stats["AP"]), pytest.approx(stats["AP50"]))
    for video in truth.videos:
        alone = replace(truth, videos=(video,), tracks=tuple(t for t in truth.tracks if t.video_id == video.id))
        stats = evaluate(alone, [p for p in predictions if p.video_id == video.id]).stats
        assert found.videos[video.id].ap == pytest.approx(stats["AP"])


def test_tracks_are_told_apart_by_how_long_they_are_gone(
    tmp_path: Path, make_annotations: Make, make_track: Make, make_rectangles: Make
) -> None:
    # Gone in 0 of 10 frames, 1 of 5, 8 of 10; the second is not found.
    shown = [[BOX] * 10, [BOX, BOX, None, BOX, BOX, *[None] * 5], [BOX, *[None] * 8, BOX]]
    masks = [make_rectangles(corners, 20, 30) for corners in shown]
    truth = make_annotations(
        [make_track(n, n, 1, m) for n, m in enumerate(masks, 1)], {1: 10, 2: 10, 3: 10}, [1], (20, 30)
    )
    predictions = [TrackPrediction(n, 1, 0.9, masks[n - 1]) for n in (1, 3)]
    slices = assessed(tmp_path, (truth, predictions)).slices
    gaps = {name: (score.ap50, score.tracks) for name, score in slices["gaps"].items()}
    full = pytest.approx(100)
    assert gaps == {"never hidden": (full, 1), "hidden up to 25 %": (0, 1), "hidden more": (full, 1)}
    lengths = {name: score.tracks for name, score in slices["visible frames"].items()}
    assert lengths == {"1-8 frames": 2, "9-24 frames": 1, "25 frames or more": 0}


def test_the_share_of_hidden_frames_counts_from_the_first_appearance_to_the_last() -> None:
    pixels = np.array([[0, 3, 0, 0, 2, 0], [0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 9]])
    assert hidden_share(pixels).tolist() == [0.5, 0, 0, 0]


def test_occlusion_that_a_file_states_is_the_mean_of_its_levels(tmp_path: Path) -> None:
    path = tmp_path / "truth.json"
    rows = [
        {"id": 1, "occlusion": ["no_occlusion", "severe_occlusion", None]},
        {"id": 2, "occlusion": [None]},
        {"id": 3},
    ]
    path.write_text(json.dumps({"annotations": rows}))
    assert stated_occlusion(path) == {1: 0.375, 2: 0.0}


def test_all_of_it_is_json_without_nan(make_case: Callable[[int], Case], tmp_path: Path) -> None:
    for case in (make_case(1), make_case(3), (make_case(1)[0], [])):
        json.dumps(as_json(assessed(tmp_path, case, asked=Asked())), allow_nan=False)
