"""A step in parts is the same step: same gradient, same logged terms, whatever the loss takes into account."""

from collections.abc import Callable

import pytest
import torch
from pydantic import ValidationError

from rcf.config import TrainingConfig
from rcf.structures import ClipBatch
from rcf.train.step import Trainer, _parts

_LOSSES = {
    "paper": {},
    "all terms": {"bce_weight": 2.0, "focal_weight": 5.0},
    "points": {"bce_weight": 2.0, "mask_points": 50},
    "order": {"order_supervision": True},
}


def _gradient(training: Trainer) -> tuple[dict[str, torch.Tensor], dict[str, float]]:
    training.network.train()
    terms = training._backward(training._sample())
    named = training.network.named_parameters()
    return {name: weight.grad for name, weight in named if weight.grad is not None}, terms


@pytest.mark.parametrize("loss", _LOSSES)
def test_the_gradient_is_the_same_in_one_two_and_four_parts(trainer: Callable[..., Trainer], loss: str) -> None:
    """Frozen norms and no dropout: what one clip gives must not depend on those beside it."""
    whole, *split = (
        trainer(clips_per_step=4, accumulate=parts, norm="frozen", dropout=0.0, loss=_LOSSES[loss])
        for parts in (1, 2, 4)
    )
    wanted, terms = _gradient(whole)
    for training in split:
        found, found_terms = _gradient(training)
        assert found_terms == pytest.approx(terms, rel=1e-5)
        assert found.keys() == wanted.keys()
        largest = max(value.abs().max().item() for value in wanted.values())
        for name, value in wanted.items():
            torch.testing.assert_close(found[name], value, atol=1e-5 * largest, rtol=1e-4)


def test_parts_are_neighbouring_clips_with_their_own_sizes_and_sounds(trainer: Callable[..., Trainer]) -> None:
    batch = trainer(clips_per_step=4)._sample()
    sizes = torch.tensor([[64, 96], [32, 96], [64, 64], [48, 80]])
    sounds = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 3, 16, 64)
    parts = list(_parts(ClipBatch(batch.frames, batch.targets, sizes, sounds), 2))
    assert [part.targets for part in parts] == [batch.targets[:2], batch.targets[2:]]
    assert torch.equal(torch.cat([part.frames for part in parts]), batch.frames)
    assert torch.equal(torch.cat([part.sizes for part in parts]), sizes)
    assert torch.equal(torch.cat([part.audio for part in parts]), sounds)


def test_parts_must_be_of_equal_size() -> None:
    with pytest.raises(ValidationError, match="accumulate must divide clips_per_step, got 3 and 4"):
        TrainingConfig(clips_per_step=4, accumulate=3)


def test_a_resumed_training_in_parts_ends_in_the_same_bits(trainer: Callable[..., Trainer]) -> None:
    """Dropout draws on from part to part, from the step's own stream."""
    one, two = (trainer(accumulate=2) for _ in range(2))
    one.advance()
    two.advance()
    torch.manual_seed(99)
    assert one.advance()["train/loss"] == two.advance()["train/loss"]
