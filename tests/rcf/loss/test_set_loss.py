"""The loss is equation 4 under the best assignment of equation 3."""

from collections.abc import Callable

import pytest
import torch

from rcf.config import LossConfig
from rcf.loss.criterion import SetLoss
from rcf.structures import FrameTargets, Segmentation

FrameOf = Callable[..., FrameTargets]
AnswerOf = Callable[..., Segmentation]


def test_a_perfect_answer_costs_next_to_nothing(frame_of: FrameOf) -> None:
    frame = frame_of([2, 0])
    cells = torch.nn.functional.avg_pool2d(frame.masks.float()[None], 4)[0].round()
    perfect = FrameTargets(frame.labels, cells.repeat_interleave(4, 1).repeat_interleave(4, 2) > 0.5, frame.tracks)
    classes = torch.full((1, 1, 3, 4), -30.0)
    classes[0, 0, [0, 1, 2], [0, 3, 2]] = 30.0
    masks = torch.full((1, 1, 3, 4, 4), -30.0)
    masks[0, 0, 2] += 60 * cells[0]
    masks[0, 0, 0] += 60 * cells[1]
    loss = SetLoss(LossConfig())(Segmentation(classes, masks, torch.zeros(1, 3, 2)), [perfect])
    assert loss.total.item() == pytest.approx(0.0, abs=1e-5)


def test_the_order_of_the_ground_truth_does_not_matter(frame_of: FrameOf, answer_of: AnswerOf) -> None:
    answer, frame = answer_of(2, 1, 5), frame_of([0, 1, 2])
    turned = FrameTargets(frame.labels.flip(0), frame.masks.flip(0), frame.tracks.flip(0))
    assert SetLoss(LossConfig())(answer, [frame]).total.item() == pytest.approx(
        SetLoss(LossConfig())(answer, [turned]).total.item(), abs=1e-6
    )


def test_equation_4_by_hand_for_one_query_and_one_instance() -> None:
    """Class: -log p, weights cancel. Dice: 1 - (2 overlap + 1) / (sums + 1) with p = 0.5 everywhere, mask all ones."""
    answer = Segmentation(torch.zeros(1, 1, 1, 4), torch.zeros(1, 1, 1, 4, 4), torch.zeros(1, 1, 2))
    frame = FrameTargets(torch.tensor([1]), torch.ones(1, 16, 16, dtype=torch.bool), torch.tensor([7]))
    loss = SetLoss(LossConfig())(answer, [frame])
    assert loss.class_term.item() == pytest.approx(torch.log(torch.tensor(4.0)).item(), abs=1e-6)
    assert loss.dice_term.item() == pytest.approx(1 - (2 * 8 + 1) / (8 + 16 + 1), abs=1e-6)


def test_deep_supervision_adds_up_the_layers(frame_of: FrameOf, answer_of: AnswerOf) -> None:
    answer, frame = answer_of(1, 1, 4), frame_of([0, 2])
    twice = Segmentation(answer.classes.repeat(2, 1, 1, 1), answer.masks.repeat(2, 1, 1, 1, 1), answer.codes)
    one, two = (SetLoss(LossConfig())(given, [frame]).total.item() for given in (answer, twice))
    assert two == pytest.approx(2 * one, rel=1e-6)


def test_the_logged_terms_are_those_of_the_last_layer(frame_of: FrameOf, answer_of: AnswerOf) -> None:
    answer, frame, loss = answer_of(3, 1, 4), frame_of([0, 2]), SetLoss(LossConfig())
    last = Segmentation(answer.classes[-1:], answer.masks[-1:], answer.codes)
    torch.testing.assert_close(loss(answer, [frame]).dice_term, loss(last, [frame]).dice_term)
    torch.testing.assert_close(loss(answer, [frame]).class_term, loss(last, [frame]).class_term)


def test_the_total_is_the_weighted_sum_of_the_terms(frame_of: FrameOf, answer_of: AnswerOf) -> None:
    """With equal matching, so one query and one instance."""
    config = LossConfig(class_weight=2.0, dice_weight=3.0, bce_weight=5.0, focal_weight=7.0)
    loss = SetLoss(config)(answer_of(1, 1, 1), [frame_of([1])])
    weighted = 2 * loss.class_term + 3 * loss.dice_term + 5 * loss.bce_term + 7 * loss.focal_term
    torch.testing.assert_close(loss.total, weighted)


def test_the_papers_loss_has_no_term_of_single_pixels(frame_of: FrameOf, answer_of: AnswerOf) -> None:
    loss = SetLoss(LossConfig())(answer_of(1, 1, 4), [frame_of([0, 1])])
    torch.testing.assert_close(loss.total, loss.class_term + loss.dice_term)


def test_a_batch_without_instances_trains_the_empty_class_and_leaves_masks_alone(
    frame_of: FrameOf, answer_of: AnswerOf
) -> None:
    answer = answer_of(2, 2, 3)
    answer.classes.requires_grad_()
    answer.masks.requires_grad_()
    loss = SetLoss(LossConfig(bce_weight=1.0))(answer, [frame_of([]), frame_of([])])
    loss.total.backward()
    assert answer.classes.grad is not None
    assert answer.classes.grad.abs().sum() > 0
    assert answer.masks.grad is not None
    assert answer.masks.grad.abs().sum() == 0


def test_more_instances_than_queries_still_give_a_finite_loss(frame_of: FrameOf, answer_of: AnswerOf) -> None:
    assert torch.isfinite(SetLoss(LossConfig())(answer_of(1, 1, 2), [frame_of([0, 1, 2])]).total)


def test_reduced_precision_is_added_up_in_full(frame_of: FrameOf, answer_of: AnswerOf) -> None:
    """Under autocast the answer comes in bfloat16; the loss differs by the rounding of the answer alone."""
    answer, frames = answer_of(2, 2, 4), [frame_of([0, 1]), frame_of([2])]
    short = Segmentation(answer.classes.bfloat16(), answer.masks.bfloat16(), answer.codes)
    rounded = Segmentation(short.classes.float(), short.masks.float(), answer.codes)
    loss = SetLoss(LossConfig(bce_weight=1.0, focal_weight=1.0))
    assert loss(short, frames).total.dtype is torch.float32
    torch.testing.assert_close(loss(short, frames).total, loss(rounded, frames).total)
