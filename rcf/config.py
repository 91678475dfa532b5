"""Every knob of RCF, typed, torch-free, checked before anything starts.

    RcfConfig = model (backbone, reference, encoder, decoder, mask) + data + training (loss) + evaluation

An unknown field, a wrong type or a value out of range is an error with its dotted path. Section numbers are those of
arXiv 2207.05580; where the paper leaves a value open, the default is the choice of the MaskFormer family.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

SYNTHETIC_VERSION: int = 1
"""Version of the synthetic generator (rcf/data/synthetic.py): raise it whenever the same settings give other pixels or
masks. It is part of the data fingerprint and stands here so that keys can be computed without loading the generator."""


class Config(BaseModel):
    """Base of all configuration parts: frozen, strict, no unknown fields."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class BackboneConfig(Config):
    """A timm backbone with features at strides 4, 8, 16 and 32."""

    name: str = "tf_efficientnet_lite0"
    weights: str = "none"
    """`imagenet` (timm downloads), `package:efficientnet-lite0` (comes with pip), `file:PATH` (safetensors), `none`."""
    norm: Literal["frozen", "batch"] = "batch"
    """`frozen` keeps the statistics and scales of the weights: right for small batches of pretrained networks."""


class ReferenceConfig(Config):
    """What the target sees of the frames before it (section III-B)."""

    frames: Annotated[int, Field(ge=0, le=5)] = 1
    tokens: Literal[1, 4, 16, 64] = 4
    """K * K: each reference map is compressed to K x K; the number of tokens does not grow with the frames."""
    pixel_weight: Literal["predicted", "none"] = "predicted"
    """Learned weight of each pixel before compression, or none."""


class AttentionConfig(Config):
    """A stack of post-norm transformer layers."""

    layers: Annotated[int, Field(ge=1, le=12)] = 6
    heads: Annotated[int, Field(ge=1)] = 8
    feedforward: Annotated[int, Field(ge=1)] = 2048
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1


class MaskConfig(Config):
    """FPN pixel decoder and dynamic filters."""

    fpn_width: Annotated[int, Field(ge=8, multiple_of=8)] = 256
    filter_width: Annotated[int, Field(ge=1)] = 256
    """Length of the dynamic filters, one dot product a pixel."""


class ModelConfig(Config):
    """The network of section III."""

    backbone: BackboneConfig = BackboneConfig()
    reference: ReferenceConfig = ReferenceConfig()
    width: Annotated[int, Field(ge=8, multiple_of=4)] = 256
    """Channels of a token (C')."""
    encoder: AttentionConfig = AttentionConfig()
    decoder: AttentionConfig = AttentionConfig()
    queries: Annotated[int, Field(ge=1, le=300)] = 10
    mask: MaskConfig = MaskConfig()

    @model_validator(mode="after")
    def _heads_divide_width(self) -> Self:
        for name, part in (("encoder", self.encoder), ("decoder", self.decoder)):
            if self.width % part.heads:
                raise ValueError(f"{name}.heads must divide width, got {part.heads} heads for width {self.width}")
        return self


class SyntheticConfig(Config):
    """Moving textured shapes, written to disk as a real YouTube-VIS data set (see rcf/data/synthetic.py)."""

    kind: Literal["synthetic"] = "synthetic"
    height: Annotated[int, Field(ge=32, le=2048)] = 64
    width: Annotated[int, Field(ge=32, le=2048)] = 96
    train_clips: Annotated[int, Field(ge=1)] = 200
    val_clips: Annotated[int, Field(ge=1)] = 32
    frames: Annotated[int, Field(ge=2)] = 8
    """Frames of a clip."""
    seed: Annotated[int, Field(ge=0)] = 0
    root: str = ""
    """Folder that holds written sets, one folder a digest; filled at load with `<storage.root>/data`."""


class YoutubeVisConfig(Config):
    """A folder with `<split>/JPEGImages` and `<split>/instances.json` (or another name that YouTube-VIS uses)."""

    kind: Literal["ytvis"] = "ytvis"
    root: str
    train_split: str = "train"
    val_split: str = "val"


DataSource = Annotated[SyntheticConfig | YoutubeVisConfig, Field(discriminator="kind")]


class FrameSizeConfig(Config):
    """The size at which the network sees a frame, in pixels; masks are scored at the video's own size."""

    height: Annotated[int, Field(ge=32)] = 64
    width: Annotated[int, Field(ge=32)] = 96


class LossConfig(Config):
    """Equation 4: class term plus Dice term. Weights of 1 are the paper's; the empty class weight is MaskFormer's."""

    class_weight: Annotated[float, Field(ge=0)] = 1.0
    dice_weight: Annotated[float, Field(ge=0)] = 1.0
    bce_weight: Annotated[float, Field(ge=0)] = 0.0
    """Per-pixel binary cross entropy; 0 in the paper."""
    empty_weight: Annotated[float, Field(gt=0, le=1)] = 0.1


class TrainingConfig(Config):
    """Optimisation: AdamW, polynomial decay (appendix X)."""

    steps: Annotated[int, Field(ge=1)] = 60_000
    clips_per_step: Annotated[int, Field(ge=1)] = 8
    targets_per_clip: Annotated[int, Field(ge=1)] = 1
    """Consecutive target frames of a clip; each has the reference frames before it. Backbone features are shared."""
    lr: Annotated[float, Field(gt=0)] = 6.0e-4
    backbone_lr_multiplier: Annotated[float, Field(ge=0)] = 0.1
    weight_decay: Annotated[float, Field(ge=0)] = 1.0e-4
    poly_power: Annotated[float, Field(ge=0)] = 0.9
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    clip_norm: Annotated[float, Field(ge=0)] = 0.0
    """Largest gradient norm over all parameters; 0 switches clipping off."""
    flip: bool = True
    loss: LossConfig = LossConfig()
    precision: Literal["float32", "bfloat16"] = "float32"
    channels_last: bool = True
    compile: bool = False
    log_every: Annotated[int, Field(ge=1)] = 20
    checkpoint_every: Annotated[int, Field(ge=0)] = 100
    """Steps between checkpoints; 0 means one at the end only."""
    evaluate_every: Annotated[int, Field(ge=0)] = 0
    """Steps between evaluations; 0 means one at the end only."""


class EvaluationConfig(Config):
    """How frame predictions become tracks (section III-D); a change re-evaluates and never retrains."""

    class_threshold: Annotated[float, Field(ge=0, le=1)] = 0.4
    mask_threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    identity: Literal["slot", "slot_iou"] = "slot_iou"
    override_iou: Annotated[float, Field(ge=0, le=1)] = 0.5
    overlays: Annotated[int, Field(ge=0)] = 2
    """Number of validation clips that are drawn."""


class RcfConfig(Config):
    """One trial of RCF, without its seed."""

    model: ModelConfig = ModelConfig()
    data: DataSource = SyntheticConfig()
    input: FrameSizeConfig = FrameSizeConfig()
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
