"""Training is exact: the same seed gives the same bits, interrupted or not."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rcf import checkpoint
from rcf.config import ModelConfig, RcfConfig
from rcf.data.ytvis import VideoDataset
from rcf.errors import CheckpointError, NonFiniteLossError
from rcf.model import build_network
from rcf.tensors import state_of
from rcf.train.step import Trainer


def _weights(training: Trainer) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in state_of(training.network).items()}


def _equal(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, two[name]) for name, value in one.items())


def _advance(training: Trainer, steps: int) -> list[float]:
    return [training.advance()["train/loss"] for _ in range(steps)]


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not(trainer: Callable[..., Trainer]) -> None:
    one, two, other = trainer(seed=0), trainer(seed=0), trainer(seed=1)
    assert _advance(one, 3) == _advance(two, 3)
    _advance(other, 3)
    assert _equal(_weights(one), _weights(two))
    assert not _equal(_weights(one), _weights(other))


@pytest.mark.parametrize("channels_last", [True, False])
def test_a_resumed_training_ends_with_the_weights_of_an_uninterrupted_one(
    trainer: Callable[..., Trainer], tmp_path: Path, channels_last: bool
) -> None:
    whole = trainer(channels_last=channels_last)
    losses = _advance(whole, 6)
    first = trainer(channels_last=channels_last)
    _advance(first, 3)
    checkpoint.save(first, ("a", "b", "c", "d"), tmp_path)
    torch.manual_seed(99)
    second = trainer(channels_last=channels_last)
    checkpoint.restore(second, tmp_path)
    assert second.step == 3
    assert _advance(second, 3) == losses[3:]
    assert _equal(_weights(whole), _weights(second))


def test_the_loss_falls_when_one_batch_is_repeated(
    trainer: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    training = trainer(lr=3e-3, dropout=0.0)
    batch = training._sample()
    monkeypatch.setattr(training, "_sample", lambda: batch)
    losses = _advance(training, 8)
    assert losses[-1] < 0.8 * losses[0]


def test_a_loss_that_is_not_finite_stops_before_the_weights_are_touched(trainer: Callable[..., Trainer]) -> None:
    training = trainer()
    _advance(training, 1)
    with torch.no_grad():
        training.network.head.classes.bias.fill_(math.inf)
    before = [weight.clone() for weight in training.network.parameters()]
    with pytest.raises(NonFiniteLossError, match="step 1"):
        training.advance()
    assert all(torch.equal(a, b) for a, b in zip(before, training.network.parameters(), strict=True))
    assert training.step == 1


def test_a_checkpoint_of_another_network_says_which_tensors_do_not_fit(
    trainer: Callable[..., Trainer], clips: VideoDataset, tiny_model: Callable[..., ModelConfig], tmp_path: Path
) -> None:
    training = trainer()
    checkpoint.save(training, ("a",), tmp_path)
    config = RcfConfig(model=tiny_model(tokens=16, frames=2), training=training.config.training)
    other = Trainer(build_network(config.model, len(clips.category_ids), 0), clips, config, 0)
    with pytest.raises(CheckpointError, match=r"references\.merge\.project\.weight"):
        checkpoint.restore(other, tmp_path)


def test_a_checkpoint_of_another_seed_is_refused(trainer: Callable[..., Trainer], tmp_path: Path) -> None:
    checkpoint.save(trainer(seed=0), ("a",), tmp_path)
    with pytest.raises(CheckpointError, match="seed 0, expected 1"):
        checkpoint.restore(trainer(seed=1), tmp_path)


def test_a_loaded_network_answers_like_the_trained_one(trainer: Callable[..., Trainer], tmp_path: Path) -> None:
    training = trainer()
    _advance(training, 2)
    names = ("disc", "square", "triangle", "star", "ring")[: training.network.head.classes.out_features - 1]
    checkpoint.save(training, names, tmp_path)
    network, config, categories = checkpoint.load_network(tmp_path)
    clip = torch.randint(0, 256, (1, 2, 3, 64, 96), dtype=torch.uint8)
    assert categories == names
    assert config == training.config
    with torch.no_grad():
        expected = training.network.eval()(clip)
        torch.testing.assert_close(network(clip).masks, expected.masks, atol=1e-4, rtol=1e-4)
