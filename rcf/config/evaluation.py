"""How frame predictions become tracks (section III-D)."""

from typing import Annotated, Literal

from pydantic import Field

from rcf.config.base import Config
from rcf.config.data import FrameSizeConfig

FrameChoice = Literal["all", "hard", "clear"]


class EvaluationConfig(Config):
    """How frame predictions become tracks (section III-D); a change re-evaluates and never retrains."""

    class_threshold: Annotated[float, Field(ge=0, le=1)] = 0.4
    mask_threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    identity: Literal["slot", "slot_iou", "cosine"] = "slot_iou"
    """`cosine` matches the instance codes of adjacent frames (MinVIS), a baseline for the other two."""
    override_iou: Annotated[float, Field(ge=0, le=1)] = 0.5
    track_score: Literal["fired", "video"] = "fired"
    """Class probabilities of a track: their mean over the frames in which it fired, or over all frames of the video,
    which ranks what was seen for a moment below what stayed. The paper does not say."""
    pairs_per_video: Annotated[int, Field(ge=0)] = 0
    """0: each track is predicted with its best category. k: the k best pairs of track and category of each video, as
    most networks since do, usually with a `class_threshold` of 0; this lifts AP and is no longer what a user sees."""
    input: FrameSizeConfig | None = None
    """The size at which the network sees the frames that are scored, where it is not that of the training. Crops make
    objects larger in training than they are in whole frames; a larger size here makes up for it (arXiv 1906.06423)."""
    frames: FrameChoice = "all"
    """Frames on which tracks are compared with the truth: all, those that the annotation file lists as `hard_frames` of
    their video (bursts of blur, noise or darkness), or the `clear` others. Order and secant are of all frames."""
    latency_frames: Annotated[int, Field(ge=0)] = 0
    """Frames whose time in the streaming path is taken, for `cost/latency_ms` (their median); 0 takes none. A time is
    of one machine under one load: never set it for what must repeat."""
    jacobian_points: Annotated[int, Field(ge=0)] | None = None
    """Frames at which the norm of the Jacobian is estimated, for `lipschitz/jacobian_p95`; null takes as many as cost
    at most half of the evaluation pass, none where that does not pay for one."""
    lipschitz_bound: bool = True
    """Whether the layer-product bound of the network is computed, for `lipschitz/bound_log10`: a second for a narrow
    network, half a minute for a ResNet-50 on one thread of a CPU."""
    overlays: Annotated[int, Field(ge=0)] = 2
    """Number of validation clips that are drawn."""
