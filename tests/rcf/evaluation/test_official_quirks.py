"""The peculiarities of the official evaluator one by one, numbered as in docs/evaluation.md, with values by hand.

Each scene is scored by `compat` and by the slow reference, which must agree to the last bit, and then looked at.
That no matplotlib is imported (19) is a matter of tests/architecture/test_light_imports.py.
"""

import copy
import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rcf.data.annotations import Annotations, Track, load_annotations
from rcf.evaluation import compat
from rcf.evaluation.assessment import Asked, assess
from rcf.evaluation.bulk_runs import Counts
from rcf.evaluation.compat import Compat
from rcf.evaluation.matching import IOU_THRESHOLDS
from rcf.evaluation.results import write_results
from rcf.evaluation.results_file import ResultsFile
from rcf.evaluation.track_ap import evaluate
from rcf.structures import Rle, TrackPrediction

Make = Callable[..., Any]
Stats = dict[str, float | None]
Corners = tuple[int, int, int, int] | None
Scored = Callable[..., tuple[Stats, Counter[str]]]
SIZE = (20, 30)
FULL, HALF, OTHER, NOTHING = (0, 0, 10, 10), (0, 0, 10, 5), (10, 15, 20, 25), (0, 0, 0, 0)
"""100, 50, 100 and no pixels."""
ALL = pytest.approx(100)


@pytest.fixture
def scored(reference: Make, make_annotations: Make) -> Scored:
    """Tracks and predictions of video 1 and of categories 1, 2 -> numbers, quirks."""

    def run(tracks: Sequence[Track], predictions: Sequence[TrackPrediction], frames: int = 2) -> Any:
        rules, truth = Compat(), make_annotations(tracks, {1: frames}, [1, 2], SIZE)
        stats = evaluate(truth, predictions, rules=rules).stats
        assert stats == reference(truth, list(predictions))
        return stats, +rules.quirks - Counter({compat.NO_TRUTH: 1})  # category 2, where it has no track

    return run


@pytest.fixture
def true(make_track: Make, make_rectangles: Make) -> Callable[..., Track]:
    """Corners, number, crowd -> a track of category 1."""

    def run(corners: Sequence[Corners], number: int = 1, crowd: bool = False) -> Any:
        return make_track(number, 1, 1, make_rectangles(corners, *SIZE), crowd)

    return run


@pytest.fixture
def guess(make_rectangles: Make) -> Callable[..., TrackPrediction]:
    """Corners, score, category -> a prediction."""

    def run(corners: Sequence[Corners], score: float = 0.5, category: int = 1) -> TrackPrediction:
        return TrackPrediction(1, category, score, make_rectangles(corners, *SIZE))

    return run


def test_1_the_grid_of_thresholds_has_ten_values_with_numpy_of_today() -> None:
    assert IOU_THRESHOLDS.tolist() == np.linspace(0.5, 0.95, 10).tolist()


def test_2_predictions_are_taken_as_a_list_or_a_tuple(scored: Scored, true: Make, guess: Make) -> None:
    tracks, found = [true([FULL, FULL])], guess([FULL, FULL])
    assert scored(tracks, [found]) == scored(tracks, (found,)) and scored(tracks, [found])[0]["AP"] == ALL


def test_3_no_prediction_at_all_is_0_and_counted(scored: Scored, true: Make) -> None:
    stats, met = scored([true([FULL, FULL])], [])
    assert (stats["AP"], stats["AR100"], stats["AP_large"], met) == (0, 0, None, Counter({compat.NOTHING: 1}))


@pytest.fixture
def file_with(tmp_path: Path) -> Callable[..., Annotations]:
    """Annotation 1 covers the left of a frame, with these fields -> the file, read."""

    def run(**fields: Any) -> Annotations:
        video = {"id": 1, "width": 30, "height": 20, "length": 1, "file_names": ["a/0.jpg"]}
        mask = {"size": [20, 30], "counts": [0, *[10, 10] * 9, 10, 410]}
        row = {"id": 1, "video_id": 1, "category_id": 1, "segmentations": [mask], "areas": [100], **fields}
        path = tmp_path / "truth.json"
        file = {"videos": [video], "categories": [{"id": 1, "name": "boat"}], "annotations": [row]}
        path.write_text(json.dumps(file))
        return load_annotations(path)

    return run


