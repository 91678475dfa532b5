"""HOTA: how well objects are found and followed, in one number (Luiten et al. 2020, IJCV, arXiv 2009.07736).

    TrackedFrame: true tracks, predicted identities, IoU G P --count_video--> HotaCounts --over all videos, hota--> Hota
        alignment of a track with an identity   how much they overlap over the whole video, as a Jaccard index
        matches of a frame                      one to one, alignment x IoU adding up to most; IoU >= alpha: a hit
        DetA = TP / (TP + FN + FP)              of frames' objects;    AssA = mean over hits of A
        A = frames the pair is matched in / frames in which either of the two is there
        HOTA = sqrt(DetA AssA)                  mean over alpha = 0.05, 0.10 .. 0.95

Equal to the authors' TrackEval, data sets included: counts add up over videos, so a long video weighs more than a short
one. Classes are not looked at: what is compared here differs in who is who, which does not touch them; one who asks for
HOTA of a class hands in the frames of that class.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ALPHAS: Floats = np.arange(0.05, 0.99, 0.05)
"""To the last bit those of TrackEval: the IoU of two masks may lie exactly on one."""
_EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True, eq=False)
class TrackedFrame:
    """One frame. Raises ValueError where parts do not fit, a number occurs twice, or an IoU is outside 0..1."""

    truth: Sequence[int]
    """True tracks that are in the frame."""
    predicted: Sequence[int]
    """Identities that are shown in it."""
    similarity: Floats
    """G P: IoU of each true mask with each predicted one."""

    def __post_init__(self) -> None:
        """Nothing that is wrong here would be seen in the result."""
        wanted = (len(self.truth), len(self.predicted))
        if self.similarity.shape != wanted:
            raise ValueError(f"similarity: got the shape {self.similarity.shape}, expected {wanted}")
        if not ((self.similarity >= 0) & (self.similarity <= 1)).all():
            raise ValueError("similarity: got an IoU outside 0..1")
        for name, numbers in (("truth", self.truth), ("predicted", self.predicted)):
            if len(set(numbers)) != len(numbers):
                raise ValueError(f"{name}: got {list(numbers)}, expected each number once in a frame")


@dataclass(frozen=True, slots=True, eq=False)
class HotaCounts:
    """What a video adds to the sums."""

    truth: int
    """Masks of true objects, over all frames."""
    predicted: int
    hits: Floats
    """TP at each alpha."""
    association: Floats
    """A, summed over these hits."""


@dataclass(frozen=True, slots=True)
class Hota:
    """Percent points, mean over alpha."""

    hota: float
    deta: float
    assa: float


def count_video(frames: Sequence[TrackedFrame]) -> HotaCounts:
    """Match the frames of one video; without frames all counts are 0."""
    truth = _Numbered.of([frame.truth for frame in frames])
    predicted = _Numbered.of([frame.predicted for frame in frames])
    rows, columns = truth.counts[:, None], predicted.counts[None]
    alignment = np.zeros((truth.counts.size, predicted.counts.size))
    places = [np.ix_(g, p) for g, p in zip(truth.frames, predicted.frames, strict=True)]
    for frame, place in zip(frames, places, strict=True):
        alignment[place] += _shared(frame.similarity)
    alignment /= rows + columns - alignment
    matched = np.zeros((ALPHAS.size, *alignment.shape))
    for frame, place, g, p in zip(frames, places, truth.frames, predicted.frames, strict=True):
        mine, theirs = linear_sum_assignment(-alignment[place] * frame.similarity)
        hit = frame.similarity[mine, theirs] >= ALPHAS[:, None] - _EPSILON
        matched[:, g[mine], p[theirs]] += hit
    association = matched * matched / (rows + columns - matched)
    return HotaCounts(
        int(truth.counts.sum()), int(predicted.counts.sum()), matched.sum((1, 2)), association.sum((1, 2))
    )


def hota(videos: Iterable[HotaCounts]) -> Hota | None:
    """The scores of a data set; None where there is neither a true object nor a predicted one.

    Where nothing is hit, AssA counts as 0 at that alpha, as in TrackEval.
    """
    counted = list(videos)
    either = sum(video.truth + video.predicted for video in counted)
    if not either:
        return None
    hits = np.sum([video.hits for video in counted], axis=0)
    deta = hits / (either - hits)
    assa = np.sum([video.association for video in counted], axis=0) / np.maximum(1, hits)
    means = (100 * float(score.mean()) for score in (np.sqrt(deta * assa), deta, assa))
    return Hota(*means)


@dataclass(frozen=True, slots=True, eq=False)
class _Numbered:
    """Tracks of a video, or identities, numbered from 0."""

    frames: list[Integers]
    """Numbers of each frame."""
    counts: Integers
    """Frames of each number: at least one."""

    @classmethod
    def of(cls, names: Sequence[Sequence[int]]) -> "_Numbered":
        number = {name: place for place, name in enumerate(dict.fromkeys(each for frame in names for each in frame))}
        frames = [np.array([number[name] for name in frame], np.int64) for frame in names]
        every = np.concatenate([np.zeros(0, np.int64), *frames])
        return cls(frames, np.bincount(every, minlength=len(number)))


def _shared(similarity: Floats) -> Floats:
    """How far each pair has one another to itself: IoU over all IoU that either has in the frame, G P."""
    either = similarity.sum(0)[None] + similarity.sum(1)[:, None] - similarity
    return np.divide(similarity, either, out=np.zeros_like(similarity), where=either > _EPSILON)
