"""The same videos with other steps between their frames: where does the order of slots break?

    annotations --every_nth(n)--> each video with frames 0, n, 2 n ..      objects move n times as far a step
                --shuffled(seed)-> each video with its frames in a random order: nothing of motion is left

Only annotations change; frames are found by their names. Sound does not follow: it stands in its own time.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from rcf.data.annotations import Annotations, Track, Video

Entry = TypeVar("Entry")
Choose = Callable[[Video], Sequence[int]]


def every_nth(annotations: Annotations, step: int) -> Annotations:
    """Each video from its first frame on, `step` frames at a time. Raises ValueError for a step below 1."""
    if step < 1:
        raise ValueError(f"step: got {step}, expected at least 1")
    return _picked(annotations, lambda video: range(0, video.length, step))


def shuffled(annotations: Annotations, seed: int) -> Annotations:
    """Each video with its frames in an order drawn from `seed` and the video's own id."""

    def order(video: Video) -> Sequence[int]:
        drawn: list[int] = np.random.default_rng((seed, video.id)).permutation(video.length).tolist()
        return drawn

    return _picked(annotations, order)


def _picked(annotations: Annotations, choose: Choose) -> Annotations:
    """Each video with the frames that `choose` names, in that order; tracks that are in none of them are gone."""
    frames = {video.id: list(choose(video)) for video in annotations.videos}
    videos = tuple(_video(video, frames[video.id]) for video in annotations.videos)
    tracks = (_track(track, frames[track.video_id]) for track in annotations.tracks)
    return replace(annotations, videos=videos, tracks=tuple(each for each in tracks if any(each.segmentations)))


def _video(video: Video, frames: Sequence[int]) -> Video:
    hard = set(video.hard_frames or ())
    places = tuple(place for place, frame in enumerate(frames) if frame in hard)
    return replace(
        video,
        length=len(frames),
        file_names=_at(video.file_names, frames),
        hard_frames=None if video.hard_frames is None else places,
    )


def _track(track: Track, frames: Sequence[int]) -> Track:
    return replace(track, segmentations=_at(track.segmentations, frames), areas=_at(track.areas, frames))


def _at(entries: Sequence[Entry], frames: Sequence[int]) -> tuple[Entry, ...]:
    return tuple(entries[frame] for frame in frames)
