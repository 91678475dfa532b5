"""What an annotation file says, as values.

Annotations: Categories, Videos, and Tracks: an object over one video, a mask or None for each frame
"""

from dataclasses import dataclass
from pathlib import Path

from rcf.structures import Rle


@dataclass(frozen=True, slots=True)
class Category:
    """A kind of object; `id` is the data set's own number, which need not be contiguous."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Video:
    """Frames of one video, all of one size, in order."""

    id: int
    width: int
    height: int
    length: int
    file_names: tuple[str, ...]
    """Relative to the frames folder, with forward slashes."""
    audio_file: str | None = None
    """Relative to the folder of the sounds; None where the file does not say."""
    fps: float | None = None
    """Frames a second; None where the file does not say."""
    silent: bool = False
    """The file says that there is no sound (`audio_file: null`)."""
    hard_frames: tuple[int, ...] | None = None
    """Numbers of the frames that are hard to see on purpose; None where the file does not say."""


@dataclass(frozen=True, slots=True)
class Track:
    """One object over a whole video: one entry a frame, None where it is not visible."""

    id: int
    video_id: int
    category_id: int
    iscrowd: bool
    segmentations: tuple[Rle | None, ...]
    areas: tuple[float | None, ...]
    """Pixels, as the file says; counted from the masks when it says nothing."""


@dataclass(frozen=True, slots=True)
class Annotations:
    """A whole annotation file."""

    path: Path
    videos: tuple[Video, ...]
    categories: tuple[Category, ...]
    tracks: tuple[Track, ...]

    @property
    def category_names(self) -> tuple[str, ...]:
        """In the order of class indices, which is that of the ids (VideoDataset.category_ids)."""
        return tuple(each.name for each in sorted(self.categories, key=lambda category: category.id))
