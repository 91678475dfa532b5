"""Slots that compete for each pixel: the sigmoid of their logits is the softmax over them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rcf.config import MaskConfig, ModelConfig
from rcf.model.mask_head import SlotSoftmax

_COLUMNS = st.lists(st.floats(-30, 30), min_size=2, max_size=6)


def _column(values: list[float], dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """One pixel, one frame, one layer."""
    return torch.tensor(values, dtype=dtype).view(1, 1, -1, 1, 1)


@given(_COLUMNS)
def test_the_sigmoid_of_the_logits_is_the_softmax(values: list[float]) -> None:
    logits = _column(values)
    torch.testing.assert_close(SlotSoftmax()(logits).sigmoid(), logits.softmax(2), atol=1e-6, rtol=1e-5)


@given(_COLUMNS)
def test_a_slots_logit_is_its_own_minus_the_log_sum_of_the_others(values: list[float]) -> None:
    """In double precision; so the relative error is small for shares near 0 and for shares near 1."""
    exact = torch.tensor(values, dtype=torch.float64)
    others = torch.stack([torch.cat((exact[:slot], exact[slot + 1 :])).logsumexp(0) for slot in range(len(values))])
    found = SlotSoftmax()(_column(values)).flatten().double()
    torch.testing.assert_close(found, exact - others, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("values", [[1e4, -1e4, 0.0], [1e4, 1e4], [0.0, 0.0, 0.0], [-1e4, -2e4]])
def test_logits_and_gradients_are_finite_at_extremes(values: list[float]) -> None:
    logits = _column(values).requires_grad_()
    found = SlotSoftmax()(logits)
    (torch.nn.functional.softplus(found) + torch.nn.functional.softplus(-found)).sum().backward()
    assert found.isfinite().all()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("winner", [5.0, 20.0, 500.0])
def test_a_slot_that_wrongly_has_a_pixel_to_itself_is_still_told_so(winner: float) -> None:
    """Cross entropy against an empty mask falls with the winner's logit at a slope of nearly 1, however sure it is."""
    logits = _column([winner, 0.0, 0.0]).requires_grad_()
    torch.nn.functional.softplus(SlotSoftmax()(logits)[:, :, 0]).sum().backward()
    assert logits.grad is not None
    assert logits.grad.flatten()[0].item() == pytest.approx(1.0, abs=0.02)


def test_slots_of_one_frame_do_not_compete_with_those_of_another() -> None:
    logits = torch.randn(2, 3, 4, 5, 6)
    changed = logits.clone()
    changed[1, 2] += torch.randn(4, 5, 6)
    one, two = SlotSoftmax()(logits), SlotSoftmax()(changed)
    assert torch.equal(one[0], two[0])
    assert torch.equal(one[1, :2], two[1, :2])
    assert not torch.allclose(one[1, 2], two[1, 2])


def test_reduced_precision_comes_back_as_it_went_in() -> None:
    assert SlotSoftmax()(torch.randn(1, 1, 3, 2, 2).bfloat16()).dtype is torch.bfloat16


def test_one_slot_has_nobody_to_compete_with() -> None:
    with pytest.raises(ValidationError, match=r"slot_softmax needs at least 2 queries"):
        ModelConfig(queries=1, mask=MaskConfig(slot_softmax=True))
