"""Training clips as a pure function of (seed, step): a resume needs no sampler state, arms with one seed see one order.

step --> clip numbers --permutation of the epoch--> videos --stream "data"--> first target
     --> R frames before + T targets, clamped to the video --stream "augment"--> flip --> ClipBatch
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from rcf.data.annotations import Video
from rcf.seeding import stream
from rcf.structures import ClipBatch, FrameTargets


@runtime_checkable
class ClipSource(Protocol):
    """What sampling needs of a data set; VideoDataset is one."""

    @property
    def videos(self) -> tuple[Video, ...]: ...

    def frame(self, video_index: int, frame_index: int) -> UInt8[Tensor, "3 H W"]: ...

    def targets(self, video_index: int, frame_index: int) -> FrameTargets: ...


@dataclass(frozen=True, slots=True)
class Clip:
    """Where one clip is taken from."""

    video_index: int
    first: int
    """Frame of the first target."""
    flipped: bool


def window(t: int, references: int) -> list[int]:
    """Reference frames of target `t`, oldest first; at the start of a video the oldest frame is repeated."""
    return [max(t - back, 0) for back in range(references, 0, -1)]


def clip_frames(length: int, first: int, targets: int, references: int) -> list[int]:
    """R + T frame numbers of a clip; a video shorter than T repeats its last frame."""
    return [min(max(t, 0), length - 1) for t in range(first - references, first + targets)]


def plan_clips(lengths: tuple[int, ...], *, clips: int, targets: int, flip: bool, seed: int, step: int) -> list[Clip]:
    """The clips of one step, for videos of these lengths (frames).

    Each video comes once in a permutation. The number of reference frames is no argument: it cannot change the targets.
    """
    starts = stream(seed, "data", step).random(clips)
    mirrored = stream(seed, "augment", step).random(clips) < 0.5
    planned: list[Clip] = []
    for position in range(clips):
        epoch, place = divmod(step * clips + position, len(lengths))
        video = _order(seed, epoch, len(lengths))[place]
        choices = max(lengths[video] - targets + 1, 1)
        planned.append(Clip(video, int(starts[position] * choices), flip and bool(mirrored[position])))
    return planned


def sample_clips(
    dataset: ClipSource, *, clips: int, targets: int, references: int, flip: bool, seed: int, step: int,
    places: range | None = None,
) -> ClipBatch:  # fmt: skip
    """The clips at `places` (None: all) of one step's `clips`, each of `references` + `targets` frames.

    Raises rcf.errors.InputError when an image is damaged.
    """
    lengths = tuple(video.length for video in dataset.videos)
    planned = plan_clips(lengths, clips=clips, targets=targets, flip=flip, seed=seed, step=step)
    wanted = range(clips) if places is None else places
    taken = [_take(dataset, planned[place], targets, references) for place in wanted]
    return ClipBatch(torch.stack([frames for frames, _ in taken]), tuple(wanted for _, wanted in taken))


@lru_cache(maxsize=8)
def _order(seed: int, epoch: int, videos: int) -> tuple[int, ...]:
    return tuple(np.random.Generator.permutation(stream(seed, "data-order", epoch), videos).tolist())


def _take(
    dataset: ClipSource, clip: Clip, targets: int, references: int
) -> tuple[UInt8[Tensor, "P 3 H W"], tuple[FrameTargets, ...]]:
    numbers = clip_frames(dataset.videos[clip.video_index].length, clip.first, targets, references)
    frames = torch.stack([dataset.frame(clip.video_index, number) for number in numbers])
    wanted = tuple(dataset.targets(clip.video_index, number) for number in numbers[references:])
    if clip.flipped:
        return frames.flip(-1), tuple(FrameTargets(t.labels, t.masks.flip(-1), t.tracks) for t in wanted)
    return frames, wanted
