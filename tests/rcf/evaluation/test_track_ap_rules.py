"""One rule of the official evaluator a test, with numbers worked out by hand."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from rcf.data.annotations import Annotations
from rcf.errors import InputError
from rcf.evaluation.track_ap import evaluate
from rcf.structures import Rle, TrackPrediction

Make = Callable[..., Any]
FULL = (0, 0, 10, 10)
"""100 pixels."""


@pytest.fixture
def score(make_annotations: Make, make_track: Make, make_rectangles: Make) -> Callable[..., dict[str, float | None]]:
    """(true corners of each track, (score, corners) of each guess) in one video and category -> numbers."""

    def numbers(
        truth: Sequence[Sequence[Any]], guesses: Sequence[tuple[float, Sequence[Any]]], crowd: Sequence[bool] = ()
    ) -> dict[str, float | None]:
        length = len(truth[0])
        flags = [*crowd, *[False] * len(truth)]
        tracks = [make_track(i + 1, 1, 1, make_rectangles(corners), flags[i]) for i, corners in enumerate(truth)]
        predictions = [TrackPrediction(1, 1, s, make_rectangles(corners)) for s, corners in guesses]
        return dict(evaluate(make_annotations(tracks, {1: length}, [1]), predictions).stats)

    return numbers


def test_overlap_is_the_sum_of_intersections_over_the_sum_of_unions(score: Make) -> None:
    # Frame 1: 100 of 100 pixels. Frame 2: 40 of 100. 140 / 200 = 0.7: found at 0.5 .. 0.7, five of ten thresholds.
    stats = score([[FULL, FULL]], [(0.9, [FULL, (0, 0, 10, 4)])])
    assert (stats["AP50"], stats["AP75"], stats["AP"]) == (pytest.approx(100), 0, pytest.approx(50))


def test_a_frame_that_only_one_side_sees_adds_to_the_union(score: Make) -> None:
    # 100 shared, 100 seen by the truth alone, 25 by the guess alone: 100 / 225 < 0.5.
    assert score([[FULL, FULL, None]], [(0.9, [FULL, None, (0, 0, 5, 5)])])["AP"] == 0
    assert score([[FULL, FULL, None]], [(0.9, [FULL, None, None])])["AP50"] == pytest.approx(100)


def test_a_mask_without_a_pixel_counts_like_an_absent_one(score: Make) -> None:
    assert score([[FULL, (0, 0, 0, 0)]], [(0.9, [FULL, None])])["AP"] == pytest.approx(100)
    assert score([[FULL, None]], [(0.9, [FULL, (3, 3, 3, 3)])])["AP"] == pytest.approx(100)


def test_a_false_positive_before_the_hit_halves_precision(score: Make) -> None:
    stats = score([[FULL]], [(0.9, [(50, 50, 60, 60)]), (0.8, [FULL])])
    assert (stats["AP"], stats["AR1"], stats["AR10"]) == (pytest.approx(50), 0, 100)


def test_half_of_the_tracks_found_gives_51_of_101_recall_points(score: Make) -> None:
    stats = score([[FULL], [(50, 50, 60, 60)]], [(0.9, [FULL])])
    assert stats["AP"] == pytest.approx(100 * 51 / 101, abs=1e-9)


def test_a_second_guess_of_a_found_track_is_a_false_positive(score: Make) -> None:
    # Hits at ranks 1 and 3: precision 1 up to recall 1/2 (51 points), 2/3 beyond (50 points).
    stats = score([[FULL], [(50, 50, 60, 60)]], [(0.9, [FULL]), (0.8, [FULL]), (0.7, [(50, 50, 60, 60)])])
    assert stats["AP"] == pytest.approx(100 * (51 + 50 * 2 / 3) / 101, abs=1e-9)


def test_a_guess_takes_the_later_of_two_equal_tracks_and_leaves_the_other(score: Make) -> None:
    stats = score([[FULL], [FULL]], [(0.9, [FULL]), (0.8, [FULL])])
    assert stats["AP"] == pytest.approx(100)


def test_a_crowd_swallows_any_number_of_guesses(score: Make) -> None:
    guesses = [(0.9, [FULL]), (0.8, [FULL]), (0.7, [(50, 50, 60, 60)])]
    stats = score([[FULL], [(50, 50, 60, 60)]], guesses, crowd=[True, False])
    assert (stats["AP"], stats["AR1"], stats["AR10"]) == (pytest.approx(100), 0, 100)


def test_areas_of_exactly_128_squared_belong_to_small_and_medium(score: Make) -> None:
    square = (0, 0, 128, 128)
    stats = score([[square]], [(0.9, [square])])
    assert (stats["AP_small"], stats["AP_medium"], stats["AP_large"]) == (pytest.approx(100), pytest.approx(100), None)


def test_areas_are_means_over_the_frames_with_pixels(score: Make) -> None:
    # (40000 + 0 + nothing) / 1 is medium, whereas / 3 would be small.
    corners = [(0, 0, 200, 200), (0, 0, 0, 0), None]
    stats = score([corners], [(0.9, corners)])
    assert (stats["AP_small"], stats["AP_medium"]) == (None, pytest.approx(100))


def test_an_unmatched_guess_of_another_area_is_no_false_positive(score: Make) -> None:
    stats = score([[FULL]], [(0.9, [(50, 50, 250, 250)]), (0.8, [FULL])])
    assert (stats["AP"], stats["AP_small"]) == (pytest.approx(50), pytest.approx(100))


def test_no_prediction_is_zero_where_there_is_ground_truth_and_none_elsewhere(score: Make) -> None:
    stats = score([[FULL]], [])
    assert (stats["AP"], stats["AR100"], stats["AP_small"], stats["AP_large"], stats["AR_large"]) == (
        0,
        0,
        0,
        None,
        None,
    )


def test_without_any_track_there_are_no_numbers(make_annotations: Make, make_rectangles: Make) -> None:
    guess = TrackPrediction(1, 1, 0.5, make_rectangles([FULL]))
    assert set(evaluate(make_annotations([], {1: 1}, [1]), [guess]).stats.values()) == {None}


def test_a_category_without_tracks_is_left_out_of_the_mean(
    make_annotations: Make, make_track: Make, make_rectangles: Make
) -> None:
    masks = make_rectangles([FULL])
    truth = make_annotations([make_track(1, 1, 7, masks)], {1: 1}, [3, 7])
    predictions = [TrackPrediction(1, 3, 0.9, masks), TrackPrediction(1, 7, 0.5, masks)]
    assert evaluate(truth, predictions).stats["AP"] == pytest.approx(100)


def test_the_101st_guess_of_a_category_is_not_looked_at(score: Make) -> None:
    wrong = [(0.9, [(50, 50, 60, 60)])]
    assert score([[FULL]], wrong * 99 + [(0.1, [FULL])])["AR100"] == 100
    assert score([[FULL]], wrong * 100 + [(0.1, [FULL])])["AR100"] == 0


def test_all_faults_of_predictions_are_told_at_once(
    make_annotations: Make, make_track: Make, make_rectangles: Make
) -> None:
    truth: Annotations = make_annotations([make_track(1, 1, 1, make_rectangles([FULL, FULL]))], {1: 2}, [1])
    good = make_rectangles([FULL])[0]
    other = make_rectangles([FULL], 64, 96)[0]
    cut = Rle(size=good["size"], counts=good["counts"][:-2])
    predictions = [
        TrackPrediction(9, 1, 0.5, (good, good)),
        TrackPrediction(1, 5, float("nan"), (good,)),
        TrackPrediction(1, 1, 0.5, (other, cut)),
    ]
    with pytest.raises(InputError) as caught:
        evaluate(truth, predictions)
    assert [problem.place for problem in caught.value.problems] == [
        *("/0/video_id", "/1/score", "/1/category_id", "/1/segmentations"),
        *("/2/segmentations/0/size", "/2/segmentations/1/counts"),
    ]


def test_corrupt_counts_alone_are_found_as_well(
    make_annotations: Make, make_track: Make, make_rectangles: Make
) -> None:
    truth = make_annotations([make_track(1, 1, 1, make_rectangles([FULL]))], {1: 1}, [1])
    size = [truth.videos[0].height, truth.videos[0].width]
    with pytest.raises(InputError, match="/0/segmentations/0/counts: got corrupt counts"):
        evaluate(truth, [TrackPrediction(1, 1, 0.5, (Rle(size=size, counts="a~"),))])
