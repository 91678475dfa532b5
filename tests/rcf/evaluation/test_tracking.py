"""Tracking measures come from TrackEval, and our own HOTA, which needs no OpenCV, equals it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcf.errors import InputError
from rcf.evaluation import tracking
from rcf.evaluation.compared import EVERYTHING, compare_video
from rcf.evaluation.hota import TrackedFrame, count_video, hota
from rcf.evaluation.rules import STRICT
from rcf.evaluation.track_ap import by_video
from rcf.evaluation.tracking import Tracking, TrackingOf, trackeval_metrics
from rcf.structures import TrackPrediction

Make = Callable[..., Any]
LEFT, RIGHT = (0, 0, 10, 10), (0, 15, 10, 25)


@pytest.fixture
def follow(make_annotations: Make, make_track: Make, make_rectangles: Make) -> Callable[..., Tracking]:
    """True corners of category 1, guesses of category, score and corners -> what TrackEval says."""

    def run(truth: list[Any], guesses: list[Any], crowd: tuple[int, ...] = (), least_score: float = 0.0) -> Tracking:
        tracks = [make_track(n, 1, 1, make_rectangles(c, 20, 30), n in crowd) for n, c in enumerate(truth, start=1)]
        annotations = make_annotations(tracks, {1: len(truth[0])}, [1, 2], (20, 30))
        predictions = [TrackPrediction(1, k, score, make_rectangles(c, 20, 30)) for k, score, c in guesses]
        gathered = TrackingOf(annotations, least_score)
        for video, mine in by_video(annotations):
            gathered.add(compare_video(video, mine, predictions, STRICT, EVERYTHING))
        return gathered.result()

    return run


def test_objects_that_are_followed_everywhere_score_100(follow: Make) -> None:
    found = follow([[LEFT] * 4, [RIGHT] * 4], [(1, 0.9, [LEFT] * 4), (1, 0.8, [RIGHT] * 4)])
    assert (found.overall.hota, found.overall.idf1, found.overall.switches) == (pytest.approx(100),) * 2 + (0,)
    assert found.mean_hota == pytest.approx(100)


def test_two_tracks_that_swap_objects_half_way_switch_twice(follow: Make) -> None:
    swapped = [(1, 0.9, [LEFT] * 2 + [RIGHT] * 2), (1, 0.8, [RIGHT] * 2 + [LEFT] * 2)]
    scores = follow([[LEFT] * 4, [RIGHT] * 4], swapped).overall
    assert (scores.switches, scores.idf1, scores.assa) == (2, pytest.approx(50), pytest.approx(100 / 3))


def test_a_false_track_of_low_score_costs_unless_it_is_left_out(follow: Make) -> None:
    guesses = [(1, 0.9, [LEFT] * 4), (1, 0.1, [RIGHT] * 4)]
    assert follow([[LEFT] * 4], guesses).overall.deta == pytest.approx(50)
    assert follow([[LEFT] * 4], guesses, least_score=0.5).overall.deta == pytest.approx(100)


def test_another_category_is_another_object(follow: Make) -> None:
    found = follow([[LEFT] * 4], [(2, 0.9, [LEFT] * 4)])
    assert set(found.by_category) == {1, 2} and found.overall.hota == 0 and found.mean_hota == 0


def test_crowds_are_left_out(follow: Make) -> None:
    assert follow([[LEFT] * 4, [RIGHT] * 4], [(1, 0.9, [LEFT] * 4)], crowd=(2,)).overall.hota == pytest.approx(100)


def test_without_any_object_there_is_no_score(follow: Make) -> None:
    found = follow([[None, None]], [])
    assert found.overall is None and found.by_category == {}


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(tracking, "import_module", absent)
    with pytest.raises(InputError, match=r"rcflab\[tracking\]"):
        trackeval_metrics()


@st.composite
def videos(draw: st.DrawFn) -> list[TrackedFrame]:
    """Objects and identities that come and go."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    some = st.lists(st.integers(0, 3), unique=True)
    names = [(draw(some), draw(some)) for _ in range(draw(st.integers(1, 5)))]
    return [TrackedFrame(g, p, rng.random((len(g), len(p))) ** 0.3) for g, p in names]


def as_sequence(frames: list[TrackedFrame]) -> dict[str, Any]:
    """TrackEval wants numbers without gaps."""
    sides: dict[str, Any] = {"num_timesteps": len(frames), "similarity_scores": [f.similarity for f in frames]}
    named = {"gt": [f.truth for f in frames], "tracker": [f.predicted for f in frames]}
    for side, lists in named.items():
        number = {name: n for n, name in enumerate(sorted({name for each in lists for name in each}))}
        sides[f"{side}_ids"] = [np.array([number[name] for name in each], int) for each in lists]
        sides[f"num_{side}_ids"] = len(number)
        sides[f"num_{side}_dets"] = sum(map(len, lists))
    return sides


@settings(deadline=None, max_examples=60)
@given(st.lists(videos(), min_size=1, max_size=3))
def test_our_own_hota_equals_trackevals(sequences: list[list[TrackedFrame]]) -> None:
    found = hota(count_video(frames) for frames in sequences)
    if found is None:
        return
    metric = trackeval_metrics()[0]
    results = {str(n): metric.eval_sequence(as_sequence(frames)) for n, frames in enumerate(sequences)}
    wanted = metric.combine_sequences(results)
    means = [100 * float(np.mean(wanted[name])) for name in ("HOTA", "DetA", "AssA")]
    assert [found.hota, found.deta, found.assa] == pytest.approx(means)
