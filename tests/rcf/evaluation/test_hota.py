"""HOTA of cases that can be counted by hand, and against the paper's formulas written down plainly."""

from collections import Counter
from collections.abc import Sequence
from itertools import permutations
from math import sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcf.evaluation.hota import ALPHAS, HotaCounts, TrackedFrame, count_video, hota

A, B, C = 7, 9, 4
"""True tracks."""


def frame(
    shown: dict[int, int], missed: Sequence[int] = (), false: Sequence[int] = (), iou: float = 1.0
) -> TrackedFrame:
    """True track -> identity whose mask has this IoU with it; tracks that nothing shows, masks that show nothing."""
    truth, predicted = [*shown, *missed], [*shown.values(), *false]
    similarity = np.zeros((len(truth), len(predicted)))
    np.fill_diagonal(similarity[: len(shown), : len(shown)], iou)
    return TrackedFrame(truth, predicted, similarity)


def scores(*videos: Sequence[TrackedFrame]) -> tuple[float, float, float]:
    found = hota(count_video(frames) for frames in videos)
    assert found is not None
    return found.hota, found.deta, found.assa


def near(total: float, deta: float, assa: float) -> Any:
    return pytest.approx((100 * total, 100 * deta, 100 * assa))


def test_objects_that_are_found_and_followed_everywhere_score_100() -> None:
    assert scores([frame({A: 1, B: 2})] * 3) == near(1, 1, 1)


def test_an_identity_that_switches_half_way_halves_association() -> None:
    """Of four frames two are matched with each identity: 2 / (4 + 2 - 2)."""
    assert scores([frame({A: 1})] * 2 + [frame({A: 2})] * 2) == near(sqrt(0.5), 1, 0.5)


def test_two_objects_that_exchange_their_identities_half_way_have_a_third_of_association() -> None:
    """Each pair is matched in two frames of the six in which either of the two is there: 2 / (4 + 4 - 2)."""
    assert scores([frame({A: 1, B: 2})] * 2 + [frame({A: 2, B: 1})] * 2) == near(sqrt(1 / 3), 1, 1 / 3)


def test_a_switch_late_in_a_video_costs_less_than_one_half_way() -> None:
    """Three frames of four: (3 * 3 / 4 + 1 * 1 / 4) / 4."""
    assert scores([frame({A: 1})] * 3 + [frame({A: 2})]) == near(sqrt(0.625), 1, 0.625)


def test_a_frame_in_which_an_object_is_missed_costs_detection_and_association() -> None:
    assert scores([frame({A: 1})] * 3 + [frame({}, missed=[A])]) == near(0.75, 0.75, 0.75)


def test_false_objects_cost_detection_alone() -> None:
    assert scores([frame({A: 1})] * 2 + [frame({A: 1}, false=[2])] * 2) == near(sqrt(4 / 6), 4 / 6, 1)


def test_an_identity_that_also_shows_something_false_costs_association_too() -> None:
    frames = [frame({A: 1})] * 2 + [frame({}, missed=[A], false=[1])] * 2
    assert scores(frames) == near(1 / 3, 2 / 6, 2 / 6)


def test_two_masks_on_one_object_are_one_hit() -> None:
    both = TrackedFrame([A], [1, 2], np.array([[0.9, 1.0]]))
    assert count_video([both]).hits.tolist() == [1.0] * 19


@pytest.mark.parametrize(("iou", "passed"), [(0.05, 1), (0.5, 10), (0.15, 3), (0.62, 12), (0.95, 19), (0.04, 0)])
def test_a_mask_counts_at_the_thresholds_that_its_iou_reaches(iou: float, passed: int) -> None:
    assert scores([frame({A: 1}, iou=iou)] * 2) == near(passed / 19, passed / 19, passed / 19)


