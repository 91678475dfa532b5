"""The loss is equation 4 under the best assignment of equation 3."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rcf.config import LossConfig
from rcf.loss.criterion import SetLoss
from rcf.loss.matcher import FrameMatching, FrameToMatch, matching_cost
from rcf.loss.terms import dice, pairwise_dice, pairwise_pixel_cross_entropy, pixel_cross_entropy
from rcf.structures import FrameTargets, Segmentation


def _frame(labels: list[int], seed: int = 0, side: int = 16) -> FrameTargets:
    generator = torch.Generator().manual_seed(seed)
    masks = torch.rand(len(labels), side, side, generator=generator) > 0.5
    return FrameTargets(torch.tensor(labels, dtype=torch.int64), masks, torch.arange(len(labels)))


def _answer(layers: int, frames: int, queries: int, categories: int, seed: int = 0) -> Segmentation:
    generator = torch.Generator().manual_seed(seed)
    return Segmentation(
        torch.randn(layers, frames, queries, categories + 1, generator=generator),
        torch.randn(layers, frames, queries, 4, 4, generator=generator),
        torch.zeros(frames, queries, 2),
    )


@given(queries=st.integers(1, 5), instances=st.integers(0, 4), seed=st.integers(0, 99))
def test_matching_is_the_cheapest_of_all_one_to_one_assignments(queries: int, instances: int, seed: int) -> None:
    instances = min(instances, queries)
    answer = _answer(1, 1, queries, 3, seed)
    labels = torch.randint(0, 3, (instances,), generator=torch.Generator().manual_seed(seed))
    targets = torch.rand(instances, 16, generator=torch.Generator().manual_seed(seed + 1))
    masks = answer.masks[:, 0].flatten(2)
    cost = matching_cost(answer.classes[0, 0], masks[0], labels, targets, LossConfig())
    frame = FrameToMatch(answer.classes[:, 0], masks, labels, targets, torch.arange(instances))
    (found,) = FrameMatching(LossConfig())([frame])
    rows, columns = found.queries[0], found.instances[0]
    best = min(
        sum(cost[query, instance].item() for instance, query in enumerate(choice))
        for choice in itertools.permutations(range(queries), instances)
    )
    assert cost[rows, columns].sum().item() == pytest.approx(best, abs=1e-5)
    assert sorted(columns) == list(range(instances))


def test_a_perfect_answer_costs_next_to_nothing() -> None:
    frame = _frame([2, 0])
    cells = torch.nn.functional.avg_pool2d(frame.masks.float()[None], 4)[0].round()
    perfect = FrameTargets(frame.labels, cells.repeat_interleave(4, 1).repeat_interleave(4, 2) > 0.5, frame.tracks)
    classes = torch.full((1, 1, 3, 4), -30.0)
    classes[0, 0, [0, 1, 2], [0, 3, 2]] = 30.0
    masks = torch.full((1, 1, 3, 4, 4), -30.0)
    masks[0, 0, 2] += 60 * cells[0]
    masks[0, 0, 0] += 60 * cells[1]
    loss = SetLoss(LossConfig())(Segmentation(classes, masks, torch.zeros(1, 3, 2)), [perfect])
    assert loss.total.item() == pytest.approx(0.0, abs=1e-5)


def test_the_order_of_the_ground_truth_does_not_matter() -> None:
    answer, frame = _answer(2, 1, 5, 3), _frame([0, 1, 2])
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


def test_deep_supervision_adds_up_the_layers() -> None:
    answer, frame = _answer(1, 1, 4, 3), _frame([0, 2])
    twice = Segmentation(answer.classes.repeat(2, 1, 1, 1), answer.masks.repeat(2, 1, 1, 1, 1), answer.codes)
    one, two = (SetLoss(LossConfig())(given, [frame]).total.item() for given in (answer, twice))
    assert two == pytest.approx(2 * one, rel=1e-6)


def test_a_batch_without_instances_trains_the_empty_class_and_leaves_masks_alone() -> None:
    answer = _answer(2, 2, 3, 3)
    answer.classes.requires_grad_()
    answer.masks.requires_grad_()
    loss = SetLoss(LossConfig(bce_weight=1.0))(answer, [_frame([]), _frame([])])
    loss.total.backward()
    assert answer.classes.grad is not None
    assert answer.classes.grad.abs().sum() > 0
    assert answer.masks.grad is None or answer.masks.grad.abs().sum() == 0


def test_more_instances_than_queries_still_give_a_finite_loss() -> None:
    assert torch.isfinite(SetLoss(LossConfig())(_answer(1, 1, 2, 3), [_frame([0, 1, 2])]).total)


def test_pairwise_terms_equal_the_terms_pair_by_pair() -> None:
    logits, targets = torch.randn(3, 20), torch.rand(4, 20)
    for query, instance in itertools.product(range(3), range(4)):
        pair = logits[query : query + 1], targets[instance : instance + 1]
        assert pairwise_dice(logits, targets)[query, instance].item() == pytest.approx(dice(*pair).item(), abs=1e-6)
        assert pairwise_pixel_cross_entropy(logits, targets)[query, instance].item() == pytest.approx(
            pixel_cross_entropy(*pair).item(), abs=1e-5
        )
