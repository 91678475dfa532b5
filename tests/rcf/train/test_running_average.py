"""The running average of the weights: its formula, and what it must leave alone."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rcf import checkpoint
from rcf.tensors import state_of
from rcf.train.step import Trainer

_DECAY = 0.75


def _state(training: Trainer, average: bool = False) -> dict[str, torch.Tensor]:
    network = training.evaluated if average else training.network
    return {name: value.clone() for name, value in state_of(network).items() if value.is_floating_point()}


def _categories(training: Trainer) -> tuple[str, ...]:
    return tuple(f"kind {number}" for number in range(training.network.head.classes.out_features - 1))


def test_it_is_the_formula_by_hand_for_weights_and_batch_statistics(trainer: Callable[..., Trainer]) -> None:
    training = trainer(ema=_DECAY)
    training.advance()
    wanted = {name: value.double() for name, value in _state(training).items()}
    for _ in range(3):
        training.advance()
        now = _state(training)
        wanted = {name: _DECAY * value + (1 - _DECAY) * now[name] for name, value in wanted.items()}
    found = _state(training, average=True)
    assert any("running_var" in name for name in found)
    for name, value in wanted.items():
        torch.testing.assert_close(found[name].double(), value, atol=1e-6, rtol=1e-5)


def test_it_leaves_the_training_as_it_is(trainer: Callable[..., Trainer]) -> None:
    plain, averaged = trainer(), trainer(ema=_DECAY)
    losses = [[training.advance()["train/loss"] for _ in range(3)] for training in (plain, averaged)]
    assert losses[0] == losses[1]
    assert all(torch.equal(value, _state(averaged)[name]) for name, value in _state(plain).items())


def test_it_is_what_is_evaluated(trainer: Callable[..., Trainer]) -> None:
    plain, averaged = trainer(), trainer(ema=_DECAY)
    assert plain.evaluated is plain.network
    assert averaged.evaluated is not averaged.network
    assert not any(weight.requires_grad for weight in averaged.evaluated.parameters())


def test_it_survives_a_resume_bit_for_bit(trainer: Callable[..., Trainer], tmp_path: Path) -> None:
    whole, first, second = (trainer(ema=_DECAY) for _ in range(3))
    for _ in range(4):
        whole.advance()
    first.advance()
    first.advance()
    checkpoint.save(first, _categories(first), tmp_path)
    checkpoint.restore(second, tmp_path)
    second.advance()
    second.advance()
    assert all(
        torch.equal(value, _state(second, average=True)[name]) for name, value in _state(whole, average=True).items()
    )


def test_a_checkpoint_gives_it_to_whoever_uses_the_network(trainer: Callable[..., Trainer], tmp_path: Path) -> None:
    training = trainer(ema=_DECAY)
    training.advance()
    training.advance()
    checkpoint.save(training, _categories(training), tmp_path)
    network, _, _ = checkpoint.load_network(tmp_path)
    loaded, average = state_of(network), _state(training, average=True)
    assert all(torch.equal(loaded[name], value) for name, value in average.items())
    assert not all(torch.equal(loaded[name], value) for name, value in _state(training).items())


@pytest.mark.parametrize("layout", [True, False])
def test_it_keeps_the_layout_of_the_weights(trainer: Callable[..., Trainer], layout: bool) -> None:
    training = trainer(ema=_DECAY, channels_last=layout)
    training.advance()
    pairs = zip(training.network.parameters(), training.evaluated.parameters(), strict=True)
    assert all(one.stride() == two.stride() for one, two in pairs)