def test_the_track_as_a_whole_decides_which_mask_is_matched_not_the_frame() -> None:
    """In the last frame a mask of a moment fits better than that which followed the object with an IoU of 0.8."""
    last = TrackedFrame([A], [1, 2], np.array([[0.8, 1.0]]))
    found = scores([frame({A: 1}, iou=0.8)] * 9 + [last])
    assert found == near(16 / 19 * sqrt(10 / 11), 16 / 19 * 10 / 11, 16 / 19)


def test_counts_add_up_over_videos_so_that_long_ones_weigh_more() -> None:
    assert scores([frame({A: 1})], [frame({}, missed=[A])] * 8) == near(1 / 3, 1 / 9, 1)


def test_one_number_in_two_videos_is_two_identities() -> None:
    assert scores([frame({A: 1})], [frame({B: 1})]) == near(1, 1, 1)


def test_where_nothing_is_found_or_nothing_was_there_all_scores_are_0() -> None:
    assert scores([frame({}, missed=[A])]) == scores([frame({}, false=[1])]) == (0, 0, 0)


@pytest.mark.parametrize("videos", [[], [[]], [[frame({})], [frame({})] * 2]])
def test_without_any_object_there_is_no_score(videos: list[list[TrackedFrame]]) -> None:
    assert hota(count_video(frames) for frames in videos) is None


@pytest.mark.parametrize(
    ("truth", "predicted", "similarity", "fault"),
    [
        ([A], [1, 2], [[1.0]], r"shape \(1, 1\), expected \(1, 2\)"),
        ([A], [1], [[1.5]], "outside 0..1"),
        ([A], [1], [[float("nan")]], "outside 0..1"),
        ([A, A], [1], [[1.0], [0.0]], r"truth: got \[7, 7\]"),
        ([A], [1, 1], [[1.0, 0.0]], r"predicted: got \[1, 1\]"),
    ],
)
def test_what_cannot_be_a_frame_is_refused(
    truth: list[int], predicted: list[int], similarity: list[list[float]], fault: str
) -> None:
    with pytest.raises(ValueError, match=fault):
        TrackedFrame(truth, predicted, np.array(similarity))