def test_4_annotations_without_iscrowd_are_no_crowds(file_with: Make, reference: Make, guess: Make) -> None:
    truth = file_with()
    found = evaluate(truth, [guess([FULL])], rules=Compat()).stats
    assert found["AP"] == ALL and found == reference(truth, [guess([FULL])])


def test_5_iou_is_that_of_sums_over_frames_and_not_a_mean_of_ious(scored: Scored, true: Make, guess: Make) -> None:
    # 100 / (100 + 20): found at 0.5 .. 0.8. The mean over frames would be 1/2: found at 0.5 alone.
    stats, _ = scored([true([FULL, None])], [guess([FULL, (0, 0, 5, 4)])])
    assert stats["AP"] == pytest.approx(70)


def test_6_a_mask_without_a_pixel_is_as_good_as_none(scored: Scored, true: Make, guess: Make) -> None:
    with_empty = scored([true([FULL, NOTHING])], [guess([HALF, NOTHING])])
    assert with_empty == scored([true([FULL, None])], [guess([HALF, None])])
    assert with_empty[0]["AP"] == pytest.approx(10)


def test_7_frames_beyond_the_shorter_list_are_forgotten(scored: Scored, true: Make, guess: Make) -> None:
    # Whole: 50 / 200. The first frame alone: 50 / 100.
    short = {compat.SHORT: 1}
    stats, met = scored([true([FULL, FULL])], [guess([HALF])])
    assert (stats["AP50"], met) == (ALL, short)
    stats, met = scored([true([FULL])], [guess([HALF, OTHER])])
    assert (stats["AP50"], met) == (ALL, short)


def test_8_a_frame_of_two_sizes_counts_on_neither_side(
    scored: Scored, true: Make, guess: Make, make_rectangles: Make
) -> None:
    mixed = (*guess([HALF]).segmentations, *make_rectangles([FULL], 40, 60))
    stats, met = scored([true([FULL, FULL])], [TrackPrediction(1, 1, 0.5, mixed)])
    assert stats["AP50"] == ALL and met == Counter({compat.SIZES: 1})


def test_8_where_no_pixel_is_left_in_any_frame_the_iou_is_0(scored: Scored, true: Make, guess: Make) -> None:
    stats, met = scored([true([None, NOTHING])], [guess([NOTHING, None])])
    assert stats["AP"] == 0 and met == Counter({compat.NO_UNION: 1})


def test_8_a_mask_of_another_size_alone_in_its_frame_counts_in_full(
    scored: Scored, true: Make, guess: Make, make_rectangles: Make
) -> None:
    alone = (*guess([FULL]).segmentations, *make_rectangles([(0, 0, 11, 10)], 40, 60))
    stats, _ = scored([true([FULL, None])], [TrackPrediction(1, 1, 0.5, alone)])
    assert stats["AP50"] == 0  # 100 / 210


def test_9_a_crowd_is_ignored_with_the_usual_iou_and_may_be_found_again(
    scored: Scored, true: Make, guess: Make
) -> None:
    crowd, other = true([FULL, FULL], crowd=True), true([OTHER, OTHER], 2)
    hits = [guess([FULL, FULL], 0.9), guess([FULL, FULL], 0.8), guess([OTHER, OTHER], 0.7)]
    assert scored([crowd, other], hits)[0]["AP"] == ALL
    # 40 of 100 pixels: COCO would take 40 / 40 with a crowd; here it is a false positive before the hit.
    part = guess([(0, 0, 10, 4)] * 2, 0.9)
    assert scored([crowd, other], [part, hits[2]])[0]["AP"] == pytest.approx(50)


def test_9_a_given_ignore_is_overwritten(file_with: Make, guess: Make) -> None:
    assert evaluate(file_with(ignore=1, iscrowd=0), [guess([FULL])], rules=Compat()).stats["AP"] == ALL


