"""A step's loss is the sum over its parts with the whole's counts: what accumulation and many processes stand on."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rcf.config import LossConfig
from rcf.loss.criterion import Loss, Normaliser, SetLoss
from rcf.structures import FrameTargets, Segmentation

_CONFIGS = {
    "paper": LossConfig(),
    "all terms": LossConfig(class_weight=2.0, dice_weight=3.0, bce_weight=0.5, focal_weight=20.0, empty_weight=0.3),
    "points": LossConfig(bce_weight=1.0, mask_points=7),
    "coarse": LossConfig(bce_weight=1.0, mask_stride=8),
    "order": LossConfig(order_supervision=True, matching="product"),
}
_NAMES = ("total", "class_term", "dice_term", "bce_term", "focal_term")
_LABELS = [[0, 1], [1], [], [2, 0, 1], [], []]


def _part(answer: Segmentation, part: slice) -> Segmentation:
    return Segmentation(answer.classes[:, part], answer.masks[:, part], answer.codes[part])


def _terms(loss: Loss) -> torch.Tensor:
    return torch.stack([getattr(loss, name) for name in _NAMES])


@pytest.fixture(params=_CONFIGS)
def config(request: pytest.FixtureRequest) -> LossConfig:
    return _CONFIGS[request.param]


@pytest.fixture
def frames(frame_of: Callable[..., FrameTargets]) -> list[FrameTargets]:
    """Some with instances, some without."""
    return [frame_of(labels, seed) for seed, labels in enumerate(_LABELS)]


def _whole(frames: list[FrameTargets], config: LossConfig) -> Normaliser:
    return Normaliser.of(frames, 4, config.empty_weight)


@pytest.mark.parametrize("size", [2, 4])
def test_every_term_is_the_sum_of_those_of_the_parts(
    config: LossConfig, frames: list[FrameTargets], answer_of: Callable[..., Segmentation], size: int
) -> None:
    answer, loss = answer_of(2, len(frames), 4), SetLoss(config)
    together = loss(answer, frames, seed=5)
    parts = [slice(first, first + size) for first in range(0, len(frames), size)]
    apart = [loss(_part(answer, part), frames[part], _whole(frames, config), seed=5) for part in parts]
    torch.testing.assert_close(sum(_terms(each) for each in apart), _terms(together), atol=1e-6, rtol=1e-5)


def test_the_gradient_is_the_sum_of_those_of_the_parts(
    config: LossConfig, frames: list[FrameTargets], answer_of: Callable[..., Segmentation]
) -> None:
    loss, gradients = SetLoss(config), []
    for parts in ([slice(0, 6)], [slice(0, 2), slice(2, 6)]):
        whole = answer_of(2, len(frames), 4)
        whole.masks.requires_grad_()
        whole.classes.requires_grad_()
        for part in parts:
            loss(_part(whole, part), frames[part], _whole(frames, config), seed=5).total.backward()
        gradients.append((whole.masks.grad, whole.classes.grad))
    for one, two in zip(*gradients, strict=True):
        torch.testing.assert_close(one, two, atol=1e-7, rtol=1e-5)


@given(counts=st.lists(st.integers(0, 9), min_size=1, max_size=6), cut=st.integers(0, 6))
def test_counts_of_parts_add_up(frame_of: Callable[..., FrameTargets], counts: list[int], cut: int) -> None:
    frames = [frame_of([0] * count) for count in counts]
    whole, *parts = (Normaliser.of(each, 5, 0.1) for each in (frames, frames[:cut], frames[cut:]))
    assert whole.instances == sum(part.instances for part in parts)
    assert whole.class_weight == pytest.approx(sum(part.class_weight for part in parts))


def test_the_class_term_is_torchs_weighted_cross_entropy_over_all_slots(
    frames: list[FrameTargets], answer_of: Callable[..., Segmentation]
) -> None:
    """One slot a frame is right with the only instance; the others want the empty class."""
    few, answer = [frames[1], frames[2]], answer_of(1, 2, 4)
    wanted = torch.full((2, 4), 3)
    loss = SetLoss(LossConfig(empty_weight=0.2))(answer, few)
    weights = torch.tensor([1.0, 1.0, 1.0, 0.2])
    possible = []
    for query in range(4):
        wanted[0] = 3
        wanted[0, query] = few[0].labels[0]
        possible.append(
            torch.nn.functional.cross_entropy(answer.classes.flatten(0, 2), wanted.flatten(), weights).item()
        )
    assert any(loss.class_term.item() == pytest.approx(value, abs=1e-6) for value in possible)


def test_the_mask_terms_are_divided_by_the_number_of_instances(
    frame_of: Callable[..., FrameTargets], answer_of: Callable[..., Segmentation]
) -> None:
    """The same frame twice has twice the instances and twice the sum."""
    once, answer = frame_of([0, 1]), answer_of(1, 1, 4)
    twice = Segmentation(
        answer.classes.repeat(1, 2, 1, 1),
        answer.masks.repeat(1, 2, 1, 1, 1),
        answer.codes.repeat(2, 1, 1),
    )
    loss = SetLoss(LossConfig(bce_weight=1.0))
    torch.testing.assert_close(_terms(loss(twice, [once, once])), _terms(loss(answer, [once])))


@pytest.mark.parametrize("labels", [[[], []], [[], [], [], []]], ids=["two frames", "four frames"])
def test_parts_without_instances_cost_their_empty_slots_alone(
    config: LossConfig,
    frame_of: Callable[..., FrameTargets],
    answer_of: Callable[..., Segmentation],
    labels: list[list[int]],
) -> None:
    loss = SetLoss(config)(answer_of(2, len(labels), 4), [frame_of(each) for each in labels])
    assert loss.total.isfinite()
    assert [loss.dice_term.item(), loss.bce_term.item(), loss.focal_term.item()] == [0, 0, 0]


def test_objects_left_without_a_query_still_count_so_that_a_crowd_is_not_cheap(
    frame_of: Callable[..., FrameTargets], answer_of: Callable[..., Segmentation]
) -> None:
    """Six instances, four queries: four Dice terms divided by six."""
    loss = SetLoss(LossConfig())(answer_of(1, 1, 4), [frame_of([0] * 6)])
    assert Normaliser.of([frame_of([0] * 6)], 4, 0.1) == Normaliser(6.0, 4.0)
    assert 0 < loss.dice_term.item() < 4 / 6
