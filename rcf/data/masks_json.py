"""One entry of `segmentations` in any form that YouTube-VIS tools write, as a compressed Rle.

null, []                        --> None: the object is not visible
{"size", "counts": text}        --> checked run by run, kept as it is
{"size", "counts": [runs]}      --> compressed
[[x, y, x, y, ...], ...]        --> polygons, drawn by pycocotools, compressed
"""

import re
from importlib import import_module
from typing import Protocol, TypedDict, cast

import numpy as np

from rcf.data.json_file import Json, describe
from rcf.data.problems import Collector
from rcf.data.runs import Runs, format_counts, parse_counts
from rcf.evaluation.bulk_runs import MAX_POSITIONS, decode_runs
from rcf.structures import Rle

_LONG_RUN = re.compile("[P-o]{6}")
"""A number of seven groups may pass 32 bits, which only the reader of one mask notices."""


class _Encoded(TypedDict):
    counts: bytes


class _CocoMask(Protocol):
    """What this module uses of pycocotools.mask, which has no types of its own."""

    def frPyObjects(self, polygons: list[list[float]], height: int, width: int, /) -> list[_Encoded]: ...

    def merge(self, parts: list[_Encoded], /) -> _Encoded: ...


class MaskFault(Exception):
    """Why an entry is no mask."""

    def __init__(self, rule: str, got: str, wanted: str) -> None:
        super().__init__(rule, got, wanted)
        self.rule, self.got, self.wanted = rule, got, wanted


def read_masks(
    problems: Collector, place: str, entries: list[Json], height: int, width: int
) -> list[tuple[Rle, int] | None]:
    """`read_mask` of each entry of a track: all at once where all are sound, which is several times as fast."""
    return _all_at_once(entries, height, width) or [
        read_mask(problems, f"{place}/{index}", entry, height, width) for index, entry in enumerate(entries)
    ]


def _all_at_once(entries: list[Json], height: int, width: int) -> list[tuple[Rle, int] | None] | None:
    """None where an entry is in another form than compressed runs, or where one may be damaged: which, is not said."""
    texts: list[str] = []
    for entry in entries:
        counts = entry.get("counts") if isinstance(entry, dict) and entry.get("size") == [height, width] else None
        if isinstance(counts, str):
            texts.append(counts)
        elif entry is not None and entry != []:
            return None
    sound = texts and len(texts) * height * width <= MAX_POSITIONS and not any(map(_LONG_RUN.search, texts))
    runs = decode_runs(texts, height * width) if sound else None
    if runs is None:
        return None
    areas = iter(runs.areas().tolist())
    counts_left = iter(texts)
    return [
        (Rle(size=[height, width], counts=next(counts_left)), int(next(areas))) if isinstance(entry, dict) else None
        for entry in entries
    ]


def read_mask(problems: Collector, place: str, value: Json, height: int, width: int) -> tuple[Rle, int] | None:
    """The mask and its area in pixels; None when the object is not visible, or when a fault was noted."""
    try:
        if value is None or value == []:
            return None
        if isinstance(value, dict):
            return _from_runs(value, height, width)
        if isinstance(value, list):
            if problems.asks("polygon-outside") and _is_outside(value, height, width):
                problems.add(place, "polygons that lie outside", "a part inside the frame", rule="polygon-outside")
            return _from_polygons(value, height, width)
        raise MaskFault("mask-form", describe(value), "null, a run-length encoding or polygons")
    except MaskFault as fault:
        problems.add(place, fault.got, fault.wanted, rule=fault.rule)
        return None


def _from_runs(value: dict[str, Json], height: int, width: int) -> tuple[Rle, int]:
    size = value.get("size")
    if size != [height, width]:
        shown = str(size)[:60] if "size" in value else "nothing"
        raise MaskFault("mask-size", f"a mask of size {shown}", f"[{height}, {width}], the video's [height, width]")
    counts = value.get("counts")
    if isinstance(counts, str):
        runs = _parse(counts)
    elif isinstance(counts, list):
        runs = _whole_runs(counts, height * width)
    else:
        raise MaskFault("rle-text", f"counts: {describe(counts)}", "compressed text or a list of runs")
    if int(runs.sum()) != height * width:
        raise MaskFault("rle-sum", f"runs of {int(runs.sum())} pixels in all", f"{height * width}, height x width")
    text = counts if isinstance(counts, str) else format_counts(runs)
    return Rle(size=[height, width], counts=text), int(runs[1::2].sum())


def _parse(counts: str) -> Runs:
    try:
        return parse_counts(counts)
    except ValueError as error:
        raise MaskFault("rle-text", f"corrupt counts: {error}", "run lengths as pycocotools writes them") from error


def _whole_runs(counts: list[Json], pixels: int) -> Runs:
    runs: list[int] = []
    for count in counts:
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= pixels:
            raise MaskFault("rle-runs", f"a run of {describe(count)}", f"whole numbers from 0 to {pixels}")
        runs.append(count)
    return np.array(runs, dtype=np.int64)


def _from_polygons(value: list[Json], height: int, width: int) -> tuple[Rle, int]:
    coco = cast("_CocoMask", import_module("pycocotools.mask"))  # only this rare form needs the C code
    polygons = [_polygon(part, height, width) for part in value]
    counts = coco.merge(coco.frPyObjects(polygons, height, width))["counts"].decode("ascii")
    return Rle(size=[height, width], counts=counts), int(parse_counts(counts)[1::2].sum())


def _polygon(value: Json, height: int, width: int) -> list[float]:
    if not isinstance(value, list) or len(value) < 6 or len(value) % 2:
        got = f"a polygon of {describe(value)}"
        raise MaskFault("polygon-points", got, "at least 3 points: a list of x, y, x, y, ...")
    numbers: list[float] = []
    for number, side in zip(value, (width, height) * (len(value) // 2), strict=True):
        # The bound keeps the drawing code, whose memory grows with the outline, from a wild number.
        if not isinstance(number, int | float) or isinstance(number, bool) or not -side <= number <= 2 * side:
            wanted = f"a number from {-side} to {2 * side}"
            raise MaskFault("polygon-range", f"a polygon coordinate {describe(number)}", wanted)
        numbers.append(float(number))
    return numbers


def _is_outside(value: list[Json], height: int, width: int) -> bool:
    """Whether no polygon of a mask reaches into the frame. Raises MaskFault for what is no polygon."""
    polygons = [_polygon(part, height, width) for part in value]
    return all(_beyond(part[::2], width) or _beyond(part[1::2], height) for part in polygons)


def _beyond(coordinates: list[float], side: int) -> bool:
    return max(coordinates) <= 0 or min(coordinates) >= side
