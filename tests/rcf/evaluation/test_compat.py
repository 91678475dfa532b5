"""Compat equals a slow reading of the official evaluator to the last bit, quirks included, and counts the quirks."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from rcf.data.annotations import Annotations, Category, Track, Video
from rcf.errors import InputError
from rcf.evaluation import compat, rle
from rcf.evaluation.compat import Compat
from rcf.evaluation.statistics import STAT_NAMES
from rcf.evaluation.track_ap import evaluate
from rcf.structures import Rle, TrackPrediction

Make = Callable[..., Any]
Case = tuple[Annotations, list[TrackPrediction]]
Reference = Callable[[Annotations, list[TrackPrediction]], dict[str, float | None]]
SIZE, OTHER = (12, 16), (6, 8)
FULL, HALF = (0, 0, 10, 10), (0, 0, 10, 6)


def mask(rng: np.random.Generator, base: np.ndarray, sizes: float) -> Rle | None:
    """Absent, without a pixel, of another size, or a shape near `base`."""
    what = rng.random()
    if what < 0.12:
        return None
    shape = OTHER if rng.random() < sizes else SIZE
    pixels = np.zeros((1, *shape), np.bool_)
    if what > 0.2:
        top, left, bottom, right = base + rng.integers(-1, 2, 4)
        pixels[0, max(0, top) : bottom, max(0, left) : right] = True
    return rle.encode(pixels)[0]


def masks(
    rng: np.random.Generator, base: np.ndarray, length: int, short: float, sizes: float
) -> tuple[Rle | None, ...]:
    """A list of masks, now and then shorter or longer than its video."""
    count = max(1, length + int(rng.integers(-2, 2))) if rng.random() < short else length
    return tuple(mask(rng, base, sizes) for _ in range(count))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Null masks, empty masks, ties, crowds, id 0, short lists, other sizes, classes without truth, no predictions."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    short, sizes = draw(st.sampled_from([0.0, 0.3])), draw(st.sampled_from([0.0, 0.1]))
    categories = [2, 5, 9][: draw(st.integers(1, 3))]
    lengths = {int(v): int(rng.integers(1, 5)) for v in rng.choice(20, draw(st.integers(1, 3)), replace=False)}
    many = draw(st.integers(0, 15)) == 0
    tracks: list[Track] = []
    predictions: list[TrackPrediction] = []
    for video, length in lengths.items():
        bases = [
            np.sort(rng.integers(0, 12, (2, 2)), axis=0).ravel() + np.array([0, 0, 2, 2])
            for _ in range(rng.integers(0, 4))
        ]
        for base in bases:
            category = int(rng.choice(categories[:2]))
            found = masks(rng, base, length, short, sizes)
            # Stated areas are taken as they are: here some lie beyond the borders of the area ranges.
            factor = float(rng.choice([1.0, 200.0, 700.0]))
            areas = tuple(None if m is None else factor * float(coco_mask.area(m)) + 0.1 for m in found)
            tracks.append(Track(len(tracks), video, category, bool(rng.random() < 0.15), found, areas))
        for _ in range(130 if many else int(rng.integers(0, 7))):
            base = bases[int(rng.integers(len(bases)))] if bases else np.array([2, 2, 6, 6])
            category = categories[0] if many else int(rng.choice(categories))
            score = float(np.round(rng.random(), draw(st.sampled_from([1, 6]))))
            predictions.append(TrackPrediction(video, category, score, masks(rng, base, length, short, sizes)))
    videos = tuple(Video(v, SIZE[1], SIZE[0], n, tuple(f"{v}/{i}.jpg" for i in range(n))) for v, n in lengths.items())
    known = tuple(Category(k, f"kind {k}") for k in categories)
    first = draw(st.integers(0, 1))  # with 0, one annotation has the id 0
    numbered = tuple(
        Track(t.id + first, t.video_id, t.category_id, t.iscrowd, t.segmentations, t.areas) for t in tracks
    )
    return Annotations(Path("truth.json"), videos, known, numbered), predictions


def ingredients(case: Case) -> set[str]:
    """What a case has of all that is to be drawn."""
    truth, predictions = case
    lengths = {video.id: video.length for video in truth.videos}
    lists = [*truth.tracks, *predictions]
    every = [mask for each in lists for mask in each.segmentations]
    groups = Counter((each.video_id, each.category_id) for each in predictions)
    scores = Counter((each.video_id, each.category_id, each.score) for each in predictions)
    has = {
        "null masks": None in every,
        "masks without a pixel": any(mask is not None and not coco_mask.area(mask) for mask in every),
        "ties": max(scores.values(), default=0) > 1,
        "crowds": any(track.iscrowd for track in truth.tracks),
        "id 0": any(track.id == 0 for track in truth.tracks),
        "short lists": any(len(each.segmentations) < lengths[each.video_id] for each in lists),
        "long lists": any(len(each.segmentations) > lengths[each.video_id] for each in lists),
        "other sizes": any(mask is not None and mask["size"] != list(SIZE) for mask in every),
        "more than 100 predictions": max(groups.values(), default=0) > 100,
        "categories without truth": len(truth.categories) > len({track.category_id for track in truth.tracks}),
        "no predictions": not predictions,
    }
    return {name for name, here in has.items() if here}


def test_the_cases_that_are_drawn_hold_what_they_promise() -> None:
    met: Counter[str] = Counter()

    @settings(max_examples=80, deadline=None, derandomize=True, phases=[Phase.generate])
    @given(cases())
    def look(case: Case) -> None:
        met.update(ingredients(case))

    look()
    assert set(met) == {
        *("null masks", "masks without a pixel", "ties", "crowds", "id 0", "short lists", "long lists", "other sizes"),
        *("more than 100 predictions", "categories without truth", "no predictions"),
    }


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a busy machine
@given(cases())
def test_all_twelve_numbers_equal_the_official_ones_bit_for_bit(reference: Reference, case: Case) -> None:
    truth, predictions = case
    wanted = reference(truth, predictions)
    found = evaluate(truth, predictions, rules=Compat()).stats
    assert list(found) == list(STAT_NAMES)
    assert found == wanted


def test_random_cases_of_usual_size_equal_the_official_numbers_bit_for_bit(
    reference: Reference, make_case: Callable[[int], Case]
) -> None:
    for seed in (1, 2, 5):
        truth, predictions = make_case(seed)
        assert evaluate(truth, predictions, rules=Compat()).stats == reference(truth, predictions)


@pytest.fixture
def score(make_annotations: Make, make_track: Make, make_rectangles: Make) -> Callable[..., tuple[float, Counter[str]]]:
    """One true track of category 1 in video 1 with 2 frames of 20 x 30, one guess -> AP50, what was met."""

    def run(guess: tuple[Rle | None, ...], number: int = 1, points: float = 0.9) -> tuple[float, Counter[str]]:
        tracks = [make_track(number, 1, 1, make_rectangles([FULL, FULL], 20, 30))]
        rules = Compat()
        found = evaluate(make_annotations(tracks, {1: 2}, [1], (20, 30)), [TrackPrediction(1, 1, points, guess)],
                         rules=rules)  # fmt: skip
        value = found.stats["AP50"]
        assert value is not None
        return value, +rules.quirks

    return run


def test_a_short_list_inflates_iou_and_is_counted(score: Make, make_rectangles: Make) -> None:
    # Over both frames the IoU would be 60 / 200; the official code sees the first frame only: 60 / 100.
    assert score(make_rectangles([HALF], 20, 30)) == (pytest.approx(100), Counter({compat.SHORT: 1}))


def test_a_frame_whose_masks_differ_in_size_counts_on_neither_side(score: Make, make_rectangles: Make) -> None:
    guess = (*make_rectangles([FULL], 20, 30), *make_rectangles([FULL], 40, 60))
    assert score(guess) == (pytest.approx(100), Counter({compat.SIZES: 1}))


def test_where_all_masks_differ_in_size_nothing_is_found(score: Make, make_rectangles: Make) -> None:
    found = score(make_rectangles([FULL, FULL], 40, 60))
    assert found == (0, Counter({compat.SIZES: 2, compat.NO_UNION: 1}))


def test_whoever_finds_annotation_0_is_a_false_positive(score: Make, make_rectangles: Make) -> None:
    assert score(make_rectangles([FULL, FULL], 20, 30), number=0) == (0, Counter({compat.POISON: 1}))


def test_a_score_that_is_no_number_ranks_last(score: Make, make_rectangles: Make) -> None:
    found = score(make_rectangles([FULL, FULL], 20, 30), points=float("nan"))
    assert found == (pytest.approx(100), Counter({compat.NOT_A_NUMBER: 1}))


def test_a_sound_file_meets_no_quirk(score: Make, make_rectangles: Make) -> None:
    assert score(make_rectangles([FULL, None], 20, 30)) == (pytest.approx(100), Counter())


def test_strict_refuses_each_of_these_at_once(make_annotations: Make, make_track: Make, make_rectangles: Make) -> None:
    tracks = [make_track(0, 1, 1, make_rectangles([FULL, FULL], 20, 30))]
    truth = make_annotations(tracks, {1: 2}, [1], (20, 30))
    guesses = [
        TrackPrediction(1, 1, 0.5, make_rectangles([FULL], 20, 30)),
        TrackPrediction(1, 1, 0.5, make_rectangles([FULL, FULL], 40, 60)),
        TrackPrediction(1, 1, float("nan"), make_rectangles([FULL, FULL], 20, 30)),
    ]
    with pytest.raises(InputError) as caught:
        evaluate(truth, guesses)
    assert [problem.place for problem in caught.value.problems] == ["/annotations/0/id"]
    sound = make_annotations([make_track(1, 1, 1, tracks[0].segmentations)], {1: 2}, [1], (20, 30))
    with pytest.raises(InputError) as caught:
        evaluate(sound, guesses)
    places = [problem.place for problem in caught.value.problems]
    assert places == ["/0/segmentations", "/1/segmentations/0/size", "/1/segmentations/1/size", "/2/score"]


def test_a_video_that_is_not_there_is_an_error_in_the_official_code_too(score: Make, make_annotations: Make) -> None:
    with pytest.raises(InputError, match="video_id"):
        evaluate(make_annotations([], {1: 2}, [1]), [TrackPrediction(7, 1, 0.5, (None, None))], rules=Compat())
