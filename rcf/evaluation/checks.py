"""What must hold before tracks are compared; every problem at once, because a wrong file is seldom wrong in one place.

    predictions, annotations --ids, lengths, sizes, scores--> --counts, many in one go--> InputError, or all is sound

Masks are looked at one by one only when something is known to be wrong: comparing tracks does so anyway.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from rcf.data.annotations import Annotations, Video
from rcf.data.problems import Collector
from rcf.data.runs import parse_counts
from rcf.errors import Problem
from rcf.evaluation.bulk_runs import damaged
from rcf.evaluation.overlap import LARGEST_HEIGHT
from rcf.structures import Rle, TrackPrediction

_Track = tuple[str, Sequence[Rle | None], Video]
"""Place, masks and video of a track."""


@dataclass(slots=True)
class TrackChecks:
    """Checks of tracks against the annotations that they belong to; faults go to `problems`."""

    problems: Collector
    videos: Mapping[int, Video]
    categories: frozenset[int]
    _tracks: list[_Track] = field(default_factory=list[_Track])

    @classmethod
    def against(cls, annotations: Annotations, file: str) -> "TrackChecks":
        """Checks of a file against the videos and categories of `annotations`."""
        videos = {video.id: video for video in annotations.videos}
        return cls(Collector(file), videos, frozenset(category.id for category in annotations.categories))

    def score(self, place: str, score: float) -> None:
        """A score orders predictions, so it must be a finite number."""
        if not math.isfinite(score):
            self.problems.add(f"{place}/score", str(score), "a finite number")

    def category(self, place: str, category_id: int) -> None:
        """A category must be one of the data set's own ids."""
        if category_id not in self.categories:
            wanted = ", ".join(map(str, sorted(self.categories)[:20])) + (", ..." if len(self.categories) > 20 else "")
            hint = "Category ids are those of the annotation file, not indices from 0"
            self.problems.add(f"{place}/category_id", str(category_id), f"one of {wanted}", hint)

    def video(self, place: str, video_id: int) -> Video | None:
        """The video of that id, or None and a problem."""
        if video_id not in self.videos:
            wanted = f"one of the {len(self.videos)} video ids of the annotation file"
            self.problems.add(f"{place}/video_id", str(video_id), wanted)
        return self.videos.get(video_id)

    def length(self, place: str, frames: int, video: Video) -> None:
        """One entry a frame."""
        if frames != video.length:
            wanted = f"{video.length} entries, one for each frame of video {video.id}"
            self.problems.add(f"{place}/segmentations", f"{frames} entries", wanted)

    def masks(self, place: str, masks: Sequence[Rle | None], video: Video) -> None:
        """The right number of masks, each of the video's size."""
        self.length(place, len(masks), video)
        self._tracks.append((place, masks, video))
        size = [video.height, video.width]
        sizes = [mask["size"] for mask in masks if mask is not None]
        if sizes.count(size) == len(sizes):  # much faster than a look at each
            return
        for frame, mask in enumerate(masks):
            if mask is not None and mask["size"] != size:
                self.size(f"{place}/segmentations/{frame}", mask, video)

    def size(self, place: str, mask: Rle, video: Video) -> None:
        """A mask of another size than its video."""
        hint = "Masks must be at the video's own size, not at the network's"
        wanted = f"{[video.height, video.width]}, [height, width] of video {video.id}"
        self.problems.add(f"{place}/size", str(mask["size"])[:60], wanted, hint)

    def row_id(self, place: str) -> None:
        """A row that came with an id of its own: nobody needs it."""

    def absent(self, entry: object) -> bool:
        """Whether an entry of `segmentations` says that the object is not there; anything else must be a mask."""
        return entry is None or entry == []

    def annotation_id(self, place: str, number: int) -> None:
        """The official evaluator takes a match with id 0 for none, so its numbers would differ from ours."""
        if number == 0:
            hint = (
                "The official evaluator counts whoever finds it as false: number annotations from 1, or --mode compat"
            )
            self.problems.add(f"{place}/id", "0", "an id of at least 1", hint)

    def counts(self) -> None:
        """Decode the masks that were seen since the last call; they are let go."""
        for place, masks, video in self._tracks:
            for frame in self._damaged(masks, video):
                mask = masks[frame]
                assert mask is not None
                wanted = f"runs of {math.prod(mask['size'])} pixels in all"
                self.problems.add(f"{place}/segmentations/{frame}/counts", _fault(mask["counts"]), wanted)
        self._tracks.clear()

    def _damaged(self, masks: Sequence[Rle | None], video: Video) -> list[int]:
        """Frames whose counts are no whole mask; those of another size are a fault already."""
        size = [video.height, video.width]
        frames = {frame: mask["counts"] for frame, mask in enumerate(masks) if mask and mask["size"] == size}
        return [list(frames)[index] for index in damaged(list(frames.values()), video.height * video.width)]

    def finish(self, decode: bool) -> None:
        """Raise rcf.errors.InputError when there was a problem; with `decode`, look at all counts in any case."""
        if decode or self.problems.count:
            self.counts()
        self.problems.raise_if_any()