@st.composite
def random_videos(draw: st.DrawFn) -> list[TrackedFrame]:
    """Up to three objects and three identities that come and go; no two IoU are equal, so no matching is tied."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    some = st.lists(st.sampled_from([A, B, C]), unique=True)
    names = [(draw(some), draw(some)) for _ in range(draw(st.integers(0, 5)))]
    return [
        TrackedFrame(truth, predicted, rng.random((len(truth), len(predicted))) ** draw(st.sampled_from([0.2, 1.0])))
        for truth, predicted in names
    ]


Pair = tuple[int, int]


class Plain:
    """One video by the formulas of the paper (section 5, equations 3 to 8), with loops and all matchings tried."""

    def __init__(self, frames: Sequence[TrackedFrame]) -> None:
        self.frames = frames
        self.true = Counter(track for frame in frames for track in frame.truth)
        self.shown = Counter(identity for frame in frames for identity in frame.predicted)
        overlap: Counter[Pair] = Counter()
        for each in frames:
            for (g, track), (p, identity) in self._pairs(each):
                either = each.similarity[g].sum() + each.similarity[:, p].sum() - each.similarity[g, p]
                overlap[track, identity] += each.similarity[g, p] / either
        self.alignment = {pair: shared / self._either(pair, shared) for pair, shared in overlap.items()}
        self.matchings = [self._best(each) for each in frames]

    def _either(self, pair: Pair, shared: float) -> float:
        return self.true[pair[0]] + self.shown[pair[1]] - shared

    @staticmethod
    def _pairs(each: TrackedFrame) -> list[tuple[tuple[int, int], tuple[int, int]]]:
        return [(g, p) for g in enumerate(each.truth) for p in enumerate(each.predicted)]

    def _best(self, each: TrackedFrame) -> list[tuple[Pair, float]]:
        """Pairs of track and identity with their IoU, of the matching with the greatest sum of alignment x IoU."""
        count = max(len(each.truth), len(each.predicted))
        found: list[list[tuple[Pair, float]]] = []
        for order in permutations(range(count)):
            places = [(g, order[g]) for g in range(len(each.truth)) if order[g] < len(each.predicted)]
            found.append([((each.truth[g], each.predicted[p]), float(each.similarity[g, p])) for g, p in places])
        return max(found, key=lambda pairs: sum(self.alignment[pair] * iou for pair, iou in pairs))

    def at(self, alpha: float) -> tuple[int, int, float]:
        """Hits, TP + FN + FP, and the sum of A over the hits."""
        hits = Counter(pair for matching in self.matchings for pair, iou in matching if iou >= alpha)
        association = sum(count * count / self._either(pair, count) for pair, count in hits.items())
        total = sum(hits.values())
        return total, sum(self.true.values()) + sum(self.shown.values()) - total, association


@given(st.lists(random_videos(), max_size=3))
def test_equals_the_formulas_of_the_paper_written_plainly(videos: list[list[TrackedFrame]]) -> None:
    plain = [Plain(frames) for frames in videos]
    found = hota(count_video(frames) for frames in videos)
    if found is None:
        assert not any(each.true or each.shown for each in plain)
        return
    wanted: list[tuple[float, float, float]] = []
    for alpha in ALPHAS.tolist():
        hits, either, association = (sum(parts) for parts in zip(*(each.at(alpha) for each in plain), strict=True))
        wanted.append((sqrt(association / either), hits / either, association / max(1, hits)))
    means = [sum(column) / len(ALPHAS) for column in zip(*wanted, strict=True)]
    assert (found.hota, found.deta, found.assa) == near(*means)


@given(random_videos())
def test_every_score_lies_within_0_and_100_and_between_its_parts(frames: list[TrackedFrame]) -> None:
    found = hota([count_video(frames)])
    if found is not None:
        assert 0 <= found.deta <= 100 and 0 <= found.assa <= 100
        assert found.hota <= sqrt(found.deta * found.assa) + 1e-9, "Cauchy and Schwarz"


@given(random_videos(), st.permutations([A, B, C]))
def test_what_tracks_and_identities_are_called_does_not_matter(frames: list[TrackedFrame], names: list[int]) -> None:
    name = dict(zip([A, B, C], names, strict=True))
    other = [
        TrackedFrame([-name[g] for g in each.truth], [1000 + name[p] for p in each.predicted], each.similarity)
        for each in frames
    ]
    assert hota([count_video(other)]) == hota([count_video(frames)])


def _truth(each: TrackedFrame) -> Sequence[int]:
    return each.truth


def _predicted(each: TrackedFrame) -> Sequence[int]:
    return each.predicted


@given(random_videos())
def test_only_what_is_perfect_scores_100(frames: list[TrackedFrame]) -> None:
    found = hota([count_video(frames)])
    names = [{name for each in frames for name in side(each)} for side in (_truth, _predicted)]
    imperfect = len(names[0]) != len(names[1]) or any(
        len(each.truth) != len(each.predicted) or (each.similarity.max(1, initial=0) < ALPHAS[-1]).any()
        for each in frames
    )
    if found is not None and imperfect:
        assert found.hota < 100


@given(random_videos(), st.integers(1, 4))
def test_a_data_set_that_is_there_several_times_scores_the_same(frames: list[TrackedFrame], times: int) -> None:
    once, often = hota([count_video(frames)]), hota([count_video(frames)] * times)
    assert (once is None) == (often is None)
    if once is not None and often is not None:
        assert (often.hota, often.deta, often.assa) == pytest.approx((once.hota, once.deta, once.assa))


def test_counts_of_a_video_are_those_of_its_masks() -> None:
    counts: HotaCounts = count_video([frame({A: 1}, missed=[B], iou=0.62), frame({A: 2}, false=[5, 6])])
    assert (counts.truth, counts.predicted) == (3, 4)
    assert counts.hits.tolist() == [2.0] * 12 + [1.0] * 7
