"""Every knob of RCF, typed, torch-free, checked before anything starts.

    RcfConfig = model (backbone, reference, audio, encoder, decoder, mask) + data + input + training (loss) + evaluation

An unknown field, a wrong type or a value out of range is an error with its dotted path. Section numbers are those of
arXiv 2207.05580; where the paper leaves a value open, the default is the choice of the MaskFormer family.
"""

from rcf.config.base import Config
from rcf.config.data import (
    SYNTHETIC_VERSION,
    CocoConfig,
    DataSource,
    FrameSizeConfig,
    ImagesConfig,
    OnCorrupt,
    SyntheticConfig,
    YoutubeVisConfig,
)
from rcf.config.evaluation import EvaluationConfig
from rcf.config.model import (
    AttentionConfig,
    AudioConfig,
    BackboneConfig,
    MaskConfig,
    ModelConfig,
    ReferenceConfig,
)
from rcf.config.training import AugmentConfig, LossConfig, TrainingConfig

__all__ = [
    "SYNTHETIC_VERSION",
    "AttentionConfig",
    "AudioConfig",
    "AugmentConfig",
    "BackboneConfig",
    "CocoConfig",
    "Config",
    "DataSource",
    "EvaluationConfig",
    "FrameSizeConfig",
    "ImagesConfig",
    "LossConfig",
    "MaskConfig",
    "ModelConfig",
    "OnCorrupt",
    "RcfConfig",
    "ReferenceConfig",
    "SyntheticConfig",
    "TrainingConfig",
    "YoutubeVisConfig",
]


class RcfConfig(Config):
    """One trial of RCF, without its seed."""

    model: ModelConfig = ModelConfig()
    data: DataSource = SyntheticConfig()
    input: FrameSizeConfig = FrameSizeConfig()
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