def test_10_whoever_finds_annotation_0_is_false_and_takes_it_all_the_same(
    scored: Scored, true: Make, guess: Make
) -> None:
    # The better guess finds id 0 and counts as false; id 1 is found by the next: precision 1/2 to a recall of 1/2.
    hits = [guess([FULL, FULL], 0.9), guess([OTHER, OTHER], 0.8)]
    stats, met = scored([true([FULL, FULL], 0), true([OTHER, OTHER], 1)], hits)
    assert stats["AP"] == pytest.approx(100 * 0.5 * 51 / 101) and met == Counter({compat.POISON: 1})


def test_11_areas_of_tracks_are_as_stated_and_of_predictions_as_counted(
    scored: Scored, true: Make, guess: Make
) -> None:
    track = true([FULL, FULL])
    stated = Track(1, 1, 1, False, track.segmentations, (0.0, 20000.0))  # a mean of 20000: the 0 is left out
    stats, _ = scored([stated], [guess([FULL, FULL])])
    assert (stats["AP_small"], stats["AP_medium"], stats["AP_large"]) == (None, ALL, None)
    # A guess of 100 pixels that finds nothing is ignored among medium ones, and false among all.
    stats, _ = scored([stated], [guess([OTHER, OTHER], 0.9), guess([FULL, FULL])])
    assert (stats["AP"], stats["AP_medium"]) == (pytest.approx(50), ALL)


def test_12_the_best_1_10_and_100_count_and_equal_scores_stay_in_the_order_of_the_file(
    scored: Scored, true: Make, guess: Make
) -> None:
    wrong, right, track = guess([OTHER, OTHER]), guess([FULL, FULL]), true([FULL, FULL])
    names = ("AR1", "AR10", "AR100")
    for before, missed in ((0, 0), (1, 1), (9, 1), (10, 2), (99, 2)):
        stats, met = scored([track], [wrong] * before + [right])
        assert [stats[name] for name in names] == [0.0] * missed + [100.0] * (3 - missed) and not met
    stats, met = scored([track], [wrong] * 100 + [right])
    assert (stats["AR100"], met) == (0, Counter({compat.MANY: 1}))


def test_13_of_two_equal_ious_the_later_track_is_taken(scored: Scored, true: Make, guess: Make) -> None:
    # Two equal tracks; the crowd among them comes last, so a first guess takes the regular one and a second the crowd.
    twins = [true([FULL, FULL], 1, crowd=True), true([FULL, FULL], 2)]
    assert scored(twins, [guess([FULL, FULL], 0.9), guess([FULL, FULL], 0.8)])[0]["AP"] == ALL
    # IoU of the first guess with both: 100 / 150. The later is taken. The second guess, of 130 / 150 with that and of
    # 80 / 200 with the other, finds none.
    wide = true([(0, 0, 10, 15)] * 2, 1), true([(0, 5, 10, 20)] * 2, 2)
    middle, later = guess([(0, 5, 10, 15)] * 2, 0.9), guess([(0, 7, 10, 20)] * 2, 0.8)
    assert scored(wide, [middle, later])[0]["AP50"] == pytest.approx(100 * 51 / 101)
    assert scored(wide[::-1], [middle, later])[0]["AP50"] == ALL


def test_13_a_regular_track_is_not_left_for_an_ignored_one_of_higher_iou(
    scored: Scored, true: Make, guess: Make
) -> None:
    tracks = [true([FULL, FULL], 1), true([(0, 0, 10, 7)] * 2, 2, crowd=True)]
    assert scored(tracks, [guess([(0, 0, 10, 7)] * 2)])[0]["AP50"] == ALL


def test_14_precision_is_the_best_at_this_recall_or_beyond_and_0_where_none_is_reached(
    scored: Scored, true: Make, guess: Make
) -> None:
    # False, found, found of three tracks: precisions 0, 1/2, 2/3; so 2/3 up to a recall of 2/3 (67 points), then 0.
    spots = [(0, 0, 5, 5), (0, 10, 5, 15), (0, 20, 5, 25)]
    tracks = [true([spot] * 2, number) for number, spot in enumerate(spots, 1)]
    guesses = [guess([OTHER] * 2, 0.9), guess([spots[0]] * 2, 0.8), guess([spots[1]] * 2, 0.7)]
    assert scored(tracks, guesses)[0]["AP"] == pytest.approx(100 * 2 / 3 * 67 / 101)


