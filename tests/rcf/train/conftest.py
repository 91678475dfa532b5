"""A small training on synthetic clips, with any option."""

from collections.abc import Callable
from typing import Any

import pytest

from rcf.config import ModelConfig, RcfConfig, SyntheticConfig, TrainingConfig
from rcf.data.annotations import load_annotations
from rcf.data.layout import find_split
from rcf.data.synthetic import write_synthetic
from rcf.data.ytvis import VideoDataset
from rcf.model import build_network
from rcf.train.step import Trainer


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> VideoDataset:
    """Six synthetic clips."""
    root = tmp_path_factory.mktemp("synthetic") / "set"
    write_synthetic(root, SyntheticConfig(train_clips=6, val_clips=1, frames=4))
    annotations, frames = find_split(root, "train")
    return VideoDataset(load_annotations(annotations, frames), frames, 64, 96)


@pytest.fixture
def trainer(clips: VideoDataset, tiny_model: Callable[..., ModelConfig]) -> Callable[..., Trainer]:
    """(seed, dropout, norm, further fields of TrainingConfig) -> a fresh training of eight steps."""

    def make(seed: int = 0, dropout: float = 0.1, norm: str = "batch", **options: Any) -> Trainer:
        model = tiny_model()
        attention = model.encoder.model_copy(update={"dropout": dropout})
        backbone = model.backbone.model_copy(update={"norm": norm})
        model = model.model_copy(update={"encoder": attention, "decoder": attention, "backbone": backbone})
        defaults = {"steps": 8, "clips_per_step": 2, "targets_per_clip": 2, "lr": 1e-3, "clip_norm": 1.0}
        config = RcfConfig(model=model, training=TrainingConfig.model_validate({**defaults, **options}))
        return Trainer(build_network(model, len(clips.category_ids), seed), clips, config, seed)

    return make
