"""What went wrong: each kind on a case where only one answer is right; what mending gains."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from rcf.evaluation.breakdown import KINDS, Breakdown, BreakdownOf, judge
from rcf.evaluation.compared import EVERYTHING, ComparedVideo, compare_video
from rcf.evaluation.rules import STRICT
from rcf.evaluation.track_ap import by_video, evaluate
from rcf.structures import TrackPrediction

Make = Callable[..., Any]
Corners = tuple[int, int, int, int] | None
LEFT, RIGHT, FAR = (0, 0, 10, 10), (0, 15, 10, 25), (12, 0, 20, 10)
PART, SLIVER = (0, 0, 10, 4), (0, 0, 10, 2)
"""40 and 20 of the 100 pixels of LEFT."""


@pytest.fixture
def look(make_annotations: Make, make_track: Make, make_rectangles: Make) -> Callable[..., tuple[list[str], Breakdown]]:
    """(category, corners) of true tracks, (category, corners) of guesses, the best first -> kinds, the whole."""

    def run(
        truth: Sequence[tuple[int, Sequence[Corners]]],
        guesses: Sequence[tuple[int, Sequence[Corners]]],
        crowd: Sequence[int] = (),
    ) -> tuple[list[str], Breakdown]:
        tracks = [
            make_track(n, 1, category, make_rectangles(corners, 20, 30), n in crowd)
            for n, (category, corners) in enumerate(truth, start=1)
        ]
        annotations = make_annotations(tracks, {1: len(truth[0][1])}, [1, 2], (20, 30))
        predictions = [
            TrackPrediction(1, category, 0.9 - 0.1 * place, make_rectangles(corners, 20, 30))
            for place, (category, corners) in enumerate(guesses)
        ]
        ((video, mine),) = by_video(annotations)
        compared: ComparedVideo = compare_video(video, mine, predictions, STRICT, EVERYTHING)
        gathered = BreakdownOf(annotations)
        gathered.add(compared)
        kinds = [kind for kind, _ in judge(compared)]
        result = gathered.result()
        assert result.ap50 == pytest.approx(evaluate(annotations, predictions).stats["AP50"])
        return [kinds[list(compared.places).index(place)] for place in range(len(guesses))], result

    return run


FOUR = [LEFT] * 4


def test_a_second_track_on_a_found_object_is_a_duplicate(look: Make) -> None:
    kinds, found = look([(1, FOUR)], [(1, FOUR), (1, FOUR)])
    assert kinds == ["found", "duplicate"] and found.tracks["found"] == 1 and found.gains["duplicate"] == 0


def test_a_duplicate_that_stands_before_a_hit_costs_what_its_absence_gains(look: Make) -> None:
    # Hits at ranks 1 and 3: precision 1 to recall 1/2 (51 points), then 2/3 (50 points); without it 1 everywhere.
    _, found = look([(1, FOUR), (1, [RIGHT] * 4)], [(1, FOUR), (1, FOUR), (1, [RIGHT] * 4)])
    assert found.gains["duplicate"] == pytest.approx(100 * 50 / 3 / 101)


def test_a_right_mask_under_another_name_is_a_fault_of_classification(look: Make) -> None:
    kinds, found = look([(1, FOUR)], [(2, FOUR)])
    assert kinds == ["classification"] and found.tracks["classification"] == 1 and found.tracks["missed"] == 0
    assert found.gains["classification"] == pytest.approx(100)


def test_a_mask_of_too_low_an_iou_at_the_right_place_is_a_fault_of_the_mask(look: Make) -> None:
    kinds, found = look([(1, FOUR)], [(1, [PART] * 4)])
    assert kinds == ["mask"] and found.tracks["mask"] == 1 and found.gains["mask"] == pytest.approx(100)


def test_the_same_under_another_name_is_both(look: Make) -> None:
    assert look([(1, FOUR)], [(2, [SLIVER] * 4)])[0] == ["class and mask"]


def test_where_no_object_is_there_is_background_and_the_object_is_missed(look: Make) -> None:
    kinds, found = look([(1, FOUR)], [(1, [FAR] * 4)])
    assert kinds == ["background"] and found.tracks["missed"] == 1
    assert found.gains["background"] == 0


def test_a_track_that_goes_over_to_another_object_has_lost_its_identity(look: Make) -> None:
    truth = [(1, [LEFT] * 6), (1, [RIGHT] * 6)]
    kinds, found = look(truth, [(1, [LEFT] * 3 + [RIGHT] * 3)])
    assert kinds == ["identity"] and found.tracks["identity"] == 1 and found.tracks["missed"] == 1


def test_an_object_that_is_split_into_several_tracks_is_a_fault_of_identity(look: Make) -> None:
    thirds = [[LEFT if frame // 2 == part else None for frame in range(6)] for part in range(3)]
    kinds, found = look([(1, [LEFT] * 6)], [(1, third) for third in thirds])
    assert kinds == ["identity"] * 3 and found.tracks["identity"] == 1
    assert found.gains["identity"] == pytest.approx(100)


def test_a_track_that_ends_early_and_that_nobody_carries_on_is_no_fault_of_identity(look: Make) -> None:
    assert look([(1, [LEFT] * 6)], [(1, [LEFT, LEFT, None, None, None, None])])[0] == ["mask"]


def test_a_crowd_swallows_predictions_and_is_no_track_that_counts(look: Make) -> None:
    kinds, found = look([(1, FOUR), (1, [RIGHT] * 4)], [(1, FOUR), (1, FOUR)], crowd=[1])
    assert kinds == ["ignored"] * 2 and sum(found.tracks.values()) == 1


def test_every_prediction_and_every_true_track_is_counted_once(make_case: Callable[[int], Any]) -> None:
    for seed in range(6):
        truth, predictions = make_case(seed)
        gathered, kept = BreakdownOf(truth), 0
        for video, tracks in by_video(truth):
            mine = [p for p in predictions if p.video_id == video.id]
            compared = compare_video(video, tracks, mine, STRICT, EVERYTHING)
            gathered.add(compared)
            kept += len(compared.predictions)
        found = gathered.result()
        assert set(found.predictions) == set(KINDS) and sum(found.predictions.values()) == kept
        assert sum(found.tracks.values()) == sum(not track.iscrowd for track in truth.tracks)
        assert found.tracks["found"] == found.predictions["found"]
        wanted = evaluate(truth, predictions).stats["AP50"]
        assert found.ap50 == (None if wanted is None else pytest.approx(wanted))


def test_what_is_missed_or_stands_where_nothing_is_costs_what_hand_and_paper_say(look: Make) -> None:
    # False, found of two tracks: precision 1/2 to a recall of 1/2 (51 of 101 points).
    truth, guesses = [(1, FOUR), (1, [RIGHT] * 4)], [(1, [FAR] * 4), (1, FOUR)]
    kinds, found = look(truth, guesses)
    assert kinds == ["background", "found"] and found.tracks["missed"] == 1
    assert found.gains["background"] == pytest.approx(100 * 51 / 101 * (1 - 1 / 2))
    assert found.gains["missed"] == pytest.approx(100 * (1 - 51 / 101) / 2)
