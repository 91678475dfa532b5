"""The values that travel through the network and around it.

ClipBatch --RCF--> Segmentation --> FramePrediction (one frame, online) --> TrackPrediction (one object)
"""

from dataclasses import dataclass
from typing import TypedDict

from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor


class Rle(TypedDict):
    """A compressed COCO run-length encoding: `size` is [height, width], `counts` the compressed string."""

    size: list[int]
    counts: str


@dataclass(frozen=True, slots=True, eq=False)
class FrameTargets:
    """Ground truth of one frame: the instances that are visible in it."""

    labels: Int[Tensor, " M"]
    """Category index, 0 .. categories - 1."""
    masks: Bool[Tensor, "M H W"]
    """At the network's input size."""
    tracks: Int[Tensor, " M"]
    """Annotation id: the same number is the same object in another frame."""


@dataclass(frozen=True, slots=True, eq=False)
class ClipBatch:
    """Clips of P = R + T consecutive frames; target j sits at position R + j, its references at j .. j + R - 1.

    At the start of a video the oldest frame is repeated, as in online inference.
    """

    frames: UInt8[Tensor, "B P 3 H W"]
    targets: tuple[tuple[FrameTargets, ...], ...]
    """B times T."""
    sizes: Int[Tensor, "B 2"] | None = None
    """Height and width of each clip; what is right of it and below is padding. None: nothing is padded."""
    audio: Float[Tensor, "B P A E"] | None = None
    """Log-mel patch of each frame; None where the network does not listen."""
    skipped: int = 0
    """Clips that were left out because a file of theirs is damaged, each replaced by the next one in the order."""


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """What the network says of N target frames, for each of S decoder layers (the last is the answer)."""

    classes: Float[Tensor, "S N Q G"]
    """Logits; the last category is "empty"."""
    masks: Float[Tensor, "S N Q h w"]
    """Logits at stride 4."""
    codes: Float[Tensor, "N Q D"]
    """Instance codes of the last layer."""


@dataclass(frozen=True, slots=True, eq=False)
class FramePrediction:
    """What an online segmenter says of one frame: the slots that fired."""

    slots: Int[Tensor, " M"]
    identities: Int[Tensor, " M"]
    """Equal numbers are the same object, over all frames since the last reset."""
    class_probabilities: Float[Tensor, "M G"]
    masks: Bool[Tensor, "M H W"]
    """At the size of the pushed frame."""
    overridden: Bool[Tensor, " M"]
    """True where the IoU rule gave another identity than the slot rule."""


@dataclass(frozen=True, slots=True)
class TrackPrediction:
    """One predicted object over a whole video: a row of results.json."""

    video_id: int
    category_id: int
    """The data set's own id, not an index."""
    score: float
    segmentations: tuple[Rle | None, ...]
    """One entry a frame, at the video's own size."""