def test_15_categories_without_a_true_track_are_left_out_and_counted(
    make_annotations: Make, true: Make, guess: Make, reference: Make, tmp_path: Path
) -> None:
    truth = make_annotations([true([FULL, FULL])], {1: 2}, [1, 2, 3], SIZE)
    guesses = [guess([FULL, FULL]), guess([OTHER, OTHER], 0.9, 2)]
    rules = Compat()
    found = evaluate(truth, guesses, rules=rules).stats
    assert found == reference(truth, guesses) and found["AP"] == ALL and +rules.quirks == {compat.NO_TRUTH: 2}
    write_results(tmp_path / "results.json", guesses)
    rules = Compat()
    with ResultsFile(tmp_path / "results.json", truth, rules) as file:
        assess(truth, file, rules, Asked(tracking=False))
    assert rules.quirks[compat.NO_TRUTH] == 2  # and not that of the one category of the class-agnostic numbers


def test_16_the_thresholds_of_ap50_and_ap75_are_found_by_equality(scored: Scored, true: Make, guess: Make) -> None:
    assert (IOU_THRESHOLDS == 0.5).sum() == (IOU_THRESHOLDS == 0.75).sum() == 1
    stats, _ = scored([true([FULL, FULL])], [guess([HALF, HALF])])  # 0.5 to the bit
    assert (stats["AP50"], stats["AP75"], stats["AP"]) == (ALL, 0, pytest.approx(10))


def test_17_nothing_that_is_handed_in_changes(make_annotations: Make, true: Make, guess: Make, tmp_path: Path) -> None:
    truth = make_annotations([true([FULL, FULL])], {1: 2}, [1, 2], SIZE)
    guesses = [guess([FULL, HALF])]
    before = copy.deepcopy((truth, guesses))
    write_results(tmp_path / "results.json", guesses)
    rules = Compat()
    with ResultsFile(tmp_path / "results.json", truth, rules) as file:
        first, again = (assess(truth, file, rules, Asked(tracking=False)) for _ in range(2))  # class-agnostic too
    assert first.stats == again.stats == evaluate(truth, guesses, rules=Compat()).stats
    assert (truth, guesses) == before


def test_18_masks_are_decoded_once_and_not_once_a_pair(
    scored: Scored, true: Make, guess: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rcf.evaluation import overlap

    decoded = list[int]()
    plain = overlap.decode_joined

    def counting(counts: Counts, size: int) -> Any:
        decoded.append(counts.stops.size)
        return plain(counts, size)

    monkeypatch.setattr(overlap, "decode_joined", counting)
    scored([true([FULL, FULL], number) for number in range(1, 6)], [guess([FULL, FULL])] * 7)
    assert sum(decoded) == 2 * (5 + 7)


def test_what_python_takes_for_false_is_no_mask(tmp_path: Path, make_annotations: Make, true: Make) -> None:
    truth = make_annotations([true([FULL, FULL])], {1: 2}, [1], SIZE)
    mask: Rle | None = truth.tracks[0].segmentations[0]
    row = {"video_id": 1, "category_id": 1, "score": 0.5}
    for number, absent in enumerate((None, {}, [], 0, "", False)):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps([{**row, "segmentations": [mask, absent]}]))
        with ResultsFile(path, truth, Compat()) as file:
            assert file.of(1)[0].segmentations == (mask, None)


def test_a_prediction_of_an_unknown_category_is_left_out(scored: Scored, true: Make, guess: Make) -> None:
    stats, met = scored([true([FULL, FULL])], [guess([FULL, FULL], 0.9, 7), guess([FULL, FULL])])
    assert (stats["AP"], stats["AR1"], met) == (ALL, ALL, {compat.UNKNOWN: 1})
