"""From frame predictions to tracks, the rows of a results file.

    FramePrediction at t = 0, 1, .. --by identity--> masks as RLE, mean class distribution
        --Choice: each track's best category, or the best pairs of track and category--> TrackPrediction

Label and score are not in the paper. By default label = best category of the mean class distribution over the frames in
which the object fired, score = that mean.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from rcf.config import EvaluationConfig
from rcf.evaluation.rle import encode
from rcf.structures import FramePrediction, Rle, TrackPrediction
from rcf.tensors import booleans, integers, pairs


@dataclass(slots=True)
class _Track:
    class_sum: Float[Tensor, " G"]
    frames: int = 0
    segmentations: dict[int, Rle] = field(default_factory=dict[int, Rle])


Choice = Callable[[Float[Tensor, "K C"]], Int[Tensor, "P 2"]]
"""From the score of each of K tracks in each category to the pairs that are predicted: track, category."""


def best_category(scores: Float[Tensor, "K C"]) -> Int[Tensor, "K 2"]:
    """Each track once."""
    return torch.stack((torch.arange(len(scores)), scores.argmax(1)), dim=1)


def best_pairs(count: int) -> Choice:
    """The `count` best pairs, the best first; of equal scores the first."""

    def choose(scores: Float[Tensor, "K C"]) -> Int[Tensor, "P 2"]:
        places = scores.flatten().argsort(descending=True, stable=True)[:count]
        return torch.stack((places // scores.shape[1], places % scores.shape[1]), dim=1)

    return choose


class TrackAssembler:
    """Collects one video, masks kept as run lengths only."""

    def __init__(self, config: EvaluationConfig) -> None:
        self._choose: Choice = best_pairs(config.pairs_per_video) if config.pairs_per_video else best_category
        self._over_video = config.track_score == "video"
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
        """Tracks that have a pixel somewhere, in order of their identity or of their score: see `Choice`."""
        seen = [track for _, track in sorted(self._tracks.items()) if track.segmentations]
        if not seen:
            return []
        scores = torch.stack(
            [track.class_sum[:-1] / (self._length if self._over_video else track.frames) for track in seen]
        )
        return [
            TrackPrediction(
                video_id,
                category_ids[category],
                float(scores[index, category]),
                tuple(seen[index].segmentations.get(frame) for frame in range(self._length)),
            )
            for index, category in pairs(self._choose(scores))
        ]
