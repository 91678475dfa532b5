"""Foreign data sets written in the one schema, whole or not at all.

source --parts_of--> Part of each split --reader of its kind--> RowWriter --> .OUT.tmp/<split>/...
       all faults of all splits at once <--'                                       |
                              check_set, strict: what `rcflab data check` would say of it --rename--> OUT
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from rcf.data.annotations import load_annotations
from rcf.data.check import LABELLED, CheckOptions, ProgressOf, check_set
from rcf.data.coco import load_images
from rcf.data.convert.coco_video import read_coco_video
from rcf.data.convert.parts import Part, parts_of
from rcf.data.convert.png_masks import PngOptions, read_png_masks
from rcf.data.convert.rows import RowWriter, category_rows
from rcf.data.json_text import Progress
from rcf.data.problems import Collector
from rcf.data.set_writer import Placer, SplitWriter
from rcf.data.videos import Annotations, Category
from rcf.data.whole_folder import new_folder
from rcf.errors import InputError, Problem

KINDS = ("png-masks", "coco-video", "coco-images", "aviseg")

_Reader = Callable[[Part, RowWriter, Progress], tuple[tuple[Category, ...], bool]]
"""Writes a part; returns its categories, and whether it has labels."""


@dataclass(frozen=True, slots=True)
class ConvertOptions:
    """What is taken from where, and how."""

    splits: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """Split -> annotations and frames, below the source; empty: what is found."""
    png: PngOptions = field(default_factory=PngOptions)
    fps: float | None = None
    """Frames a second of videos of which the source does not say."""
    copy: bool = False
    """Copy frames and sounds, never link them."""
    progress: ProgressOf = lambda what: lambda done, total: None


@dataclass(frozen=True, slots=True)
class Converted:
    """What was written of one split."""

    split: str
    videos: int
    frames: int
    tracks: int
    left_out: int
    """Objects that are visible in no frame."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """What was written in all."""

    splits: tuple[Converted, ...]
    linked: int
    """Frames and sounds."""
    copied: int


def convert(source: Path, out: Path, kind: str, options: ConvertOptions) -> Conversion:
    """Write the data set at `source`, of one of KINDS, as `out`.

    Raises rcf.errors.InputError with the problems of all splits; nothing is left of `out` then. Raises OSError.
    """
    parts = parts_of(kind, source, options.splits)
    placer = Placer(copy=options.copy)
    done: list[Converted] = []
    new_folder(out, lambda folder: done.extend(_fill(folder, out, kind, parts, placer, options)))
    return Conversion(tuple(done), placer.linked, placer.copied)


def _fill(
    folder: Path, out: Path, kind: str, parts: list[Part], placer: Placer, options: ConvertOptions
) -> list[Converted]:
    done: list[Converted] = []
    problems: list[Problem] = []
    reader = _reader(kind, options)
    for part in parts:
        try:
            done.append(_write(folder / part.split, part, reader, placer, options))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    _look_again(folder, out, parts)
    return done


def _write(folder: Path, part: Part, reader: _Reader, placer: Placer, options: ConvertOptions) -> Converted:
    collector = Collector(str(part.annotations))
    with SplitWriter(folder, placer) as writer:
        rows = RowWriter(collector, writer, part.frames, part.audio, options.fps)
        categories, labelled = reader(part, rows, options.progress(f"{part.split}: converting videos"))
        collector.raise_if_any()
        writer.close({"description": f"converted from {part.annotations.name}"}, category_rows(categories),
                     labelled=labelled)  # fmt: skip
        return Converted(part.split, writer.videos, writer.frames, writer.tracks, rows.left_out)


def _reader(kind: str, options: ConvertOptions) -> _Reader:
    def png_masks(part: Part, rows: RowWriter, progress: Progress) -> tuple[tuple[Category, ...], bool]:
        read_png_masks(part, rows, options.png, progress)
        return options.png.categories, True

    def coco_images(part: Part, rows: RowWriter, progress: Progress) -> tuple[tuple[Category, ...], bool]:
        return _values(load_images(part.annotations, part.frames), rows, progress), True

    def aviseg(part: Part, rows: RowWriter, progress: Progress) -> tuple[tuple[Category, ...], bool]:
        needed = part.split == LABELLED
        found = load_annotations(part.annotations, part.frames, require_tracks=needed)
        return _values(found, rows, progress), needed or bool(found.tracks)

    readers: dict[str, _Reader] = {
        "png-masks": png_masks,
        "coco-video": lambda part, rows, progress: (read_coco_video(part, rows, progress), True),
        "coco-images": coco_images,
        "aviseg": aviseg,
    }
    return readers[kind]


def _values(found: Annotations, rows: RowWriter, progress: Progress) -> tuple[Category, ...]:
    """What a reader of this package has read: AVISeg is YouTube-VIS with sounds, a COCO image a video of one frame."""
    for number, video in enumerate(found.videos, start=1):
        rows.video(video, f"video {video.id}")
        progress(number, len(found.videos))
    for track in found.tracks:
        rows.track(track)
    return found.categories


def _look_again(folder: Path, out: Path, parts: list[Part]) -> None:
    """Refuse what `rcflab data check` would refuse; the frames were looked at, but not decoded.

    Raises rcf.errors.InputError, worded for where the files would lie.
    """
    report = check_set(folder, [part.split for part in parts], CheckOptions(decode=False))
    found = [problem for split in report.splits for problem in split.problems.listed()]
    if found:
        hint = "The source is readable, but not sound: mend it there"
        raise InputError(
            [replace(each, file=each.file.replace(str(folder), str(out)), hint=each.hint or hint) for each in found]
        )
