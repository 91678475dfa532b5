"""Order counters and the secant constant, on cases that can be computed by hand."""

import pytest
import torch

from rcf.diagnostics.lipschitz import SecantMean, output_gaps, secant_ratios, window_gaps
from rcf.diagnostics.order import OrderCounter


def _square(column: int) -> torch.Tensor:
    mask = torch.zeros(1, 8, 16, dtype=torch.bool)
    mask[0, 2:6, column : column + 4] = True
    return mask


def _count(slots_by_frame: list[list[int]], columns: list[int]) -> OrderCounter:
    counter = OrderCounter()
    truth = torch.cat([_square(column) for column in columns])
    for slots in slots_by_frame:
        counter.add(torch.tensor(slots), truth, torch.arange(len(columns)) + 10, truth, torch.zeros(len(slots)).bool())
    return counter


def test_objects_that_stay_in_their_slots_are_fully_consistent() -> None:
    assert _count([[0, 3], [0, 3], [0, 3]], [0, 8]).metrics()["order/consistency_pct"] == 100.0


def test_a_swap_between_two_slots_counts_twice() -> None:
    counter = _count([[0, 3], [3, 0], [3, 0]], [0, 8])
    assert (counter.kept, counter.seen) == (2, 4)


def test_frames_of_different_videos_are_not_adjacent() -> None:
    both = OrderCounter()
    for slots in ([0, 3], [3, 0]):
        both.add_counts(_count([slots], [0, 8]))
    assert "order/consistency_pct" not in both.metrics()


def test_counts_of_videos_add_up() -> None:
    both = OrderCounter()
    for frames in ([[0, 3], [3, 0]], [[0, 3], [0, 3], [0, 3]]):
        both.add_counts(_count(frames, [0, 8]))
    assert both.metrics() == {"order/consistency_pct": pytest.approx(100 * 4 / 6), "order/override_pct": 0.0}


def test_an_object_that_is_not_found_does_not_count() -> None:
    counter = OrderCounter()
    for _ in range(2):
        counter.add(torch.tensor([1]), _square(12), torch.tensor([5]), _square(0), torch.zeros(1).bool())
    assert counter.seen == 0


def test_override_percentage_is_over_fired_slots_after_the_first_frame() -> None:
    counter = OrderCounter()
    truth = torch.cat([_square(0), _square(8)])
    for overridden in ([True, True], [True, False], [False, False]):
        counter.add(torch.tensor([0, 1]), truth, torch.tensor([1, 2]), truth, torch.tensor(overridden))
    assert counter.metrics()["order/override_pct"] == 25.0


@pytest.mark.parametrize("references", [0, 1, 3])
def test_window_gaps_equal_the_norm_between_stacked_windows(references: int) -> None:
    images = torch.randn(6, 3, 4, 5)
    stacked = [torch.stack([images[max(t - k, 0)] for k in range(references, -1, -1)]) for t in range(6)]
    expected = [(stacked[t].double() - stacked[t - 1].double()).norm().item() for t in range(1, 6)]
    assert window_gaps(images, references).tolist() == pytest.approx(expected, rel=1e-9)


def test_output_gap_of_one_sure_mask_pixel_that_appears() -> None:
    """sigmoid(-40) to sigmoid(40) in one pixel: a gap of 1."""
    classes, masks = torch.zeros(2, 1, 3), torch.full((2, 1, 2, 2), -40.0)
    masks[1, 0, 0, 0] = 40.0
    assert output_gaps(classes, masks).tolist() == pytest.approx([1.0], abs=1e-9)


def test_secant_is_output_gap_over_input_gap_and_skips_still_frames() -> None:
    secant = SecantMean()
    images = torch.zeros(3, 3, 2, 2)
    images[2] = 1.0
    classes, masks = torch.zeros(3, 1, 3), torch.full((3, 1, 1, 1), -40.0)
    masks[2] = 40.0
    secant.add(secant_ratios(images, classes, masks, references=0))
    assert secant.pairs == 1
    assert secant.metrics()["lipschitz/secant_mean"] == pytest.approx(1 / 12**0.5, rel=1e-9)


@pytest.mark.parametrize("references", [0, 2])
def test_a_video_of_one_frame_has_no_pairs(references: int) -> None:
    secant = SecantMean()
    secant.add(secant_ratios(torch.rand(1, 3, 4, 4), torch.zeros(1, 2, 3), torch.zeros(1, 2, 2, 2), references))
    assert secant.metrics() == {}
