"""Mask terms on some of the cells, or on coarser ones."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rcf.config import LossConfig
from rcf.loss.criterion import SetLoss
from rcf.loss.pixels import EveryPixel, RandomPoints, at_stride_4, pixel_choice
from rcf.structures import FrameTargets, Segmentation


def test_as_many_points_as_there_are_cells_are_all_cells(
    frame_of: Callable[..., FrameTargets], answer_of: Callable[..., Segmentation]
) -> None:
    frames, answer = [frame_of([0, 1]), frame_of([2], seed=1)], answer_of(2, 2, 4)
    every, points = (SetLoss(LossConfig(bce_weight=1.0, mask_points=count))(answer, frames).total for count in (0, 16))
    torch.testing.assert_close(points, every)


@given(height=st.integers(1, 9), width=st.integers(1, 9), count=st.integers(1, 50), factor=st.sampled_from([1, 2, 4]))
def test_points_are_unlike_cells_of_the_map_drawn_from_the_seed_alone(
    height: int, width: int, count: int, factor: int
) -> None:
    cells = -(-height // factor) * -(-width // factor)
    chosen, again = (RandomPoints(count, factor).at(height, width, 3).chosen for _ in range(2))
    assert chosen is not None
    assert chosen.tolist() == again.tolist()
    assert len(set(chosen.tolist())) == len(chosen) == min(count, cells)
    assert max(chosen.tolist()) < cells


def test_another_seed_draws_other_points() -> None:
    one, two = (RandomPoints(10).at(20, 20, seed).chosen for seed in (1, 2))
    assert one is not None
    assert one.tolist() != two.tolist()


def test_all_masks_of_a_step_are_looked_at_in_the_same_places() -> None:
    numbers = torch.arange(12.0).view(3, 4)
    cells = RandomPoints(5).at(3, 4, seed=0)
    stacked = cells.of(numbers.expand(2, 3, 3, 4))
    assert all(row.tolist() == cells.of(numbers[None])[0].tolist() for row in stacked.flatten(0, 1))


def test_a_coarser_stride_averages_by_hand() -> None:
    """3 x 5 cells by twos: the last row and column have less to average."""
    numbers = torch.arange(15.0).view(1, 3, 5)
    found = EveryPixel(2).at(3, 5, seed=0).of(numbers)[0]
    assert found.tolist() == [3.0, 5.0, 6.5, 10.5, 12.5, 14.0]


def test_points_of_a_coarser_stride_are_among_its_cells() -> None:
    numbers = torch.rand(1, 6, 8)
    coarse = EveryPixel(2).at(6, 8, seed=0).of(numbers)[0].tolist()
    assert sorted(RandomPoints(99, 2).at(6, 8, seed=0).of(numbers)[0].tolist()) == sorted(coarse)


def test_a_stride_of_four_changes_nothing() -> None:
    masks = torch.rand(2, 3, 5, 7)
    assert torch.equal(EveryPixel().at(5, 7, seed=0).of(masks), masks.flatten(-2))


def test_points_give_the_mean_over_all_cells_on_average(
    frame_of: Callable[..., FrameTargets], answer_of: Callable[..., Segmentation]
) -> None:
    """One query and one instance, so that no draw changes the matching."""
    answer, frames = answer_of(1, 1, 1), [frame_of([0])]
    every = SetLoss(LossConfig())(answer, frames).bce_term.item()
    loss = SetLoss(LossConfig(mask_points=4))
    drawn = [loss(answer, frames, seed=seed).bce_term.item() for seed in range(100)]
    spread = torch.tensor(drawn).std().item()
    assert spread > 0
    assert sum(drawn) / len(drawn) == pytest.approx(every, abs=4 * spread / 10)


@pytest.mark.parametrize("stride", [4, 8, 16])
@pytest.mark.parametrize("points", [0, 10])
def test_the_configuration_names_the_cells(stride: int, points: int) -> None:
    choice = pixel_choice(LossConfig.model_validate({"mask_stride": stride, "mask_points": points}))
    assert choice == (RandomPoints(points, stride // 4) if points else EveryPixel(stride // 4))


def test_ground_truth_at_stride_four_is_the_share_that_is_covered() -> None:
    masks = torch.zeros(1, 8, 8, dtype=torch.bool)
    masks[0, :4, :4] = True
    masks[0, 4, 4:] = True
    assert at_stride_4(masks, 2, 2).tolist() == [[[1.0, 0.0], [0.0, 0.25]]]


def test_a_frame_without_instances_has_no_masks_at_stride_four() -> None:
    assert at_stride_4(torch.zeros(0, 8, 8, dtype=torch.bool), 2, 2).shape == (0, 2, 2)
