"""COCO-video JSON, as MMTracking and others write it: images in videos, an annotation for each object and frame.

images      {"id", "video_id", "frame_id", "file_name", "height", "width"} --by video, in the order of frame_id--> Video
annotations {"image_id", "instance_id", "category_id", "segmentation"}     --by video and instance_id-----------> Track

`track_id` (TAO) is read where `instance_id` is missing. Masks may be polygons or run lengths.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from rcf.data.convert.parts import Part
from rcf.data.convert.rows import RowWriter
from rcf.data.fields import Row
from rcf.data.frame_files import FramesFolder, name_fault
from rcf.data.json_file import describe, read_json
from rcf.data.json_text import Progress
from rcf.data.masks_json import read_mask
from rcf.data.problems import Collector, refuse
from rcf.data.video_rows import LARGEST_SIDE, read_category
from rcf.data.videos import Category, Track, Video
from rcf.structures import Rle


@dataclass(frozen=True, slots=True)
class _Image:
    """A row of `images`."""

    place: str
    video_id: int
    frame: int
    name: str
    height: int
    width: int


@dataclass(slots=True)
class _Object:
    """An object over its video."""

    category_id: int
    place: str
    """Of its first annotation."""
    iscrowd: bool
    masks: dict[int, tuple[Rle, float]] = field(default_factory=dict[int, tuple[Rle, float]])
    """By image."""
    seen_in: dict[int, str] = field(default_factory=dict[int, str])
    """Image -> place."""


def read_coco_video(part: Part, rows: RowWriter, progress: Progress) -> tuple[Category, ...]:
    """Write every video of the file and return its categories; faults go to `rows.problems`.

    Raises rcf.errors.InputError where the file is no JSON object.
    """
    document = read_json(part.annotations)
    if not isinstance(document, dict):
        refuse(part.annotations, "", describe(document), "an object with videos, images, categories and annotations")
    top = Row(rows.problems, "", document)
    categories = {each.id: each for row in top.rows("categories") if (each := read_category(row)) is not None}
    videos = _videos(top)
    images = _images(top, videos, FramesFolder(part.frames))
    objects = _objects(top, images, categories)
    frames = _in_order(videos, images, rows.problems)
    tracks = 1
    for done, (number, listed) in enumerate(frames.items(), start=1):
        video = _video(videos[number], number, [images[each] for each in listed], rows.problems)
        if video is not None:
            rows.video(video, videos[number].place)
            for each in objects[number].values():
                masks = [each.masks.get(image) for image in listed]
                entries = tuple(None if found is None else found[0] for found in masks)
                areas = tuple(None if found is None else found[1] for found in masks)
                rows.track(Track(tracks, number, each.category_id, each.iscrowd, entries, areas))
                tracks += 1
        progress(done, len(frames))
    return tuple(categories.values())


def _videos(top: Row) -> dict[int, Row]:
    found: dict[int, Row] = {}
    for row in top.rows("videos"):
        number = row.number("id")
        if number in found:
            row.fault("id", f"an id of its own, not that of {found[number].place}", rule="video-id-twice")
        elif number is not None:
            found[number] = row
    return found


def _images(top: Row, videos: dict[int, Row], folder: FramesFolder) -> dict[int, _Image]:
    """By id."""
    found: dict[int, _Image] = {}
    files: dict[str, str] = {}
    for row in top.rows("images"):
        number, video_id = row.number("id"), row.number("video_id")
        frame = row.integer("frame_id", 0)
        height = row.integer("height", 1, LARGEST_SIDE, "size-range")
        width = row.integer("width", 1, LARGEST_SIDE, "size-range")
        name = row.text("file_name")
        fault = None if name is None else name_fault(name) or folder.fault(name)
        if fault is not None:
            row.problems.add(row.at("file_name"), fault.got, fault.wanted, fault.hint, fault.rule)
        if name is not None and files.setdefault(name, row.place) != row.place:
            row.fault("file_name", f"each image file once, not again that of {files[name]}", rule="frame-listed-twice")
        if video_id is not None and video_id not in videos:
            row.fault("video_id", "the id of a video in /videos", rule="video-unknown")
        elif number in found:
            row.fault("id", f"an id of its own, not that of {found[number].place}")
        elif fault is None and None not in (number, video_id, frame, height, width, name):
            assert number is not None and video_id is not None and frame is not None
            assert height is not None and width is not None and name is not None
            found[number] = _Image(row.place, video_id, frame, name, height, width)
    return found


def _objects(
    top: Row, images: dict[int, _Image], categories: dict[int, Category]
) -> defaultdict[int, dict[int, _Object]]:
    """Video -> instance -> object, in the order of their first annotations."""
    known = _ids(top, "images")
    found: defaultdict[int, dict[int, _Object]] = defaultdict(dict)
    for row in top.rows("annotations"):
        key = "track_id" if "instance_id" not in row.values and "track_id" in row.values else "instance_id"
        image_id, category_id, instance = row.number("image_id"), row.number("category_id"), row.number(key)
        crowd, area = row.flag("iscrowd", "crowd-flag"), row.measure("area")
        if category_id is not None and category_id not in categories:
            row.fault("category_id", "the id of a category in /categories", rule="category-unknown")
        if image_id is not None and image_id not in known:
            row.fault("image_id", "the id of an image in /images")
        if "segmentation" not in row.values:
            row.fault("segmentation", "polygons or a run-length encoding", "Boxes alone cannot be learned from")
        if image_id is None or category_id is None or instance is None or image_id not in images:
            continue
        image = images[image_id]
        value = row.values.get("segmentation")
        mask = read_mask(row.problems, row.at("segmentation"), value, image.height, image.width)
        each = found[image.video_id].setdefault(instance, _Object(category_id, row.place, crowd))
        _look_at(row, each, category_id, crowd)
        if image_id in each.seen_in:
            row.fault(key, f"one annotation of an object in an image, not also {each.seen_in[image_id]}")
        each.seen_in.setdefault(image_id, row.place)
        if mask is not None:
            each.masks[image_id] = mask[0], float(mask[1]) if area is None else area
    return found


def _look_at(row: Row, each: _Object, category_id: int, crowd: bool) -> None:
    if category_id != each.category_id:
        row.fault("category_id", f"{each.category_id}, as at {each.place}: an object has one category")
    if crowd != each.iscrowd:
        row.fault("iscrowd", f"{int(each.iscrowd)}, as at {each.place}")


def _ids(top: Row, key: str) -> frozenset[int]:
    """Every id that occurs, also of rows with faults: one fault should not call all its users unknown."""
    values = top.values.get(key)
    rows = values if isinstance(values, list) else []
    numbers = (row.get("id") for row in rows if isinstance(row, dict))
    return frozenset(number for number in numbers if isinstance(number, int))


def _in_order(videos: dict[int, Row], images: dict[int, _Image], problems: Collector) -> dict[int, list[int]]:
    """The images of each video, in the order of their frames."""
    found: dict[int, list[int]] = {number: [] for number in videos}
    for number, image in sorted(images.items(), key=lambda item: item[1].frame):
        before = found[image.video_id][-1:]
        if before and images[before[0]].frame == image.frame:
            wanted = f"a number of its own in the video, not that of {images[before[0]].place}"
            problems.add(f"{image.place}/frame_id", str(image.frame), wanted)
        found[image.video_id].append(number)
    for number, listed in found.items():
        if not listed:
            problems.add(videos[number].place, "a video without an image", "at least one", rule="frames-empty")
    return found


def _video(row: Row, number: int, images: list[_Image], problems: Collector) -> Video | None:
    if not images:
        return None
    first = images[0]
    for image in images[1:]:
        if (image.height, image.width) != (first.height, first.width):
            got = f"{image.width}x{image.height}"
            problems.add(
                image.place, got, f"{first.width}x{first.height}, as {first.place} of this video", rule="frame-size"
            )
    fps = row.values.get("fps")
    known = float(fps) if isinstance(fps, int | float) and not isinstance(fps, bool) and 0 < fps <= 1000 else None
    if fps is not None and known is None:
        row.fault("fps", "a number above 0, at most 1000, or null", rule="fps-range")
    return Video(number, first.width, first.height, len(images), tuple(image.name for image in images), fps=known)
