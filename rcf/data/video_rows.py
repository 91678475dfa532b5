"""Rows of `videos` and `categories`, checked.

{"id", "width", "height", "file_names", ...} --> Video, or None and what is wrong with it
{"id", "name"}                               --> Category, likewise
"""

import re

from rcf.data.fields import Row
from rcf.data.frame_files import FramesFolder, name_fault
from rcf.data.json_file import describe
from rcf.data.videos import Category, Video

LARGEST_SIDE = 32768
"""Pixels; beyond it a width or height is surely a mistake, and a mask would not fit in memory."""
MOST_FPS = 1000
"""Frames a second; more is a mistake."""

_NUMBER = re.compile(r"\d+(?=\D*$)", re.ASCII)
"""The last number of a file name."""


def read_category(row: Row) -> Category | None:
    """One row of `categories`."""
    number, name = row.number("id"), row.text("name")
    if number is not None and number < 0:
        row.fault("id", "a whole number of at least 0", rule="category-id-negative")
    if name is not None and not name.strip():
        row.fault("name", "a name", rule="category-name-empty")
    return None if number is None or name is None else Category(number, name)


def read_video(row: Row, folder: FramesFolder | None) -> Video | None:
    """One row of `videos`; with `folder`, also that each frame is a file in it."""
    number = row.number("id")
    width = row.integer("width", 1, LARGEST_SIDE, "size-range")
    height = row.integer("height", 1, LARGEST_SIDE, "size-range")
    names = _file_names(row, folder)
    length = row.integer("length", 1, rule="video-length") if "length" in row.values else len(names or ())
    if number is None or width is None or height is None or names is None or length is None:
        return None
    if length != len(names):
        row.fault("length", f"{len(names)}, the number of file_names", rule="video-length")
        return None
    silent = "audio_file" in row.values and row.values["audio_file"] is None
    return Video(number, width, height, length, names, _audio_file(row), _fps(row), silent, _hard_frames(row, length))


def _audio_file(row: Row) -> str | None:
    if row.values.get("audio_file") is None:
        return None
    name = row.text("audio_file")
    fault = None if name is None else name_fault(name, "sound")
    if fault is not None:
        row.problems.add(row.at("audio_file"), fault.got, fault.wanted, fault.hint, fault.rule)
    return name


def _fps(row: Row) -> float | None:
    value = row.values.get("fps")
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= MOST_FPS:
        return float(value)
    row.fault("fps", f"a number above 0, at most {MOST_FPS}, or null", rule="fps-range")
    return None


def _hard_frames(row: Row, length: int) -> tuple[int, ...] | None:
    if row.values.get("hard_frames") is None:
        return None
    numbers = row.array("hard_frames") or []
    if any(not isinstance(each, int) or isinstance(each, bool) or not 0 <= each < length for each in numbers):
        row.fault("hard_frames", f"a list of frame numbers from 0 to {length - 1}, or null", rule="hard-frames")
        return None
    return tuple(number for number in numbers if isinstance(number, int))


def _file_names(row: Row, folder: FramesFolder | None) -> tuple[str, ...] | None:
    values = row.array("file_names")
    if values == []:
        row.fault("file_names", "at least one frame", rule="frames-empty")
    names: list[str] = []
    for index, value in enumerate(values or []):
        place = f"{row.at('file_names')}/{index}"
        if not isinstance(value, str):
            row.problems.add(place, describe(value), "a text", rule="field-type")
            continue
        fault = name_fault(value) or (folder.fault(value) if folder else None)
        if fault is not None:
            row.problems.add(place, fault.got, fault.wanted, fault.hint, fault.rule)
        names.append(value)
    _look_at_order(row, names)
    return tuple(names) if values and len(names) == len(values) else None


def _look_at_order(row: Row, names: list[str]) -> None:
    """Frames whose names differ only in their last number are listed in its order."""
    before: tuple[str, int] | None = None
    for index, name in enumerate(names):
        match = _NUMBER.search(name)
        if match is None or len(match[0]) > 18:  # no frame number
            return
        here = name[: match.start()] + "#" + name[match.end() :], int(match[0])
        if before is not None and here[0] == before[0] and here[1] < before[1]:
            place = f"{row.at('file_names')}/{index}"
            got = f"{name[:80]!r} behind {names[index - 1][:80]!r}"
            row.problems.add(place, got, "frames in the order of time", "Sort file_names", "frames-unordered")
            return
        before = here
