"""Each distinct arm at small size: one step of training, backward included, and a stream of frames."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from rcf.config import RcfConfig
from rcf.data.opening import open_training
from rcf.model import build_network
from rcf.streaming import OnlineSegmenter
from rcf.train.step import Trainer
from rcflab.load import load_experiment

_MEL_BINS = 64


def test_an_arm_takes_a_training_step_and_segments_a_stream(small_arm: dict[str, Any], clips: Path) -> None:
    data = {"kind": "ytvis", "root": str(clips)}
    config = RcfConfig.model_validate({**small_arm, "data": data})
    dataset = open_training(config)
    network = build_network(config.model, len(dataset.annotations.categories), seed=0)
    trainer = Trainer(network, dataset, config, seed=0)
    metrics = trainer.advance()  # raises where the loss or the gradient is not finite
    assert all(math.isfinite(value) for value in metrics.values())
    unreached = [name for name, weight in network.named_parameters() if weight.requires_grad and weight.grad is None]
    assert unreached == []
    segmenter = OnlineSegmenter(trainer.evaluated, config.input, config.evaluation)
    audio = config.model.audio
    generator = torch.Generator().manual_seed(0)
    for _ in range(2):
        frame = torch.randint(0, 256, (3, 64, 96), dtype=torch.uint8, generator=generator)
        patch = torch.randn(audio.mel_frames, _MEL_BINS, generator=generator) if audio.features != "none" else None
        found = segmenter.push(frame, patch)
        assert found.class_probabilities.isfinite().all()
        assert found.masks.shape[-2:] == (64, 96)


@pytest.mark.parametrize("base", ["pretrain_ytvis2019", "pretrain_ytvis2021"])
def test_the_first_stage_takes_a_training_step_on_videos_and_images(
    base: str, experiments: Path, sets: dict[str, str], shrink: Callable[..., dict[str, Any]]
) -> None:
    arm = load_experiment(experiments / "table_5_token_size.yaml", (), base).configs["tokens-4"]
    config = RcfConfig.model_validate(shrink(arm))
    dataset = open_training(config)
    network = build_network(config.model, len(dataset.annotations.categories), seed=0)
    assert math.isfinite(Trainer(network, dataset, config, seed=0).advance()["train/loss"])
