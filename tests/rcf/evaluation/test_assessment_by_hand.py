"""One small set whose every number is worked out by hand.

    video 1, 10 frames   A  kind 1, left, in all frames            found by p1 (0.9), again by p2 (0.8)
                         B  kind 1, right, in 0-3 and 8-9          fitted by p3 (0.7) under the name kind 2
    video 2, 4 frames    C  kind 2, left, in all frames            p4 (0.6) covers 72 of its 100 pixels

An IoU of 0.72 is enough at five of the ten thresholds of AP, and at 14 of the 19 of HOTA.
"""

import json
from collections.abc import Callable
from math import sqrt
from pathlib import Path
from typing import Any

import pytest

from rcf.data.annotations import load_annotations
from rcf.evaluation.assessment import Asked, Assessment, Score, as_json, assess
from rcf.evaluation.results import write_results
from rcf.evaluation.results_file import ResultsFile
from rcf.evaluation.rules import STRICT
from rcf.structures import TrackPrediction

LEFT, RIGHT, PART = (0, 0, 10, 10), (0, 15, 10, 25), (0, 0, 9, 8)
A, B, C = [LEFT] * 10, [RIGHT] * 4 + [None] * 4 + [RIGHT] * 2, [LEFT] * 4
OCCLUSION = {
    1: ["no_occlusion"] * 10,
    2: ["severe_occlusion"] * 6 + [None] * 4,
    3: ["slight_occlusion", "severe_occlusion"] * 2,
}
"""Means 0, 0.75 and 0.5."""
KIND_1, KIND_2 = 100 * 51 / 101, 50.0
"""AP50: one of two tracks found, half of the recalls; one false before the only hit."""


@pytest.fixture
def found(tmp_path: Path, make_rectangles: Callable[..., Any]) -> Assessment:
    rows = [
        {"id": number, "video_id": video, "category_id": category, "iscrowd": 0, "occlusion": OCCLUSION[number],
         "areas": [corner and 100 for corner in corners], "segmentations": make_rectangles(corners, 20, 30)}
        for number, video, category, corners in ((1, 1, 1, A), (2, 1, 1, B), (3, 2, 2, C))
    ]  # fmt: skip
    videos = [
        {"id": v, "width": 30, "height": 20, "length": n, "file_names": [f"{v}/{frame}.jpg" for frame in range(n)]}
        for v, n in ((1, 10), (2, 4))
    ]
    categories = [{"id": k, "name": f"kind {k}"} for k in (1, 2)]
    path = tmp_path / "truth.json"
    path.write_text(json.dumps({"videos": videos, "categories": categories, "annotations": rows}))
    guesses = ((1, 1, 0.9, A), (1, 1, 0.8, A), (1, 2, 0.7, B), (2, 2, 0.6, [PART] * 4))
    write_results(
        tmp_path / "results.json", [TrackPrediction(v, k, s, make_rectangles(c, 20, 30)) for v, k, s, c in guesses]
    )
    truth = load_annotations(path)
    with ResultsFile(tmp_path / "results.json", truth) as file:
        return assess(truth, file, STRICT, Asked())


def near(ap: float | None, ap50: float | None, tracks: int) -> Any:
    return (*(None if value is None else pytest.approx(value, abs=1e-9) for value in (ap, ap50)), tracks)


def plain(scores: dict[Any, Score]) -> dict[Any, tuple[float | None, float | None, int]]:
    return {name: (score.ap, score.ap50, score.tracks) for name, score in scores.items()}


def test_ap_by_category_and_by_video(found: Assessment) -> None:
    assert found.stats["AP50"] == pytest.approx((KIND_1 + KIND_2) / 2)
    assert found.stats["AP"] == found.stats["AP_small"] == pytest.approx((KIND_1 + KIND_2 / 2) / 2)
    assert found.stats["AP_medium"] is None
    assert plain(found.categories) == {"kind 1": near(KIND_1, KIND_1, 2), "kind 2": near(25, 50, 1)}
    assert plain(found.videos) == {1: near(KIND_1, KIND_1, 2), 2: near(50, 100, 1)}


