"""From frame predictions to tracks, the rows of a results file.

    FramePrediction at t = 0, 1, .. --by identity--> masks as RLE, mean class distribution --> TrackPrediction

Label and score are not in the paper: label = best category of the mean class distribution over the frames in which the
object fired, score = that mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from rcf.evaluation.rle import encode
from rcf.structures import FramePrediction, Rle, TrackPrediction
from rcf.tensors import booleans, integers


@dataclass(slots=True)
class _Track:
    class_sum: Float[Tensor, " G"]
    frames: int = 0
    segmentations: dict[int, Rle] = field(default_factory=dict[int, Rle])


class TrackAssembler:
    """Collects one video, masks kept as run lengths only."""

    def __init__(self) -> None:
        self._tracks: dict[int, _Track] = {}
        self._length = 0

    def add(self, prediction: FramePrediction) -> None:
        """The next frame."""
        encoded = encode(prediction.masks.numpy())
        visible = booleans(prediction.masks.flatten(1).any(1))
        for index, identity in enumerate(integers(prediction.identities)):
            probabilities = prediction.class_probabilities[index].double()
            track = self._tracks.setdefault(identity, _Track(torch.zeros_like(probabilities)))
            track.class_sum += probabilities
            track.frames += 1
            if visible[index]:
                track.segmentations[self._length] = encoded[index]
        self._length += 1

    def tracks(self, video_id: int, category_ids: Sequence[int]) -> list[TrackPrediction]:
        """All tracks that have a pixel somewhere, in order of their identity."""
        found: list[TrackPrediction] = []
        for _, track in sorted(self._tracks.items()):
            if not track.segmentations:
                continue
            score, label = (track.class_sum[:-1] / track.frames).max(0)
            segmentations = tuple(track.segmentations.get(frame) for frame in range(self._length))
            found.append(TrackPrediction(video_id, category_ids[int(label)], float(score), segmentations))
        return found
