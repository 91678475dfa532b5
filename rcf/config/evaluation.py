"""How frame predictions become tracks (section III-D)."""

from typing import Annotated, Literal

from pydantic import Field

from rcf.config.base import Config


class EvaluationConfig(Config):
    """How frame predictions become tracks (section III-D); a change re-evaluates and never retrains."""

    class_threshold: Annotated[float, Field(ge=0, le=1)] = 0.4
    mask_threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    identity: Literal["slot", "slot_iou", "cosine"] = "slot_iou"
    """`cosine` matches the instance codes of adjacent frames (MinVIS), a baseline for the other two."""
    override_iou: Annotated[float, Field(ge=0, le=1)] = 0.5
    overlays: Annotated[int, Field(ge=0)] = 2
    """Number of validation clips that are drawn."""