_Look = Callable[[TrackChecks, str, Sequence[Rle | None], Video], None]
"""How the masks of a track are looked at."""


def check_predictions(
    annotations: Annotations, predictions: Sequence[TrackPrediction], source: str, decode: bool = False
) -> None:
    """Refuse predictions that do not fit the annotations; places are JSON pointers as in a results file.

    Masks are looked at with `decode`, or when something else is wrong. Else comparing them finds out, and asks for
    `decode`: a look at all of them for their size alone is a tenth of an evaluation.
    """
    _finish(partial(_predictions, annotations, predictions, source), decode)


def _predictions(
    annotations: Annotations, predictions: Sequence[TrackPrediction], source: str, masks: _Look
) -> TrackChecks:
    checks = TrackChecks.against(annotations, source)
    for index, prediction in enumerate(predictions):
        place = f"/{index}"
        checks.score(place, prediction.score)
        checks.category(place, prediction.category_id)
        video = checks.video(place, prediction.video_id)
        if video is not None:
            masks(checks, place, prediction.segmentations, video)
    return checks


def numbering_problems(annotations: Annotations) -> list[Problem]:
    """Annotations that `check_tracks` would refuse for their id, to be told before a training instead of after it."""
    checks = TrackChecks.against(annotations, str(annotations.path))
    for index, track in enumerate(annotations.tracks):
        checks.annotation_id(f"/annotations/{index}", track.id)
    return checks.problems.listed()


def check_tracks(annotations: Annotations, decode: bool = False) -> None:
    """The same for the annotations' own tracks; those of `load_annotations` always pass."""
    _finish(partial(_tracks, annotations), decode)


def _tracks(annotations: Annotations, masks: _Look) -> TrackChecks:
    checks = TrackChecks.against(annotations, str(annotations.path))
    for index, video in enumerate(annotations.videos):
        if video.height > LARGEST_HEIGHT:
            checks.problems.add(f"/videos/{index}/height", str(video.height), f"at most {LARGEST_HEIGHT}")
    for index, track in enumerate(annotations.tracks):
        place = f"/annotations/{index}"
        checks.annotation_id(place, track.id)
        checks.category(place, track.category_id)
        video = checks.video(place, track.video_id)
        if video is not None:
            masks(checks, place, track.segmentations, video)
    return checks


def _count(checks: TrackChecks, place: str, masks: Sequence[Rle | None], video: Video) -> None:
    checks.length(place, len(masks), video)


def _finish(look: Callable[[_Look], TrackChecks], decode: bool) -> None:
    checks = look(TrackChecks.masks if decode else _count)
    if checks.problems.count and not decode:
        checks = look(TrackChecks.masks)
    checks.finish(decode)


def _fault(counts: str) -> str:
    try:
        return f"runs of {int(parse_counts(counts).sum())} pixels in all"
    except ValueError as error:
        return f"corrupt counts ({error})"
