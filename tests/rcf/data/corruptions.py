"""Ways in which a data set comes damaged, each made from a sound one: what is done, and which rule names what place.

Split (a sound split on disk) --Corruption.spoil--> the same split, damaged --> Breach(rule, place), or accepted
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

VIDEO, CATEGORY, TRACK = "/videos/0", "/categories/0", "/annotations/0"
NAMES, FRAME, MASK, BOX = f"{VIDEO}/file_names", f"{VIDEO}/file_names/1", f"{TRACK}/segmentations/0", f"{TRACK}/bboxes"


@dataclass
class Split:
    """A split on disk; the first object is visible in the first frame of the first video."""

    path: Path
    frames: Path

    @property
    def document(self) -> Any:
        return json.loads(self.path.read_text())

    def write(self, document: Any) -> None:
        self.path.write_text(json.dumps(document))

    def frame(self, index: int) -> Path:
        return self.frames / self.document["videos"][0]["file_names"][index]


Spoil = Callable[[Split], None]


@dataclass(frozen=True)
class Corruption:
    """One of them; `number` is that of a list of 44 common ones, 0 for others. No rule: it is accepted."""

    number: int
    name: str
    spoil: Spoil
    rule: str | None = None
    place: str = ""
    """JSON pointer; or how the place begins, where a file is no JSON."""

    def __str__(self) -> str:
        return f"{self.number} {self.name}"


def put(pointer: str, value: Any) -> Spoil:
    """Set a part of the document."""

    def spoil(split: Split) -> None:
        document = part = split.document
        *path, last = [int(step) if step.isdigit() else step for step in pointer.split("/")[1:]]
        for step in path:
            part = part[step]
        part[last] = value(part[last]) if callable(value) else value
        split.write(document)

    return spoil


def drop(pointer: str) -> Spoil:
    """Take a member out."""
    *path, last = pointer.split("/")[1:]

    def spoil(split: Split) -> None:
        document = part = split.document
        for step in path:
            part = part[int(step) if step.isdigit() else step]
        del part[last]
        split.write(document)

    return spoil


def text(change: Callable[[str], str]) -> Spoil:
    """Change the text of the file."""
    return lambda split: split.path.write_text(change(json.dumps(split.document))) and None


def raw(change: Callable[[bytes], bytes]) -> Spoil:
    """Change its bytes."""
    return lambda split: split.path.write_bytes(change(json.dumps(split.document).encode())) and None


def insert(before: str, what: str) -> Spoil:
    """Put text before the first `before`."""
    return text(lambda whole: whole.replace(before, what + before, 1))


def _with_boxes(value: Any) -> Spoil:
    """Boxes for the first object, the first of them `value`."""

    def spoil(split: Split) -> None:
        document = split.document
        masks = document["annotations"][0]["segmentations"]
        document["annotations"][0]["bboxes"] = [None if mask is None else [0, 0, 3, 3] for mask in masks]
        document["annotations"][0]["bboxes"][0] = value
        split.write(document)

    return spoil


def _second_as_first(rows: str, key: str) -> Spoil:
    return lambda split: put(f"/{rows}/1/{key}", split.document[rows][0][key])(split)


def _category_id(number: int) -> Spoil:
    """Another id for the first category, also where it is used."""

    def spoil(split: Split) -> None:
        document = split.document
        before = document["categories"][0]["id"]
        document["categories"][0]["id"] = number
        for track in document["annotations"]:
            track["category_id"] = number if track["category_id"] == before else track["category_id"]
        split.write(document)

    return spoil


def _runs(make: Callable[[int], list[Any]]) -> Spoil:
    """Uncompressed runs, made of the number of pixels."""
    return lambda split: put(f"{MASK}/counts", make(_pixels(split)))(split)


def _pixels(split: Split) -> int:
    height, width = split.document["annotations"][0]["segmentations"][0]["size"]
    return height * width


def _link_out(split: Split) -> None:
    outside = split.path.parent.parent / "outside.jpg"
    split.frame(1).rename(outside)
    split.frame(1).symlink_to(outside)


def _resized(split: Split) -> None:
    path = split.frame(1)
    with Image.open(path) as image:
        image.resize((image.width + 3, image.height)).save(path)


def _unordered(split: Split) -> None:
    names = split.document["videos"][0]["file_names"]
    put(NAMES, [names[1], names[0], *names[2:]])(split)


def _in_one_line(split: Split) -> None:
    split.path.write_text(json.dumps(split.document | {"info": {"padding": ["x" * 100] * 20_000}}))


def _folder_for_a_frame(split: Split) -> None:
    path = split.frame(1)
    path.unlink()
    path.mkdir()


def _overflow(split: Split) -> None:
    _with_boxes([1, 1, 7654, 3])(split)
    split.path.write_text(split.path.read_text().replace("7654", "1e999"))


def _bytes_of_frame(change: Callable[[bytes], bytes]) -> Spoil:
    return lambda split: split.frame(1).write_bytes(change(split.frame(1).read_bytes())) and None


def listed() -> Iterator[Corruption]:
    """The 44, some in several forms."""
    yield Corruption(1, "empty file", raw(lambda whole: b""), "file-empty")
    yield Corruption(
        2, "cut in an object", raw(lambda whole: whole[: len(whole) * 2 // 3]), "file-cut", "line 1 column"
    )
    yield Corruption(3, "HTML page", raw(lambda _: b"<!DOCTYPE html><html>"), "file-web-page", "line 1 column 1")
    yield Corruption(4, "byte order mark", raw(lambda whole: b"\xef\xbb\xbf" + whole))
    yield Corruption(5, "invalid UTF-8", raw(lambda whole: b"{\xff" + whole[1:]), "file-encoding", "byte 1")
    yield Corruption(6, "list at the top", text(lambda whole: f"[{whole}]"), "top-level-object")
    for number, name in ((7, "videos"), (8, "annotations"), (9, "categories")):
        yield Corruption(number, f"no {name}", drop(f"/{name}"), f"{name}-missing", f"/{name}")
    yield Corruption(10, "annotations null, to train on", put("/annotations", None), "annotations-null", "/annotations")
    yield Corruption(11, "duplicate key", insert('"width":', '"width": 1, '), "json-key-twice", f"{VIDEO}/width")
    for value in ("nan", "inf", "-inf"):
        yield Corruption(12, value, put(f"{VIDEO}/fps", float(value)), "json-number-finite", f"{VIDEO}/fps")
    yield Corruption(13, "duplicate video id", _second_as_first("videos", "id"), "video-id-twice", "/videos/1/id")
    yield Corruption(
        14, "duplicate annotation id", _second_as_first("annotations", "id"), "annotation-id-twice", "/annotations/1/id"
    )
    yield Corruption(15, "unknown video", put(f"{TRACK}/video_id", 10**6), "video-unknown", f"{TRACK}/video_id")
    yield Corruption(
        16, "unknown category", put(f"{TRACK}/category_id", 10**6), "category-unknown", f"{TRACK}/category_id"
    )
    yield Corruption(17, "category id 0", _category_id(0))
    yield Corruption(17, "gap between category ids", _category_id(5000))
    yield Corruption(17, "negative category id", _category_id(-1), "category-id-negative", f"{CATEGORY}/id")
    yield Corruption(18, "id as text", put(f"{TRACK}/id", str), "id-type", f"{TRACK}/id")
    yield Corruption(18, "id as float", put(f"{VIDEO}/id", float), "id-type", f"{VIDEO}/id")
    yield Corruption(18, "id beyond 64 bits", put(f"{TRACK}/id", 2**63), "id-type", f"{TRACK}/id")
    yield Corruption(
        19,
        "short track",
        put(f"{TRACK}/segmentations", lambda masks: masks[:-1]),
        "track-length",
        f"{TRACK}/segmentations",
    )
    yield Corruption(20, "short list of boxes", put(f"{TRACK}/bboxes", [[0, 0, 3, 3]]), "boxes-length", BOX)
    yield Corruption(20, "short list of areas", put(f"{TRACK}/areas", [9]), "areas-length", f"{TRACK}/areas")
    yield Corruption(
        21,
        "track that is nowhere",
        put(f"{TRACK}/segmentations", lambda masks: [None] * len(masks)),
        "track-all-null",
        f"{TRACK}/segmentations",
    )
    yield from _masks()
    yield from _files()


def _masks() -> Iterator[Corruption]:
    yield Corruption(22, "a pixel too many", _runs(lambda pixels: [pixels - 3, 4]), "rle-sum", MASK)
    yield Corruption(23, "sides exchanged", put(f"{MASK}/size", lambda size: size[::-1]), "mask-size", MASK)
    yield Corruption(23, "another size", put(f"{MASK}/size", [3, 3]), "mask-size", MASK)
    yield Corruption(24, "text cut short", put(f"{MASK}/counts", "n"), "rle-text", MASK)
    yield Corruption(24, "not ASCII", put(f"{MASK}/counts", "é"), "rle-text", MASK)
    yield Corruption(25, "negative run", _runs(lambda pixels: [10, -2, pixels - 8]), "rle-runs", MASK)
    yield Corruption(25, "run as float", _runs(lambda pixels: [10.0, pixels - 10]), "rle-runs", MASK)
    yield Corruption(26, "polygon of two points", put(MASK, [[0, 0, 5, 0]]), "polygon-points", MASK)
    yield Corruption(26, "odd polygon", put(MASK, [[0, 0, 5, 0, 5, 5, 1]]), "polygon-points", MASK)
    yield Corruption(27, "polygon outside", put(MASK, [[-5, 0, -1, 0, -1, 4]]), "polygon-outside", MASK)
    yield Corruption(27, "wild polygon", put(MASK, [[0, 0, 5, 0, 5, 1e9]]), "polygon-range", MASK)
    yield Corruption(28, "box without width", _with_boxes([1, 1, 0, 3]), "box-size", f"{BOX}/0")
    yield Corruption(28, "box of negative height", _with_boxes([1, 1, 3, -2]), "box-size", f"{BOX}/0")
    yield Corruption(29, "box with NaN", _with_boxes([1, 1, float("nan"), 3]), "json-number-finite", f"{BOX}/0/2")


def _files() -> Iterator[Corruption]:
    yield Corruption(30, "no frames", put(NAMES, []), "frames-empty", NAMES)
    yield Corruption(31, "absolute name", put(FRAME, "/etc/hostname"), "name-absolute", FRAME)
    yield Corruption(32, "climbing name", put(FRAME, lambda name: f"../JPEGImages/{name}"), "name-climbs", FRAME)
    yield Corruption(33, "link that leaves", _link_out, "link-leaves", FRAME)
    for name in ("a\0.jpg", "a\n.jpg", "a\\b.jpg", "C:/a.jpg"):
        yield Corruption(34, repr(name), put(FRAME, name), "name-character", FRAME)
    yield Corruption(35, "missing frame", lambda split: split.frame(1).unlink(), "frame-missing", FRAME)
    yield Corruption(36, "frame of another size", _resized, "frame-size", FRAME)
    for value in (0, -1, 10**9):
        yield Corruption(37, f"width {value}", put(f"{VIDEO}/width", value), "size-range", f"{VIDEO}/width")
    yield Corruption(
        38, "nested deep", insert('"iscrowd":', '"x": ' + "[" * 10**5 + "]" * 10**5 + ", "), "json-depth", TRACK
    )
    yield Corruption(39, "long number", insert('"iscrowd":', f'"x": {"9" * 10**5}, '), "json-number-length", TRACK)
    yield Corruption(40, "crowd 2", put(f"{TRACK}/iscrowd", 2), "crowd-flag", f"{TRACK}/iscrowd")
    yield Corruption(40, "no iscrowd", drop(f"{TRACK}/iscrowd"), "crowd-missing", f"{TRACK}/iscrowd")
    yield Corruption(
        41,
        "frame listed twice",
        put(NAMES, lambda names: [names[0], names[0], *names[2:]]),
        "frame-listed-twice",
        FRAME,
    )
    yield Corruption(41, "frames out of order", _unordered, "frames-unordered", FRAME)
    yield Corruption(
        42,
        "two categories of one name",
        _second_as_first("categories", "name"),
        "category-name-twice",
        "/categories/1/name",
    )
    yield Corruption(
        42, "category without a name", put(f"{CATEGORY}/name", " "), "category-name-empty", f"{CATEGORY}/name"
    )
    yield Corruption(
        43,
        "annotation of another height",
        put(f"{TRACK}/height", 7777),
        "annotation-size",
        f"{TRACK}/height",
    )
    yield Corruption(44, "a long single line", _in_one_line)


def others() -> Iterator[Corruption]:
    """What else has a rule."""
    pointer = b"version https://git-lfs.github.com/spec/v1\n"
    yield Corruption(0, "LFS pointer", raw(lambda _: pointer), "file-lfs-pointer", "line 1 column 1")
    yield Corruption(0, "no comma", text(lambda whole: whole.replace(", ", " ", 1)), "json-syntax", "line 1 column")
    yield Corruption(0, "more behind the end", text(lambda whole: whole + "]"), "json-syntax", "line 1 column")
    yield Corruption(0, "row that is a list", put(VIDEO, []), "row-object", VIDEO)
    yield Corruption(0, "videos null", put("/videos", None), "videos-missing", "/videos")
    yield Corruption(0, "name as number", put(f"{CATEGORY}/name", 5), "field-type", f"{CATEGORY}/name")
    yield Corruption(
        0, "two categories of one id", _second_as_first("categories", "id"), "category-id-twice", "/categories/1/id"
    )
    yield Corruption(
        0, "wrong length", put(f"{VIDEO}/length", lambda length: length + 1), "video-length", f"{VIDEO}/length"
    )
    yield Corruption(0, "fps 0", put(f"{VIDEO}/fps", 0), "fps-range", f"{VIDEO}/fps")
    yield Corruption(
        0, "hard frame beyond the end", put(f"{VIDEO}/hard_frames", [999]), "hard-frames", f"{VIDEO}/hard_frames"
    )
    yield Corruption(0, "name of a folder", put(FRAME, "a/"), "name-empty", FRAME)
    yield Corruption(0, "empty frame", _bytes_of_frame(lambda _: b""), "frame-empty", FRAME)
    yield Corruption(
        0,
        "folder for a frame",
        _folder_for_a_frame,
        "frame-not-file",
        FRAME,
    )
    yield Corruption(
        0,
        "cut frame",
        _bytes_of_frame(lambda whole: whole[:-40]),
        "frame-damaged",
        FRAME,
    )
    yield Corruption(0, "text for a frame", _bytes_of_frame(lambda _: b"<html>"), "frame-damaged", FRAME)
    yield Corruption(0, "negative area", put(f"{TRACK}/areas/0", -1), "area-range", f"{TRACK}/areas/0")
    yield Corruption(0, "text for a mask", put(MASK, "abc"), "mask-form", MASK)
    yield Corruption(0, "box of three", _with_boxes([1, 1, 3]), "box-form", f"{BOX}/0")
    yield Corruption(
        0,
        "box that overflows",
        _overflow,
        "box-form",
        f"{BOX}/0",
    )
