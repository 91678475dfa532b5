"""Predictors are compared on the same pairs; the argument is supported only where a smooth one beats both others."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from rcf.diagnostics.foretelling import CONTROL, foretell, places_to_judge
from rcf.diagnostics.pair_gaps import MEASURES, PairGaps, SlotGaps
from rcf.diagnostics.prediction import Judged, auc_gain
from rcf.diagnostics.result import OrderResult, VideoOrder
from rcf.diagnostics.sightings import Sighting

FRAMES = 6


def seen(slot_of_frame: Callable[[int], int]) -> tuple[Sighting, ...]:
    return tuple(Sighting(t, 7, 0, slot_of_frame(t), 7, False, 0.1, (0.5, 0.5), False) for t in range(FRAMES))


def gap(frame: int, own: float | None, overlap: float | None = 0.5) -> PairGaps:
    return PairGaps(frame, 1.0, 1.0, 2, dict.fromkeys(MEASURES, SlotGaps(1.0, 2.0, 2.0, own, own)), overlap)


def order(videos: int, broken: int = 3, own: Callable[[int], float | None] = lambda _: 2.0) -> OrderResult:
    """Videos whose only object changes its slot at frame `broken`; d_self by frame."""
    found = seen(lambda t: int(t >= broken))
    gaps = tuple(gap(t, own(t)) for t in range(1, FRAMES))
    return OrderResult([VideoOrder(number, found, gaps, 0, 0) for number in range(videos)])


def test_a_norm_that_is_large_before_every_change_supports_the_argument() -> None:
    result = order(20)
    norms = {(video, t): 9.0 if t == 2 else 1.0 for video in range(20) for t in range(FRAMES)}
    found = foretell(result, norms)
    assert found.areas["Jacobian at t-1"].value == 1.0
    assert found.areas["d_in"].value == found.areas["1 - mask IoU of the pair before"].value == 0.5
    assert found.support("Jacobian at t-1") == found.support("Jacobian at t-1", CONTROL) == "supported"
    assert {(gain.plain, gain.difference.value) for gain in found.gains if gain.smooth == "Jacobian at t-1"} == {
        ("d_in", 0.5), ("1 - mask IoU of the pair before", 0.5), ("one constant for all pairs", 0.5),
    }  # fmt: skip


def test_a_norm_that_says_nothing_does_not() -> None:
    found = foretell(order(20), {(video, t): 1.0 for video in range(20) for t in range(FRAMES)})
    assert found.areas["Jacobian at t-1"].value == 0.5
    assert found.support("Jacobian at t-1") == "undecided"


def test_a_norm_that_is_small_before_every_change_speaks_against_it() -> None:
    norms = {(video, t): 0.1 if t == 2 else 1.0 for video in range(20) for t in range(FRAMES)}
    assert foretell(order(20), norms).support("Jacobian at t-1") == "not supported"


def test_without_a_change_nothing_can_be_tested() -> None:
    found = foretell(order(3, broken=99), {})
    assert (dict(found.areas), found.gains) == ({}, ())
    assert found.support("Jacobian at t-1") == "not testable"


def test_only_pairs_with_every_score_count() -> None:
    # The first pair has none before it; with d_self unknown at frame 4 there is nothing to foretell there.
    result = order(2, own=lambda t: None if t == 4 else 2.0)
    assert foretell(result).pairs == 2 * 3
    assert foretell(result, {(0, 2): 1.0, (1, 1): 1.0}).pairs == 2


def test_jacobians_are_taken_before_all_changes_first_and_spread_over_the_rest() -> None:
    result = order(4)
    chosen = places_to_judge(result, 10)
    assert len(chosen) == len(set(chosen)) == 10
    assert {(video, 2) for video in range(4)} <= set(chosen), "frame t - 1 of every change at t = 3"
    assert places_to_judge(result, 10**6) == sorted((video, t - 1) for video in range(4) for t in range(2, FRAMES))
    few = places_to_judge(result, 4)
    assert len(few) == 4 and sum(t == 2 for _, t in few) == 2, "changes take no more than half"
    assert places_to_judge(result, 0) == []


def test_the_gain_has_the_interval_of_the_difference_and_not_of_two_areas() -> None:
    # Both scores are equally noisy over videos, and the same: the difference is known exactly.
    pairs = [Judged(v, float((v * 7 + t * 3) % 5), t == 1) for v in range(12) for t in range(4)]
    found = auc_gain(pairs, pairs)
    assert found is not None
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("rival", [[], [Judged(0, 1.0, False)], [Judged(1, 1.0, True)]])
def test_a_rival_of_other_pairs_is_refused(rival: list[Any]) -> None:
    with pytest.raises(ValueError, match="other pairs"):
        auc_gain([Judged(0, math.inf, True)], rival)
