"""COCO instance annotations as videos of one frame, so that everything that takes videos takes images.

    instances_train2017.json --read_json--> rows --categories, images (on disk?), annotations (every mask)-->
        Annotations: an image is a Video of length 1, an object a Track of one mask
                                                 all problems of the file at once, each with its JSON pointer

Masks may be polygons or run lengths. Crowds stay crowds: no targets in training, ignored in scoring.
No image is opened.
"""

from pathlib import Path

from rcf.data.annotations import (
    LARGEST_SIDE,
    Annotations,
    Track,
    Video,
    frames_folder,
    ids_of,
    read_category,
    unique_rows,
    values_of,
)
from rcf.data.fields import Row
from rcf.data.frame_files import FramesFolder, name_fault
from rcf.data.json_file import describe, read_json
from rcf.data.masks_json import read_mask
from rcf.data.problems import Collector, refuse


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
    categories = unique_rows(top.rows("categories"), read_category)
    images = unique_rows(top.rows("images"), lambda row: _image(row, folder))
    _refuse_shared_files(problems, images)
    known_images, known_categories = ids_of(document.get("images")), ids_of(document.get("categories"))
    objects = unique_rows(top.rows("annotations"), lambda row: _object(row, images, known_images, known_categories))
    problems.raise_if_any()
    return Annotations(path, values_of(images), values_of(categories), values_of(objects))


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
    number = row.integer("id")
    width = row.integer("width", 1, LARGEST_SIDE)
    height = row.integer("height", 1, LARGEST_SIDE)
    name = row.text("file_name")
    if name is not None:
        fault = name_fault(name) or (folder.fault(name) if folder else None)
        if fault is not None:
            row.problems.add(row.at("file_name"), fault.got, fault.wanted, fault.hint)
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
    number, image_id, category_id = row.integer("id"), row.integer("image_id"), row.integer("category_id")
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
