"""A YouTube-VIS annotation file as values that are known to be sound.

    instances.json --read_json--> rows --categories--> --videos (frames on disk)--> --tracks (every mask)--> Annotations
                                                 all problems of the file at once, each with its JSON pointer

No image is opened here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rcf.data.fields import Row
from rcf.data.frame_files import FramesFolder, name_fault
from rcf.data.json_file import Json, describe, read_json
from rcf.data.masks_json import read_mask
from rcf.data.problems import Collector, refuse
from rcf.structures import Rle

LARGEST_SIDE = 32768
"""Pixels; beyond it a width or height is surely a mistake, and a mask would not fit in memory."""


MOST_FPS = 1000
"""Frames a second; more is a mistake."""


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


def load_annotations(path: Path, frames_root: Path | None = None, *, require_tracks: bool = True) -> Annotations:
    """Read and check `path`; with `frames_root`, also that every listed frame is a file below it.

    `require_tracks=False` accepts a file without annotations, such as the public validation split.
    Raises rcf.errors.InputError with all problems (50 spelled out, the rest counted).
    """
    document = read_json(path)
    if not isinstance(document, dict):
        refuse(path, "", describe(document), "an object with videos, categories and annotations")
    problems = Collector(str(path))
    top = Row(problems, "", document)
    folder = frames_folder(problems, frames_root)
    categories = unique_rows(top.rows("categories"), read_category)
    videos = unique_rows(top.rows("videos"), lambda row: _video(row, folder))
    _refuse_shared_frames(problems, videos)
    tracks: dict[int, tuple[str, Track]] = {}
    if document.get("annotations") is None and not require_tracks:
        pass
    elif document.get("annotations", 0) is None:
        problems.add("/annotations", "null", "a list", "A public validation split has no labels: it cannot be scored")
    else:
        category_ids = ids_of(document.get("categories"))
        video_ids = ids_of(document.get("videos"))
        tracks = unique_rows(top.rows("annotations"), lambda row: _track(row, videos, video_ids, category_ids))
    problems.raise_if_any()
    return Annotations(path, values_of(videos), values_of(categories), values_of(tracks))


Item = TypeVar("Item", Category, Video, Track)


def values_of(items: dict[int, tuple[str, Item]]) -> tuple[Item, ...]:
    """What `unique_rows` found, without the places."""
    return tuple(item for _, item in items.values())


def frames_folder(problems: Collector, root: Path | None) -> FramesFolder | None:
    """The folder that holds the frames; None, with a problem noted, when it is not there."""
    if root is None:
        return None
    if not root.is_dir():
        problems.add("", f"no folder {root}", "the folder that holds the frames")
        return None
    return FramesFolder(root)


def ids_of(rows: Json) -> frozenset[int]:
    """Every id that occurs, also of rows with faults: one fault should not call all its users unknown."""
    if not isinstance(rows, list):
        return frozenset()
    numbers = (row.get("id") for row in rows if isinstance(row, dict))
    return frozenset(number for number in numbers if isinstance(number, int))


def unique_rows(rows: Iterator[Row], read: Callable[[Row], Item | None]) -> dict[int, tuple[str, Item]]:
    """The readable rows by id, each with its place; a second use of an id is noted."""
    first: dict[int, str] = {}
    found: dict[int, tuple[str, Item]] = {}
    for row in rows:
        item = read(row)
        number = row.values.get("id")
        if isinstance(number, int) and number in first:
            row.fault("id", f"an id of its own, not that of {first[number]}")
        elif isinstance(number, int):
            first[number] = row.place
            if item is not None:
                found[number] = (row.place, item)
    return found


def read_category(row: Row) -> Category | None:
    """One row of `categories`."""
    number, name = row.integer("id"), row.text("name")
    return None if number is None or name is None else Category(number, name)


def _video(row: Row, folder: FramesFolder | None) -> Video | None:
    number = row.integer("id")
    width = row.integer("width", 1, LARGEST_SIDE)
    height = row.integer("height", 1, LARGEST_SIDE)
    names = _file_names(row, folder)
    length = row.integer("length", 1) if "length" in row.values else len(names or ())
    if number is None or width is None or height is None or names is None or length is None:
        return None
    if length != len(names):
        row.fault("length", f"{len(names)}, the number of file_names")
        return None
    silent = "audio_file" in row.values and row.values["audio_file"] is None
    return Video(number, width, height, length, names, _audio_file(row), _fps(row), silent, _hard_frames(row, length))


def _audio_file(row: Row) -> str | None:
    if row.values.get("audio_file") is None:
        return None
    name = row.text("audio_file")
    fault = None if name is None else name_fault(name, "sound")
    if fault is not None:
        row.problems.add(row.at("audio_file"), fault.got, fault.wanted, fault.hint)
    return name


def _fps(row: Row) -> float | None:
    value = row.values.get("fps")
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= MOST_FPS:
        return float(value)
    row.fault("fps", f"a number above 0, at most {MOST_FPS}, or null")
    return None


def _hard_frames(row: Row, length: int) -> tuple[int, ...] | None:
    if row.values.get("hard_frames") is None:
        return None
    numbers = row.array("hard_frames") or []
    if any(not isinstance(each, int) or isinstance(each, bool) or not 0 <= each < length for each in numbers):
        row.fault("hard_frames", f"a list of frame numbers from 0 to {length - 1}, or null")
        return None
    return tuple(number for number in numbers if isinstance(number, int))


def _file_names(row: Row, folder: FramesFolder | None) -> tuple[str, ...] | None:
    values = row.array("file_names")
    if values == []:
        row.fault("file_names", "at least one frame")
    names: list[str] = []
    for index, value in enumerate(values or []):
        place = f"{row.at('file_names')}/{index}"
        if not isinstance(value, str):
            row.problems.add(place, describe(value), "a text")
            continue
        fault = name_fault(value) or (folder.fault(value) if folder else None)
        if fault is not None:
            row.problems.add(place, fault.got, fault.wanted, fault.hint)
        names.append(value)
    return tuple(names) if values and len(names) == len(values) else None


def _refuse_shared_frames(problems: Collector, videos: dict[int, tuple[str, Video]]) -> None:
    seen: dict[str, str] = {}
    for place, video in videos.values():
        for index, name in enumerate(video.file_names):
            here = f"{place}/file_names/{index}"
            if name in seen:
                problems.add(here, f"{name!r}, already listed at {seen[name]}", "each frame file once")
            seen.setdefault(name, here)


def _track(
    row: Row, videos: dict[int, tuple[str, Video]], video_ids: frozenset[int], category_ids: frozenset[int]
) -> Track | None:
    number, video_id, category_id = row.integer("id"), row.integer("video_id"), row.integer("category_id")
    crowd = row.flag("iscrowd")
    if video_id is not None and video_id not in video_ids:
        row.fault("video_id", "the id of a video in /videos")
    if category_id is not None and category_id not in category_ids:
        row.fault("category_id", "the id of a category in /categories")
    entries = row.array("segmentations")
    video = videos[video_id][1] if video_id in videos else None
    if video is None or entries is None:
        return None
    if len(entries) != video.length:
        row.fault("segmentations", f"{video.length} entries, one a frame of video {video.id}")
        return None
    place = row.at("segmentations")
    masks = [
        read_mask(row.problems, f"{place}/{index}", entry, video.height, video.width)
        for index, entry in enumerate(entries)
    ]
    areas = row.measures("areas", video.length) if row.values.get("areas") is not None else None
    if number is None or category_id is None:
        return None
    counted = tuple(None if mask is None else float(mask[1]) for mask in masks)
    segmentations = tuple(None if mask is None else mask[0] for mask in masks)
    return Track(number, video.id, category_id, crowd, segmentations, areas or counted)
