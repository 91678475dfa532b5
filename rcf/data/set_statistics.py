"""What is in a split, counted while its rows pass by: no row is kept.

    add_category, add_video, add_track, add_sound  --counters, 8 bytes a track--> SplitStatistics --as_json--> numbers

Sizes follow the evaluator: the area of a track is its mean over the frames in which it is visible, and small, medium
and large are its ranges. A gap is a run of frames without the object between two frames with it.
"""

from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rcf.data.json_text import Json
from rcf.data.videos import Category, Track, Video
from rcf.evaluation.matching import AREA_RANGES


@dataclass(slots=True)
class SplitStatistics:
    """Of one split; counters are value -> how often."""

    categories: dict[int, str] = field(default_factory=dict[int, str])
    tracks: Counter[int] = field(default_factory=Counter[int])
    """By category, crowds left out."""
    crowds: int = 0
    frame_sizes: Counter[tuple[int, int]] = field(default_factory=Counter[tuple[int, int]])
    """Videos by (width, height)."""
    lengths: Counter[int] = field(default_factory=Counter[int])
    """Videos by frames."""
    per_video: Counter[int] = field(default_factory=Counter[int])
    """Tracks of each video id."""
    visible: Counter[int] = field(default_factory=Counter[int])
    """Tracks by frames in which they are visible."""
    gaps: Counter[int] = field(default_factory=Counter[int])
    """Gaps by their frames."""
    interrupted: int = 0
    """Tracks with a gap."""
    areas: "array[float]" = field(default_factory=lambda: array("f"))
    """Mean area of each visible track, pixels."""
    shares: "array[float]" = field(default_factory=lambda: array("f"))
    """The same as a share of the frame."""
    sounds: Counter[str] = field(default_factory=Counter[str])
    """Videos by "heard", "silent" (the file says so), "missing"."""
    sound_s: float = 0.0
    timed_frames: int = 0
    """Frames of videos with fps and a sound."""
    heard_frames: int = 0
    """Those of them that begin before their sound ends."""
    _pixels: dict[int, int] = field(default_factory=dict[int, int])

    def add(self, item: Category | Video | Track) -> None:
        """One row of the annotation file."""
        if isinstance(item, Track):
            self._add_track(item)
        elif isinstance(item, Video):
            self.frame_sizes[item.width, item.height] += 1
            self.lengths[item.length] += 1
            self._pixels[item.id] = item.width * item.height
        else:
            self.categories[item.id] = item.name

    def _add_track(self, track: Track) -> None:
        if track.iscrowd:
            self.crowds += 1
            return
        self.tracks[track.category_id] += 1
        self.per_video[track.video_id] += 1
        seen = [t for t, area in enumerate(track.areas) if track.segmentations[t] is not None and area]
        self.visible[len(seen)] += 1
        gaps = [later - before - 1 for before, later in pairwise(seen) if later - before > 1]
        self.gaps.update(gaps)
        self.interrupted += bool(gaps)
        if seen:
            area = sum(track.areas[t] or 0.0 for t in seen) / len(seen)
            self.areas.append(area)
            self.shares.append(area / self._pixels[track.video_id])

    def add_sound(self, video: Video, seconds: float | None) -> None:
        """How long the sound of a video is; None where there is none to be heard."""
        self.sounds["silent" if video.silent else "missing" if seconds is None else "heard"] += 1
        if seconds is None or video.silent:
            return
        self.sound_s += seconds
        if video.fps is not None:
            self.timed_frames += video.length
            self.heard_frames += sum(t / video.fps < seconds for t in range(video.length))

    @property
    def videos(self) -> int:
        """How many there are."""
        return self.lengths.total()

    @property
    def frames(self) -> int:
        """How many there are in all videos."""
        return sum(length * count for length, count in self.lengths.items())

    def sizes(self) -> dict[str, int]:
        """Visible tracks that are small, medium and large to the evaluator; a track on a border counts as smaller."""
        areas, found, below = np.frombuffer(self.areas, dtype=np.float32), dict[str, int](), 0
        for name, _, most in AREA_RANGES[1:]:
            found[name] = int((areas <= most).sum()) - below
            below += found[name]
        return found

    def as_json(self) -> dict[str, Json]:
        """All numbers; names of categories with the tracks of each, quantiles instead of long counters."""
        by_name: dict[str, Json] = {self.categories[each]: self.tracks[each] for each in sorted(self.categories)}
        objects = Counter(self.per_video.values())
        objects[0] = self.videos - len(self.per_video)
        return {
            "videos": self.videos,
            "frames": self.frames,
            "tracks": self.tracks.total(),
            "crowds": self.crowds,
            "tracks_by_category": by_name,
            "frame_sizes": [{"width": w, "height": h, "videos": n} for (w, h), n in self.frame_sizes.most_common()],
            "video_frames": quantiles(self.lengths),
            "objects_in_video": quantiles(objects),
            "visible_frames": quantiles(self.visible),
            "area_pixels": _of_values(self.areas),
            "area_share": _of_values(self.shares),
            "size_ranges": dict[str, Json](self.sizes()),
            "tracks_with_gaps": self.interrupted,
            "gaps": self.gaps.total(),
            "gap_frames": sum(length * count for length, count in self.gaps.items()),
            "gap_length": quantiles(self.gaps),
            "sound": {
                "heard": self.sounds["heard"], "silent": self.sounds["silent"], "missing": self.sounds["missing"],
                "seconds": round(self.sound_s, 3), "frames_timed": self.timed_frames,
                "frames_heard": self.heard_frames,
            },
        }  # fmt: skip


_QUANTILES = {"least": 0.0, "quarter": 0.25, "median": 0.5, "three_quarters": 0.75, "most": 1.0}


def quantiles(counts: Mapping[int, int]) -> Json:
    """Least, quartiles and most of whole numbers of which `counts` says how often each is there; null of nothing.

    The quantile q is the smallest value that at least a share q of all does not exceed (inverse of the distribution).
    """
    values = np.array(sorted(value for value, count in counts.items() if count > 0), dtype=np.int64)
    if not len(values):
        return None
    cumulated: NDArray[np.int64] = np.cumsum([counts[int(value)] for value in values])
    places = [int(np.searchsorted(cumulated, q * int(cumulated[-1]))) for q in _QUANTILES.values()]
    return {name: int(values[place]) for name, place in zip(_QUANTILES, places, strict=True)}


def _of_values(values: "array[float]") -> Json:
    """The same of single numbers."""
    if not values:
        return None
    known: NDArray[np.float32] = np.frombuffer(values, dtype=np.float32)
    found: NDArray[np.float32] = np.quantile(known, list(_QUANTILES.values()), method="inverted_cdf")
    return {name: float(f"{value:.4g}") for name, value in zip(_QUANTILES, found, strict=True)}
