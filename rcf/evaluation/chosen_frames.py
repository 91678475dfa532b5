"""Scoring some frames only: those that are hard to see on purpose, or all others.

    annotations, predictions --keep frames--> tracks cut to them --nothing left: dropped--> annotations, predictions

A track keeps its identity and its score, both come from the whole video; it is compared with the truth on the frames
that count. So the question is how well an object is followed through a burst, not whether a burst alone shows it.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from typing import TypeVar

from rcf.config.evaluation import FrameChoice
from rcf.data.annotations import Annotations, Video
from rcf.errors import Problem
from rcf.structures import TrackPrediction

Entry = TypeVar("Entry")


def frames_of(video: Video, choice: FrameChoice) -> Set[int]:
    """Numbers of the frames of `video` that count; a video without a list has no hard frames."""
    every = frozenset(range(video.length))
    hard = frozenset(video.hard_frames or ())
    chosen: dict[FrameChoice, Set[int]] = {"all": every, "hard": hard, "clear": every - hard}
    return chosen[choice]


def frames_problems(annotations: Annotations, choice: FrameChoice) -> list[Problem]:
    """Hard frames can be told from the others only where the file lists them."""
    if choice == "all" or any(video.hard_frames for video in annotations.videos):
        return []
    wanted = f"numbers of frames in some video, to score {choice} frames"
    return [Problem(str(annotations.path), "/videos/*/hard_frames", "none", wanted, "Or score all frames")]


def restrict(
    annotations: Annotations, predictions: Sequence[TrackPrediction], choice: FrameChoice
) -> tuple[Annotations, list[TrackPrediction]]:
    """Both with masks on the chosen frames only; videos without such a frame and tracks without a mask are left out."""
    if choice == "all":
        return annotations, list(predictions)
    kept = {video.id: frames_of(video, choice) for video in annotations.videos}
    videos = tuple(video for video in annotations.videos if kept[video.id])
    tracks = [
        replace(
            track,
            segmentations=_cut(track.segmentations, kept[track.video_id]),
            areas=_cut(track.areas, kept[track.video_id]),
        )
        for track in annotations.tracks
    ]
    seen = tuple(track for track in tracks if any(track.segmentations))
    return replace(annotations, videos=videos, tracks=seen), _seen_in(predictions, kept)


def restrict_video(video: Video, predictions: Sequence[TrackPrediction], choice: FrameChoice) -> list[TrackPrediction]:
    """The predictions of one video, as `restrict` leaves them."""
    return list(predictions) if choice == "all" else _seen_in(predictions, {video.id: frames_of(video, choice)})


def _seen_in(predictions: Sequence[TrackPrediction], kept: Mapping[int, Set[int]]) -> list[TrackPrediction]:
    cut = [replace(each, segmentations=_cut(each.segmentations, kept[each.video_id])) for each in predictions]
    return [each for each in cut if any(each.segmentations)]


def _cut(entries: Sequence[Entry | None], kept: Set[int]) -> tuple[Entry | None, ...]:
    return tuple(entry if number in kept else None for number, entry in enumerate(entries))
