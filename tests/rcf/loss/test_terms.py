"""Each term of the loss against another way of computing it."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torchvision.ops import sigmoid_focal_loss

from rcf.loss.terms import (
    dice,
    focal,
    pairwise_dice,
    pairwise_focal,
    pairwise_pixel_cross_entropy,
    pixel_cross_entropy,
)

_PAIRS = [
    (dice, pairwise_dice),
    (pixel_cross_entropy, pairwise_pixel_cross_entropy),
    (focal, pairwise_focal),
]


def _drawn(count: int, seed: int, cells: int = 20) -> Tensor:
    return torch.randn(count, cells, generator=torch.Generator().manual_seed(seed))


def test_focal_is_that_of_torchvision_averaged_over_the_pixels() -> None:
    logits, targets = 4 * _drawn(5, 0), (_drawn(5, 1) > 0).float()
    torch.testing.assert_close(focal(logits, targets), sigmoid_focal_loss(logits, targets).mean(-1))


def test_a_cell_covered_in_part_costs_the_mean_of_its_pixels() -> None:
    logits, ones = _drawn(1, 0), torch.ones(1, 20)
    parts = [term * share for term, share in ((focal(logits, ones), 0.25), (focal(logits, 0 * ones), 0.75))]
    torch.testing.assert_close(focal(logits, 0.25 * ones), sum(parts))


def test_dice_is_the_formula_of_the_paper() -> None:
    logits, targets = torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 0.0]])
    assert dice(logits, targets).item() == pytest.approx(1 - (2 * 0.5 + 1) / (1 + 1 + 1))


@pytest.mark.parametrize(("of_pairs", "of_all"), _PAIRS, ids=["dice", "bce", "focal"])
@given(queries=st.integers(1, 4), instances=st.integers(0, 4), seed=st.integers(0, 999))
def test_all_pairs_at_once_equal_pair_by_pair(
    of_pairs: Callable[..., Tensor], of_all: Callable[..., Tensor], queries: int, instances: int, seed: int
) -> None:
    logits, targets = 3 * _drawn(queries, seed), _drawn(instances, seed + 1).sigmoid()
    found = of_all(logits, targets)
    for instance in range(instances):
        alone = of_pairs(logits, targets[instance : instance + 1].expand(queries, -1))
        torch.testing.assert_close(found[:, instance], alone, atol=1e-5, rtol=1e-5)
    assert found.shape == (queries, instances)


@pytest.mark.parametrize("term", [dice, pixel_cross_entropy, focal])
def test_a_perfect_mask_costs_nothing_and_a_wrong_one_more_than_an_unsure_one(term: Callable[..., Tensor]) -> None:
    targets = (torch.arange(20) < 8).float()[None]
    sure = 60 * targets - 30
    perfect, unsure, wrong = (term(logits, targets).item() for logits in (sure, 0 * sure, -sure))
    assert perfect == pytest.approx(0, abs=1e-6)
    assert perfect < unsure < wrong


@pytest.mark.parametrize("term", [dice, pixel_cross_entropy, focal])
@pytest.mark.parametrize("size", [1e3, -1e3])
def test_terms_and_gradients_are_finite_at_extremes(term: Callable[..., Tensor], size: float) -> None:
    logits = torch.full((2, 8), size, requires_grad=True)
    loss = term(logits, torch.tensor([[0.0, 1.0] * 4, [0.0] * 8]))
    loss.sum().backward()
    assert loss.isfinite().all()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("term", [dice, pixel_cross_entropy, focal])
def test_no_pairs_cost_nothing_and_still_lead_a_gradient_back(term: Callable[..., Tensor]) -> None:
    logits = torch.zeros(3, 8, requires_grad=True)
    term(logits[:0], torch.zeros(0, 8)).sum().backward()
    assert logits.grad is not None
    assert logits.grad.tolist() == [[0.0] * 8] * 3
