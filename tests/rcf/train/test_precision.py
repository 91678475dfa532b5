"""Reduced precision, and compilation: how a step is computed, not what."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rcf import checkpoint
from rcf.tensors import load_tensors, state_of
from rcf.train.step import Trainer


def _losses(training: Trainer, steps: int) -> list[float]:
    return [training.advance()["train/loss"] for _ in range(steps)]


def _weights(training: Trainer) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in state_of(training.network).items()}


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_a_step_in_reduced_precision_loses_nearly_what_a_full_one_does(
    trainer: Callable[..., Trainer], precision: str
) -> None:
    full, reduced = (trainer(dropout=0.0, precision=kind) for kind in ("float32", precision))
    assert _losses(reduced, 1) == pytest.approx(_losses(full, 1), rel=0.05)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_weights_and_moments_stay_in_full_precision(trainer: Callable[..., Trainer], precision: str) -> None:
    training = trainer(precision=precision)
    training.advance()
    assert {weight.dtype for weight in training.network.parameters()} == {torch.float32}
    moments = [value for name, value in training.optimizer_tensors().items() if name.startswith("exp_avg")]
    assert moments
    assert {value.dtype for value in moments} == {torch.float32}


def test_the_state_of_the_loss_scale_survives_a_resume_bit_for_bit(
    trainer: Callable[..., Trainer], tmp_path: Path
) -> None:
    whole, first, second = (trainer(precision="float16") for _ in range(3))
    losses = _losses(whole, 3)
    _losses(first, 2)
    checkpoint.save(first, ("a", "b", "c", "d"), tmp_path)
    checkpoint.restore(second, tmp_path)
    assert _losses(second, 1) == losses[2:]
    assert second.scaler.state_dict() == whole.scaler.state_dict()
    assert all(torch.equal(value, _weights(second)[name]) for name, value in _weights(whole).items())


def test_a_scale_that_is_too_large_leaves_the_step_out_and_is_halved(trainer: Callable[..., Trainer]) -> None:
    training = trainer(precision="float16")
    training.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**40)
    before = {name: weight.clone() for name, weight in training.network.named_parameters()}
    training.advance()
    assert all(torch.equal(weight, before[name]) for name, weight in training.network.named_parameters())
    assert training.scaler.get_scale() == 2.0**39
    assert training.step == 1


def test_the_scale_changes_the_gradient_by_rounding_alone(trainer: Callable[..., Trainer]) -> None:
    """Two scales, both of which fit: the weights after a step are nearly the same."""
    after: list[dict[str, torch.Tensor]] = []
    for scale in (2.0**4, 2.0**8):
        training = trainer(precision="float16", dropout=0.0, norm="frozen")
        training.scaler = torch.amp.GradScaler("cpu", init_scale=scale)
        training.advance()
        after.append(_weights(training))
    difference = max((after[0][name] - value).abs().max().item() for name, value in after[1].items())
    assert difference < 2.5e-3


def test_a_training_in_full_precision_has_no_loss_scale_to_save(
    trainer: Callable[..., Trainer], tmp_path: Path
) -> None:
    training = trainer()
    training.advance()
    checkpoint.save(training, ("a", "b", "c", "d"), tmp_path)
    assert not any(name.startswith("loss_scale") for name in load_tensors(tmp_path / checkpoint.OPTIMIZER))


def test_a_compiled_training_is_the_same_training_with_the_same_names(repository: Path, tmp_path: Path) -> None:
    script = Path(__file__).with_name("compiled_training.py")
    environment = {**os.environ, "PYTHONPATH": str(repository)}
    done = subprocess.run(
        [sys.executable, script, tmp_path / "set"], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    plain, compiled = found["False"], found["True"]
    assert plain["graphs"] == 0 < compiled["graphs"]
    assert compiled["losses"] == pytest.approx(plain["losses"], rel=1e-4)
    assert compiled["names"] == plain["names"]