def test_class_agnostic_ap(found: Assessment) -> None:
    # Found, false, found, found of three: 1 for 34 recalls, 3/4 for 67. Without p4: 1 for 34, 2/3 for 33.
    with_p4, without = (34 + 67 * 3 / 4) / 101, (34 + 33 * 2 / 3) / 101
    assert found.agnostic["AP50"] == pytest.approx(100 * with_p4)
    assert found.agnostic["AP"] == pytest.approx(100 * (with_p4 + without) / 2)


def test_ap_by_length(found: Assessment) -> None:
    # Short: B is not found, p1 and p2 are of the long A and ignored; p3 is short, so it is false before p4 finds C.
    assert plain(found.slices["visible frames"]) == {
        "1-8 frames": near(12.5, 25, 2), "9-24 frames": near(100, 100, 1), "25 frames or more": (None, None, 0),
    }  # fmt: skip


def test_ap_by_gaps(found: Assessment) -> None:
    # p3, gone in 4 of 10 frames, is ignored among those that are never hidden.
    assert plain(found.slices["gaps"]) == {
        "never hidden": near(75, 100, 2), "hidden up to 25 %": (None, None, 0), "hidden more": near(0, 0, 1),
    }  # fmt: skip


def test_ap_by_stated_occlusion(found: Assessment) -> None:
    # Predictions state nothing: p3 is false beside C too.
    assert plain(found.slices["stated occlusion"]) == {
        "slightly occluded": near(100, 100, 1), "moderately occluded": near(25, 50, 1),
        "heavily occluded": near(0, 0, 1),
    }  # fmt: skip


def test_what_went_wrong(found: Assessment) -> None:
    errors = found.breakdown
    kinds = {kind: count for kind, count in errors.predictions.items() if count}
    assert kinds == {"found": 2, "duplicate": 1, "classification": 1}
    assert {kind: count for kind, count in errors.tracks.items() if count} == {"found": 2, "classification": 1}
    # p3 under the right name: kind 1 is found, false, found of two; kind 2 has nothing false any more.
    mended = (100 * (51 + 50 * 2 / 3) / 101 + 100) / 2
    assert errors.gains["classification"] == pytest.approx(mended - (KIND_1 + KIND_2) / 2)
    assert errors.gains["duplicate"] == errors.gains["missed"] == 0


def test_tracking(found: Assessment) -> None:
    tracking = found.tracking
    assert tracking is not None and tracking.overall is not None
    # Frames of kind 1: 10 hits, 6 of B missed, 10 of p2 false. Of kind 2: 4 hits, or none beyond 0.72; 6 of p3 false.
    first, second = sqrt(10 / 26), sqrt(4 / 10) * 14 / 19
    assert [tracking.by_category[k].hota for k in (1, 2)] == pytest.approx([100 * first, 100 * second])
    assert tracking.mean_hota == pytest.approx(50 * (first + second))
    assert tracking.overall.hota == pytest.approx(100 * (14 * sqrt(14 / 36) + 5 * sqrt(10 / 40)) / 19)
    assert tracking.overall.deta == pytest.approx(100 * (14 * 14 / 36 + 5 * 10 / 40) / 19)
    assert (tracking.overall.assa, tracking.overall.switches) == (pytest.approx(100), 0)
    assert tracking.overall.idf1 == pytest.approx(100 * 28 / (28 + 6 + 16))


def test_the_json_has_all_of_it(found: Assessment) -> None:
    text = as_json(found)
    assert set(text) == {
        *("stats", "mode", "predictions", "categories", "videos", "slices", "class_agnostic", "errors", "tracking")
    }
    assert json.loads(json.dumps(text, allow_nan=False)) == text
