"""COCO instance annotations as videos of one frame, so that everything that takes videos takes images.

    instances_train2017.json --read_json--> rows --categories, images (on disk?), annotations (every mask)-->
        Annotations: an image is a Video of length 1, an object a Track of one mask
                                                 all problems of the file at once, each with its JSON pointer

Masks may be polygons or run lengths. Crowds stay crowds: no targets in training, ignored in scoring.
No image is opened.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from rcf.data.annotations import Annotations, Category, Track, Video, frames_folder
from rcf.data.fields import Row
from rcf.data.frame_files import FramesFolder, name_fault
from rcf.data.json_file import Json, describe, read_json
from rcf.data.masks_json import read_mask
from rcf.data.problems import Collector, refuse
from rcf.data.video_rows import LARGEST_SIDE, read_category

_Item = TypeVar("_Item", Category, Video, Track)


def load_images(path: Path, images_root: Path | None = None) -> Annotations:
    """Read and check the COCO file `path`; with `images_root`, also that every listed image is a file below it.

    Raises rcf.errors.InputError with all problems (50 spelled out, the rest counted).
    """
    document = read_json(path)
    if not isinstance(document, dict):
        refuse(path, "", describe(document), "an object with images, categories and annotations")
    problems = Collector(str(path))
    top = Row(problems, "", document)
    folder = frames_folder(problems, images_root)
    categories = _unique_rows(top.rows("categories"), read_category, "category-id-twice")
    images = _unique_rows(top.rows("images"), lambda row: _image(row, folder), "video-id-twice")
    _refuse_shared_files(problems, images)
    known_images, known_categories = _ids_of(document.get("images")), _ids_of(document.get("categories"))
    objects = _unique_rows(
        top.rows("annotations"), lambda row: _object(row, images, known_images, known_categories), "annotation-id-twice"
    )
    problems.raise_if_any()
    return Annotations(path, _values_of(images), _values_of(categories), _values_of(objects))


def with_objects(annotations: Annotations) -> Annotations:
    """Without the videos in which there is nothing to learn from: no visible object, or crowds alone."""
    seen = {track.video_id for track in annotations.tracks if not track.iscrowd and any(track.areas)}
    return Annotations(
        annotations.path,
        tuple(video for video in annotations.videos if video.id in seen),
        annotations.categories,
        tuple(track for track in annotations.tracks if track.video_id in seen),
    )


def _image(row: Row, folder: FramesFolder | None) -> Video | None:
    number = row.number("id")
    width = row.integer("width", 1, LARGEST_SIDE, "size-range")
    height = row.integer("height", 1, LARGEST_SIDE, "size-range")
    name = row.text("file_name")
    if name is not None:
        fault = name_fault(name) or (folder.fault(name) if folder else None)
        if fault is not None:
            row.problems.add(row.at("file_name"), fault.got, fault.wanted, fault.hint, fault.rule)
    if number is None or width is None or height is None or name is None:
        return None
    return Video(number, width, height, 1, (name,))


def _refuse_shared_files(problems: Collector, images: dict[int, tuple[str, Video]]) -> None:
    seen: dict[str, str] = {}
    for place, image in images.values():
        name, here = image.file_names[0], f"{place}/file_name"
        if name in seen:
            problems.add(here, f"{name!r}, already listed at {seen[name]}", "each image file once")
        seen.setdefault(name, here)


def _object(
    row: Row, images: dict[int, tuple[str, Video]], image_ids: frozenset[int], category_ids: frozenset[int]
) -> Track | None:
    number, image_id, category_id = row.number("id"), row.number("image_id"), row.number("category_id")
    crowd, area = row.flag("iscrowd"), row.measure("area")
    if image_id is not None and image_id not in image_ids:
        row.fault("image_id", "the id of an image in /images")
    if category_id is not None and category_id not in category_ids:
        row.fault("category_id", "the id of a category in /categories")
    if "segmentation" not in row.values:
        row.fault("segmentation", "polygons or a run-length encoding", "Boxes alone cannot be learned from")
        return None
    image = images[image_id][1] if image_id in images else None
    if image is None:
        return None
    mask = read_mask(row.problems, row.at("segmentation"), row.values["segmentation"], image.height, image.width)
    if number is None or category_id is None:
        return None
    if mask is None:
        return Track(number, image.id, category_id, crowd, (None,), (None,))
    return Track(number, image.id, category_id, crowd, (mask[0],), (float(mask[1]) if area is None else area,))


def _values_of(items: dict[int, tuple[str, _Item]]) -> tuple[_Item, ...]:
    """What `_unique_rows` found, without the places."""
    return tuple(item for _, item in items.values())


def _ids_of(rows: Json) -> frozenset[int]:
    """Every id that occurs, also of rows with faults: one fault should not call all its users unknown."""
    if not isinstance(rows, list):
        return frozenset()
    numbers = (row.get("id") for row in rows if isinstance(row, dict))
    return frozenset(number for number in numbers if isinstance(number, int))


def _unique_rows(rows: Iterator[Row], read: Callable[[Row], _Item | None], rule: str) -> dict[int, tuple[str, _Item]]:
    """The readable rows by id, each with its place; a second use of an id is noted."""
    first: dict[int, str] = {}
    found: dict[int, tuple[str, _Item]] = {}
    for row in rows:
        item = read(row)
        number = row.values.get("id")
        if isinstance(number, int) and number in first:
            row.fault("id", f"an id of its own, not that of {first[number]}", rule=rule)
        elif isinstance(number, int):
            first[number] = row.place
            if item is not None:
                found[number] = (row.place, item)
    return found
