"""Optimisation: what is minimised, and how (section III-C, appendix X).

TrainingConfig = steps, batch, learning rate + AugmentConfig + LossConfig + precision + bookkeeping
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from rcf.config.base import Config


class AugmentConfig(Config):
    """Changes of a whole clip, the same in all its frames. Each is drawn from the stream "augment" of (seed, step)."""

    flip: bool = True
    short_sides: Annotated[tuple[Annotated[int, Field(ge=32)], ...], Field(strict=False)] = ()
    """Short sides of `input` to choose from, pixels, its ratio kept; empty keeps its size. One choice for all clips of
    a step: two scales in a batch would be mostly padding."""
    crop: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the clips that are cut to a random part of the frame's shape before they are resized."""
    crop_smallest: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Smallest side of that part, as a share of the side of the frame. Frames are kept in memory so much larger."""
    still_shift: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    """Still images become clips by a moving window: largest shift, growth and stretch from frame to frame."""
    colour: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Largest relative change of brightness, contrast and saturation."""
    paste: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the clips onto which some objects of another clip are pasted, frame by frame (arXiv 2012.07177). They
    come without their sound."""


class LossConfig(Config):
    """Equation 4: class term plus Dice term. Weights of 1 are the paper's; the empty class weight is MaskFormer's."""

    class_weight: Annotated[float, Field(ge=0)] = 1.0
    dice_weight: Annotated[float, Field(ge=0)] = 1.0
    bce_weight: Annotated[float, Field(ge=0)] = 0.0
    """Per-pixel binary cross entropy; 0 in the paper."""
    focal_weight: Annotated[float, Field(ge=0)] = 0.0
    """Per-pixel focal loss; 0 in the paper, 20 in MaskFormer."""
    empty_weight: Annotated[float, Field(gt=0, le=1)] = 0.1
    matching: Literal["sum", "product"] = "sum"
    """How class and mask similarity of a pair are joined: sum (equation 3), or product as in the network before."""
    order_supervision: bool = False
    """One assignment for two adjacent target frames, which teaches slots to keep their objects (table VII)."""
    mask_points: Annotated[int, Field(ge=0)] = 0
    """Mask terms on so many random cells of `mask_stride` instead of on all; 0 takes all."""
    mask_stride: Literal[4, 8, 16] = 4
    """Resolution of the mask terms; 4 is that of the masks."""


class TrainingConfig(Config):
    """Optimisation: AdamW, polynomial decay (appendix X)."""

    steps: Annotated[int, Field(ge=1)] = 60_000
    clips_per_step: Annotated[int, Field(ge=1)] = 8
    targets_per_clip: Annotated[int, Field(ge=1)] = 1
    """Consecutive target frames of a clip; each has the reference frames before it. Backbone features are shared."""
    lr: Annotated[float, Field(gt=0)] = 6.0e-4
    lr_batch: Annotated[int, Field(ge=0)] = 0
    """Clips per step that `lr` is meant for: it is scaled in proportion to clips_per_step. 0 takes `lr` as it is."""
    accumulate: Annotated[int, Field(ge=1)] = 1
    """Parts in which a step's clips are computed, one after the other: less memory, the same gradient (with batch
    norm in training mode each part has statistics of its own)."""
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Decay of the running average of the weights that is evaluated and saved beside them; 0 switches it off."""
    start_from: str = ""
    """Folder of a checkpoint whose weights the training starts from. A class head for other categories starts anew."""
    backbone_lr_multiplier: Annotated[float, Field(ge=0)] = 0.1
    weight_decay: Annotated[float, Field(ge=0)] = 1.0e-4
    poly_power: Annotated[float, Field(ge=0)] = 0.9
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    clip_norm: Annotated[float, Field(ge=0)] = 0.0
    """Largest gradient norm over all parameters; 0 switches clipping off."""
    augment: AugmentConfig = AugmentConfig()
    loss: LossConfig = LossConfig()
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    """`float16` scales the loss, so that small gradients survive."""
    channels_last: bool = True
    compile: bool = False
    log_every: Annotated[int, Field(ge=1)] = 20
    checkpoint_every: Annotated[int, Field(ge=0)] = 100
    """Steps between checkpoints; 0 means one at the end only."""
    evaluate_every: Annotated[int, Field(ge=0)] = 0
    """Steps between evaluations, each of a step that is saved as well; 0 means one at the end only. The best checkpoint
    by `val/ap` is kept, but tables take the last."""
    cache_mb: Annotated[int, Field(ge=1)] = 2048
    """Memory for decoded frames of the training set, in each worker; the validation set has as much of its own."""
    loader_threads: Annotated[int, Field(ge=0, le=32)] = 0
    """Steps whose clips are made ahead, each in a thread of its own, in each worker. 0 makes them when they are asked
    for, which is right for a CPU: no core is to spare. A GPU needs enough threads to decode as fast as it learns."""

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.clips_per_step % self.accumulate:
            raise ValueError(f"accumulate must divide clips_per_step, got {self.accumulate} and {self.clips_per_step}")
        if self.loss.order_supervision and self.targets_per_clip % 2:
            got = self.targets_per_clip
            raise ValueError(f"loss.order_supervision pairs adjacent targets: targets_per_clip must be even, got {got}")
        return self
