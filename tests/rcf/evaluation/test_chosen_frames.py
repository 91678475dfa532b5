"""Scoring hard frames only, or all others."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from rcf.data.annotations import Annotations
from rcf.evaluation.chosen_frames import FrameChoice, frames_problems, restrict
from rcf.evaluation.track_ap import evaluate
from rcf.structures import TrackPrediction

HERE, THERE = (10, 10, 60, 60), (150, 150, 160, 160)
Truth = Callable[[dict[int, tuple[int, ...]]], Annotations]
Follows = Callable[..., TrackPrediction]


@pytest.fixture
def truth(make_annotations: Callable[..., Annotations], make_track: Any, make_rectangles: Any) -> Truth:
    """Hard frames by video -> two videos of three frames, one object in each."""

    def make(hard: dict[int, tuple[int, ...]]) -> Annotations:
        masks = make_rectangles([HERE] * 3)
        found = make_annotations([make_track(1, 7, 1, masks), make_track(2, 8, 1, masks)], {7: 3, 8: 3}, [1])
        return replace(found, videos=tuple(replace(v, hard_frames=hard.get(v.id)) for v in found.videos))

    return make


@pytest.fixture
def follows(make_rectangles: Any) -> Follows:
    """Video and a corner a frame -> a predicted track."""

    def make(video: int, *corners: tuple[int, int, int, int] | None) -> TrackPrediction:
        return TrackPrediction(video, 1, 0.9, make_rectangles(list(corners)))

    return make


def _ap(truth: Annotations, predictions: list[TrackPrediction], choice: FrameChoice) -> float | None:
    return evaluate(*restrict(truth, predictions, choice)).stats["AP"]


def test_an_object_that_is_lost_in_the_burst_counts_on_hard_frames_only(truth: Truth, follows: Follows) -> None:
    bursts = truth({7: (1,), 8: (2,)})
    lost = [follows(7, HERE, THERE, HERE), follows(8, HERE, HERE, THERE)]
    assert _ap(bursts, lost, "clear") == pytest.approx(100)
    assert _ap(bursts, lost, "hard") == 0
    assert 0 < (_ap(bursts, lost, "all") or 0) < 100


def test_a_video_without_a_hard_frame_does_not_count_on_hard_frames(truth: Truth, follows: Follows) -> None:
    kept, predictions = restrict(
        truth({7: (1,), 8: ()}), [follows(7, HERE, HERE, HERE), follows(8, HERE, HERE, HERE)], "hard"
    )
    assert [video.id for video in kept.videos] == [7]
    assert [found.id for found in kept.tracks] == [1]
    assert [found.video_id for found in predictions] == [7]


def test_a_track_that_says_nothing_on_the_chosen_frames_is_no_false_alarm(truth: Truth, follows: Follows) -> None:
    silent = follows(7, THERE, None, THERE)
    found = [follows(7, HERE, HERE, HERE), follows(8, HERE, HERE, HERE)]
    assert _ap(truth({7: (1,), 8: (1,)}), [silent, *found], "hard") == pytest.approx(100)


def test_a_track_keeps_its_score(truth: Truth, follows: Follows) -> None:
    _, (found,) = restrict(truth({7: (1,)}), [follows(7, HERE, HERE, HERE)], "hard")
    assert found.score == 0.9
    assert [mask is not None for mask in found.segmentations] == [False, True, False]


@pytest.mark.parametrize("seed", range(6))
def test_with_every_frame_hard_the_score_is_that_of_all_frames(seed: int, make_case: Any) -> None:
    annotations, predictions = make_case(seed)
    every = tuple(replace(video, hard_frames=tuple(range(video.length))) for video in annotations.videos)
    seen = [each for each in predictions if any(each.segmentations)]
    there = replace(annotations, tracks=tuple(each for each in annotations.tracks if any(each.segmentations)))
    hard = restrict(replace(annotations, videos=every), predictions, "hard")
    assert evaluate(*hard).stats == evaluate(there, seen).stats


def test_a_file_without_hard_frames_is_refused_by_name(truth: Truth) -> None:
    (problem,) = frames_problems(truth({}), "hard")
    assert "truth.json" in str(problem)
    assert "hard_frames" in str(problem)
    assert frames_problems(truth({}), "all") == []
    assert frames_problems(truth({7: (1,)}), "clear") == []
