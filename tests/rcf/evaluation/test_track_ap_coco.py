"""On one frame the evaluator is COCO's own, and files that the official evaluator has scored keep their score."""

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from rcf.data.annotations import Annotations, load_annotations
from rcf.evaluation.compat import Compat
from rcf.evaluation.matching import AREA_RANGES, IOU_THRESHOLDS
from rcf.evaluation.results import load_results
from rcf.evaluation.rules import Rules, Strict
from rcf.evaluation.statistics import STAT_NAMES
from rcf.evaluation.track_ap import evaluate
from rcf.structures import TrackPrediction


def first_frames(truth: Annotations, predictions: list[TrackPrediction]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The first frame of each video as COCO's files; ids from 1, because COCO takes 0 for "no match"."""
    images = [{"id": v.id, "height": v.height, "width": v.width} for v in truth.videos]
    objects = [
        {"id": n + 1, "image_id": t.video_id, "category_id": t.category_id, "iscrowd": 0, "area": t.areas[0],
         "segmentation": t.segmentations[0]}
        for n, t in enumerate(truth.tracks)
    ]  # fmt: skip
    results = [
        {"image_id": p.video_id, "category_id": p.category_id, "score": p.score, "segmentation": p.segmentations[0]}
        for p in predictions
    ]
    categories = [{"id": c.id, "name": c.name} for c in truth.categories]
    return {"images": images, "annotations": objects, "categories": categories}, results


def coco_stats(truth: dict[str, Any], results: list[dict[str, Any]]) -> list[float]:
    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO()
        known.dataset = truth
        known.createIndex()
        evaluation = COCOeval(known, known.loadRes(results), "segm")
        evaluation.params.iouThrs = IOU_THRESHOLDS
        evaluation.params.areaRng = [[low, high] for _, low, high in AREA_RANGES]
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [float(value) for value in evaluation.stats]


@pytest.mark.parametrize("make_rules", [Strict, Compat])
@pytest.mark.parametrize("seed", [4, 9, 14, 15, 19, 21, 27, 40])
def test_videos_of_one_frame_score_as_images_do_in_coco(
    seed: int, make_rules: Callable[[], Rules], make_case: Callable[[int], Any], make_annotations: Any, make_track: Any
) -> None:
    truth, predictions = make_case(seed)
    # COCO's rules for crowds differ, and it wants a mask everywhere: take what both have.
    tracks = [
        make_track(t.id, t.video_id, t.category_id, t.segmentations[:1]) for t in truth.tracks if t.segmentations[0]
    ]
    guesses = [
        TrackPrediction(p.video_id, p.category_id, p.score, p.segmentations[:1])
        for p in predictions
        if p.segmentations[0]
    ]
    still = make_annotations(tracks, {v.id: 1 for v in truth.videos}, [c.id for c in truth.categories])
    assert tracks and guesses
    wanted = coco_stats(*first_frames(still, guesses))
    found = evaluate(still, guesses, rules=make_rules()).stats
    for name, value in zip(STAT_NAMES, wanted, strict=True):
        assert found[name] == (None if value == -1 else pytest.approx(100 * value, abs=1e-9)), name


@pytest.mark.parametrize("make_rules", [Strict, Compat])
@pytest.mark.parametrize("case", ["crowds_and_ties", "many_guesses"])
def test_the_official_evaluators_numbers_are_kept(case: str, make_rules: Callable[[], Rules], repository: Path) -> None:
    folder = repository / "tests" / "golden" / "track_ap" / case
    truth = load_annotations(folder / "truth.json")
    found = evaluate(truth, load_results(folder / "results.json", truth), rules=make_rules()).stats
    wanted = json.loads((folder / "official.json").read_text())
    assert sum(value not in (None, 0, 100) for value in wanted.values()) >= 6
    assert found == {name: value if value is None else pytest.approx(value, abs=1e-9) for name, value in wanted.items()}


@pytest.mark.parametrize("name", ["davis-vis", "stamps-avis"])
def test_ground_truth_as_prediction_scores_100_on_real_video(name: str, shared_data: Path) -> None:
    truth = load_annotations(shared_data / name / "val" / "instances.json")
    guesses = [TrackPrediction(t.video_id, t.category_id, 0.9, t.segmentations) for t in truth.tracks]
    stats = evaluate(truth, guesses).stats
    assert stats["AP"] == pytest.approx(100, abs=1e-9) and stats["AR100"] == pytest.approx(100, abs=1e-9)
    assert {round(value, 6) for key, value in stats.items() if value is not None and key != "AR1"} == {100.0}
