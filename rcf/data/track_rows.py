"""Rows of `annotations`, checked against the videos and categories of their file.

{"video_id", "category_id", "segmentations", ...} + shapes of the videos --every mask--> Track, or None and faults
"""

import math
from collections.abc import Container, Mapping
from typing import NamedTuple

from rcf.data.fields import Row
from rcf.data.json_file import Json, describe
from rcf.data.masks_json import read_masks
from rcf.data.videos import Track


class Shape(NamedTuple):
    """What a track must fit to: one for each video of the file, so no more than this."""

    height: int
    width: int
    length: int


def read_track(row: Row, shapes: Mapping[int, Shape | None], categories: Container[int]) -> Track | None:
    """One row of `annotations`; a video of `shapes` that is None has faults of its own, and is no fault here."""
    number, video_id, category_id = row.number("id"), row.number("video_id"), row.number("category_id")
    crowd = row.flag("iscrowd", "crowd-flag")
    if "iscrowd" not in row.values:
        hint = "Write 0; 1 for a crowd whose members are not told apart"
        row.fault("iscrowd", "0 or 1", hint, "crowd-missing")
    if video_id is not None and video_id not in shapes:
        row.fault("video_id", "the id of a video in /videos", rule="video-unknown")
    if category_id is not None and category_id not in categories:
        row.fault("category_id", "the id of a category in /categories", rule="category-unknown")
    shape = None if video_id is None else shapes.get(video_id)
    entries = (
        row.array("segmentations") if shape is None else row.entries("segmentations", shape.length, "track-length")
    )
    if video_id is None or shape is None or entries is None:
        return None
    masks = read_masks(row.problems, row.at("segmentations"), entries, shape.height, shape.width)
    if row.problems.asks("box-size"):
        _check_for_others(row, shape, entries)
    areas = row.measures("areas", shape.length) if row.values.get("areas") is not None else None
    if number is None or category_id is None:
        return None
    counted = tuple(None if mask is None else float(mask[1]) for mask in masks)
    segmentations = tuple(None if mask is None else mask[0] for mask in masks)
    return Track(number, video_id, category_id, crowd, segmentations, areas or counted)


def _check_for_others(row: Row, shape: Shape, entries: list[Json]) -> None:
    """What training does not read, or reads one way, and other tools stumble on."""
    if all(entry is None or entry == [] for entry in entries):
        hint = "Leave the annotation out"
        row.fault("segmentations", "a mask in at least one frame", hint, "track-all-null")
    for key, wanted in zip(("height", "width", "length"), shape, strict=True):
        if row.values.get(key) not in (None, wanted):
            row.fault(key, f"{wanted}, as the video", rule="annotation-size")
    if row.values.get("bboxes") is None:
        return
    boxes = row.entries("bboxes", shape.length, "boxes-length")
    for index, (box, mask) in enumerate(zip(boxes or [], entries if boxes else [], strict=True)):
        _check_box(row, f"{row.at('bboxes')}/{index}", box, visible=mask is not None and mask != [])


def _check_box(row: Row, place: str, box: Json, *, visible: bool) -> None:
    if box is None or (box == [] and not visible):
        return
    numbers = [each for each in box if _finite(each)] if isinstance(box, list) else []
    if not isinstance(box, list) or len(box) != 4 or len(numbers) != 4:
        got = str(box)[:60] if isinstance(box, list) else describe(box)
        row.problems.add(place, got, "[x, y, width, height], finite numbers, or null", rule="box-form")
    elif visible and not all(isinstance(side, int | float) and side > 0 for side in box[2:]):
        row.problems.add(place, f"a box {box}"[:60], "a width and a height above 0", rule="box-size")


def _finite(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
