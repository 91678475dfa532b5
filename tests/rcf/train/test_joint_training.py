"""Training on data of all kinds: images with videos, of unlike shape, sampled ahead; the same bits each time."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from rcf import checkpoint
from rcf.config import (
    AugmentConfig,
    FrameSizeConfig,
    ImagesConfig,
    ModelConfig,
    OnCorrupt,
    RcfConfig,
    SyntheticConfig,
    TrainingConfig,
    YoutubeVisConfig,
)
from rcf.data.opening import open_training
from rcf.data.synthetic import write_synthetic
from rcf.data.synthetic_images import write_images
from rcf.errors import InputError, Problem
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
    """(threads, on_corrupt, further fields of TrainingConfig) -> a fresh joint training of four steps."""

    def make(threads: int = 0, on_corrupt: OnCorrupt = "fail", **training: Any) -> Trainer:
        images = ImagesConfig(
            root=str(sets / "coco"),
            annotations="annotations/instances_train2017.json",
            images="train2017",
            category_map=f"file:{sets / 'map.json'}",
        )
        config = RcfConfig(
            model=tiny_model(),
            data=YoutubeVisConfig(root=str(sets / "videos"), images=images, on_corrupt=on_corrupt),
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


def _damaged(training: Trainer) -> Trainer:
    """One video of the four cannot be read."""
    source: Any = training.dataset
    read = source.frame

    def frame(video_index: int, frame_index: int) -> torch.Tensor:
        if video_index == 1:
            raise InputError([Problem("1.jpg", "frame 0", "a damaged image", "an image")])
        return read(video_index, frame_index)

    source.frame = frame
    return training


def test_clips_that_were_left_out_are_counted_over_a_resume(joint: Callable[..., Trainer], tmp_path: Path) -> None:
    whole = _damaged(joint(on_corrupt="skip"))
    counts = [whole.advance()["data/skipped"] for _ in range(4)]
    assert counts == [0, 0, 1, 1]
    first, second = _damaged(joint(on_corrupt="skip")), _damaged(joint(on_corrupt="skip"))
    for _ in range(3):
        first.advance()
    checkpoint.save(first, ("a", "b", "c", "d"), tmp_path)
    checkpoint.restore(second, tmp_path)
    assert second.advance()["data/skipped"] == 1


def test_where_a_damaged_file_ends_the_training_nothing_is_counted(joint: Callable[..., Trainer]) -> None:
    assert "data/skipped" not in joint().advance()
    with pytest.raises(InputError, match="a damaged image"):
        _trained(_damaged(joint()))


def test_every_augmentation_at_once_trains(joint: Callable[..., Trainer]) -> None:
    _trained(joint(augment=AugmentConfig(short_sides=(48, 64), crop=0.5, colour=0.3, still_shift=0.3)), steps=2)
