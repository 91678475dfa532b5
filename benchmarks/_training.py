"""What the benchmarks of training share: the two settings of the budgets, and trainings on synthetic clips."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rcf.config import (
    AttentionConfig,
    AugmentConfig,
    BackboneConfig,
    FrameSizeConfig,
    LossConfig,
    MaskConfig,
    ModelConfig,
    RcfConfig,
    ReferenceConfig,
    SyntheticConfig,
    TrainingConfig,
    YoutubeVisConfig,
)
from rcf.data.opening import data_root, open_training
from rcf.data.synthetic import write_synthetic
from rcf.model import build_network
from rcf.train.ranks import SINGLE, Ranks
from rcf.train.step import Trainer

HEIGHT, WIDTH, CLIPS = 144, 256, 4
_SHALLOW = AttentionConfig(layers=2, feedforward=256, dropout=0.0)
NARROW = ModelConfig(
    backbone=BackboneConfig(norm="frozen"),
    width=128,
    encoder=_SHALLOW,
    decoder=_SHALLOW,
    mask=MaskConfig(fpn_width=64, filter_width=64),
)
SETTINGS = {
    "EfficientNet-Lite0, width 128": NARROW,
    "ResNet-50, paper widths": ModelConfig(backbone=BackboneConfig(name="resnet50", norm="frozen")),
}
LIMITS = dict(zip(SETTINGS, (1.25, 1.7), strict=True))


LOSS = LossConfig(class_weight=2.0, dice_weight=3.0, bce_weight=3.0)
AUGMENT = AugmentConfig(crop=0.7, crop_smallest=0.5, colour=0.3, paste=0.5)
"""Loss and changes of the clips of experiments/base/video.yaml."""


def recipe(model: ModelConfig, data: SyntheticConfig | YoutubeVisConfig, **training: Any) -> RcfConfig:
    """Four clips of one target and its references at 256 x 144, unchanged but for a flip."""
    settings = TrainingConfig(steps=100_000, clips_per_step=CLIPS, lr=3e-4, clip_norm=1.0, loss=LOSS)
    return RcfConfig(
        model=model,
        data=data,
        input=FrameSizeConfig(height=HEIGHT, width=WIDTH),
        training=settings.model_copy(update=training),
    )


def with_references(model: ModelConfig, frames: int) -> ModelConfig:
    """`model` with so many reference frames."""
    return model.model_copy(update={"reference": ReferenceConfig(frames=frames)})


def start(config: RcfConfig, ranks: Ranks = SINGLE) -> Trainer:
    """A training with random weights, alone or as one of many workers."""
    dataset = open_training(config)
    return Trainer(build_network(config.model, len(dataset.category_ids), seed=0), dataset, config, seed=0, ranks=ranks)


@contextmanager
def synthetic_set(clips: int = 40) -> Iterator[SyntheticConfig]:
    """A synthetic data set of frames of the network's size, for as long as the block lasts."""
    with TemporaryDirectory() as folder:
        data = SyntheticConfig(height=HEIGHT, width=WIDTH, train_clips=clips, val_clips=1, root=folder)
        root = data_root(data)
        Path(root).parent.mkdir(parents=True, exist_ok=True)
        write_synthetic(root, data)
        yield data
