"""The numbers that are logged, from sightings and gaps that are made by hand."""

from typing import Any

import pytest

from rcf.diagnostics.pair_gaps import MEASURES, PairGaps, SlotGaps
from rcf.diagnostics.result import OrderResult, VideoOrder
from rcf.diagnostics.sightings import Sighting


def seen(slots_by_frame: list[dict[int, int]]) -> tuple[Sighting, ...]:
    """Track -> slot, frame by frame."""
    return tuple(
        Sighting(frame, track, 0, slot, track, False, 0.1, (0.5, 0.5), False)
        for frame, slots in enumerate(slots_by_frame)
        for track, slot in slots.items()
    )


def pair(
    frame: int, output: float = 1.0, swap: float | None = 2.0, window: float = 4.0, own: float | None = 2.0
) -> PairGaps:
    gaps = SlotGaps(output, swap, swap, own, own)
    return PairGaps(frame, window, window, 2, dict.fromkeys(MEASURES, gaps))


def metrics(*videos: tuple[tuple[Sighting, ...], tuple[PairGaps, ...]], **counts: int) -> dict[str, float]:
    rest = counts.get("fired", 0), counts.get("overridden", 0)
    made = [VideoOrder(number, *video, *rest) for number, video in enumerate(videos)]
    return OrderResult(made).metrics()


def test_objects_that_stay_in_their_slots_are_fully_consistent() -> None:
    found = metrics((seen([{7: 0, 9: 3}] * 3), (pair(1), pair(2))))
    assert (found["order/consistency_pct"], found["order/changes_per_100"]) == (100.0, 0.0)


def test_a_swap_between_two_slots_is_two_objects_and_one_pair() -> None:
    found = metrics((seen([{7: 0, 9: 3}, {7: 3, 9: 0}, {7: 3, 9: 0}]), (pair(1), pair(2))))
    assert (found["order/consistency_pct"], found["order/changes_per_100"]) == (50.0, 50.0)


def test_frames_of_different_videos_are_not_adjacent_and_counts_of_videos_add_up() -> None:
    apart = metrics((seen([{7: 0}]), ()), (seen([{7: 3}]), ()))
    assert "order/consistency_pct" not in apart
    both = metrics((seen([{7: 0, 9: 3}, {7: 3, 9: 0}]), ()), (seen([{7: 0, 9: 3}] * 3), ()))
    assert both["order/consistency_pct"] == pytest.approx(100 * 4 / 6)


def test_a_return_after_a_gap_is_no_adjacent_step() -> None:
    assert "order/consistency_pct" not in metrics((seen([{7: 0}, {}, {7: 3}]), ()))


def test_overrides_are_a_share_of_the_fired_slots_and_judged_where_somebody_knows() -> None:
    first, then = seen([{7: 0, 9: 1}]), seen([{}, {7: 1, 9: 0}])
    overridden = tuple(Sighting(s.frame, s.track, 0, s.slot, s.track, True, 0.1, (0.5, 0.5), False) for s in then)
    wrong = Sighting(2, 7, 0, 1, 9, True, 0.1, (0.5, 0.5), False)
    found = metrics(((*first, *overridden, wrong), ()), fired=8, overridden=3)
    assert found["order/override_pct"] == pytest.approx(37.5)
    assert found["order/override_right_pct"] == pytest.approx(100 * 2 / 3)


def test_ratios_and_margins_are_of_the_pairs_that_have_them() -> None:
    still = pair(1, window=0.0)
    alone = pair(3, swap=None, own=None)
    found = metrics(((), (still, pair(2, output=1.0, swap=3.0), alone, pair(4, output=2.0, swap=1.0))))
    assert found["lipschitz/secant_mean"] == pytest.approx((0.25 + 0.25 + 0.5) / 3)
    assert found["lipschitz/secant_p95"] == pytest.approx(0.475)
    assert found["lipschitz/swap_ratio"] == pytest.approx(0.5)
    assert found["order/margin_positive_pct"] == pytest.approx(100 * 2 / 3)


def test_smoothness_is_judged_by_what_was_known_before() -> None:
    slots: list[dict[int, int]] = [{7: 0, 9: 1}, {7: 0, 9: 1}, {7: 1, 9: 0}, {7: 1, 9: 0}]
    # The second pair moves most for what the first one's secant was, and there the order changes.
    video = (seen(slots), (pair(1, output=1.0), pair(2, window=9.0), pair(3, window=1.0)))
    found = OrderResult([VideoOrder(0, *video, 0, 0)])
    rows = found.pairs
    assert [row.previous_secant for row in rows] == [None, 0.25, pytest.approx(1 / 9)]
    assert [row.smooth for row in rows] == [None, 2.25, pytest.approx(1 / 9)]
    assert [(row.kept, row.changed) for row in rows] == [(2, 0), (0, 2), (2, 0)]
    assert found.metrics()["order/auc"] == 1.0


@pytest.mark.parametrize("videos", [[], [((), ())], [(seen([{7: 0}]), ())]])
def test_what_was_never_counted_is_left_out(videos: list[Any]) -> None:
    assert metrics(*videos) == {}
