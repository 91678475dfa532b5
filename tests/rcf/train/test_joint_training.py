"""Training on data of all kinds: images with videos, of unlike shape, sampled ahead; the same bits each time."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from rcf.config import (
    AugmentConfig,
    FrameSizeConfig,
    ImagesConfig,
    ModelConfig,
    RcfConfig,
    SyntheticConfig,
    TrainingConfig,
    YoutubeVisConfig,
)
from rcf.data.opening import open_training
from rcf.data.synthetic import write_synthetic
from rcf.data.synthetic_images import write_images
from rcf.model import build_network
from rcf.tensors import state_of
from rcf.train.step import Trainer


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Videos of 96x64, square still images, and a map of their categories."""
    root = tmp_path_factory.mktemp("joint")
    write_synthetic(root / "videos", SyntheticConfig(train_clips=4, val_clips=1, frames=3))
    write_images(root / "coco", SyntheticConfig(height=64, width=64, train_clips=3, val_clips=1, frames=2))
    pairs = {"square": "disc", "bar": "cross", "crescent": "ring", "star": "triangle"}
    (root / "map.json").write_text(json.dumps(pairs))
    return root


@pytest.fixture
def joint(sets: Path, tiny_model: Callable[..., ModelConfig]) -> Callable[..., Trainer]:
    """(threads, further fields of TrainingConfig) -> a fresh joint training of four steps."""

    def make(threads: int = 0, **training: Any) -> Trainer:
        images = ImagesConfig(
            root=str(sets / "coco"),
            annotations="annotations/instances_train2017.json",
            images="train2017",
            category_map=f"file:{sets / 'map.json'}",
        )
        config = RcfConfig(
            model=tiny_model(),
            data=YoutubeVisConfig(root=str(sets / "videos"), images=images),
            input=FrameSizeConfig(height=64, width=96, keep_ratio=True),
            training=TrainingConfig(steps=4, clips_per_step=4, lr=1e-3, loader_threads=threads, **training),
        )
        return Trainer(build_network(config.model, 4, 0), open_training(config), config, 0)

    return make


def _trained(training: Trainer, steps: int = 4) -> dict[str, torch.Tensor]:
    for _ in range(steps):
        assert math.isfinite(training.advance()["train/loss"])
    return {name: value.clone() for name, value in state_of(training.network).items()}


def test_images_and_videos_of_unlike_shape_are_trained_on_in_one_batch(joint: Callable[..., Trainer]) -> None:
    training = joint()
    batches = [training._loader.get(step) for step in range(4)]
    assert any(batch.sizes is not None and len({tuple(size.tolist()) for size in batch.sizes}) > 1 for batch in batches)
    _trained(training)


def test_clips_made_ahead_train_the_same_bits(joint: Callable[..., Trainer]) -> None:
    in_time, ahead = _trained(joint(threads=0)), _trained(joint(threads=2))
    assert all(torch.equal(value, ahead[name]) for name, value in in_time.items())


def test_every_augmentation_at_once_trains(joint: Callable[..., Trainer]) -> None:
    _trained(joint(augment=AugmentConfig(short_sides=(48, 64), crop=0.5, colour=0.3, still_shift=0.3)), steps=2)
