"""Where a foreign data set keeps what: one Part for each split.

source --named by the caller, or under the names in use--> Part: annotations, frames, sounds, videos of the split

    png-masks    <split>/Annotations, <split>/JPEGImages; or both at the root, perhaps with a folder 480p or
                 Full-Resolution between; there ImageSets/[2017/]<split>.txt lists the videos of each split
    the others   names of rcf/data/layout.py, and COCO's annotations/instances_<split>2017.json, <split>2017
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rcf.data.frame_files import name_fault
from rcf.data.layout import find_audio, look_for_split
from rcf.data.problems import Collector, refuse

SPLITS = ("train", "val", "test")
_AS_OPTION = "Say where they are: --split NAME=ANNOTATIONS,FRAMES"
_RESOLUTIONS = ("480p", "Full-Resolution", ".")


@dataclass(frozen=True, slots=True)
class Part:
    """One split of the source."""

    split: str
    annotations: Path
    """A file, or a folder of masks."""
    frames: Path
    audio: Path | None = None
    only: tuple[str, ...] | None = None
    """The videos of this split, where the folders hold others too."""


def parts_of(kind: str, source: Path, named: Mapping[str, tuple[str, str]]) -> list[Part]:
    """The splits of the data set at `source`: those in `named` (annotations and frames, relative), else all found.

    Raises rcf.errors.InputError when there is no such folder, when a named path is missing, or when nothing is found.
    """
    if not source.is_dir():
        refuse(source, "", "no such folder", "the folder of a data set")
    if named:
        return _named(kind, source, named)
    found = _png_parts(source) if kind == "png-masks" else _json_parts(source)
    if not found:
        wanted = "<split>/Annotations and <split>/JPEGImages, or Annotations and JPEGImages"
        if kind != "png-masks":
            tried = look_for_split(source, "train")
            wanted = (
                f"one of {', '.join(tried.tried_annotations)}, with frames in one of {', '.join(tried.tried_frames)}"
            )
        refuse(source, "", f"no split of a {kind} data set", wanted, _AS_OPTION)
    return found


def _named(kind: str, source: Path, named: Mapping[str, tuple[str, str]]) -> list[Part]:
    problems = Collector("--split")
    parts: list[Part] = []
    for split, (annotations, frames) in named.items():
        fault = name_fault(split)
        if fault is not None or "/" in split or split.startswith("."):
            problems.add(split, "a name that is no folder's", "a name as train, val or test")
        part = Part(split, source / annotations, source / frames, find_audio(source, split))
        there = part.annotations.is_dir() if kind == "png-masks" else part.annotations.is_file()
        if not there:
            wanted = "a folder of masks" if kind == "png-masks" else "an annotation file"
            problems.add(split, f"no {part.annotations}", wanted)
        if not part.frames.is_dir():
            problems.add(split, f"no folder {part.frames}", "the folder that holds the frames")
        parts.append(part)
    problems.raise_if_any()
    return parts


def _json_parts(source: Path) -> list[Part]:
    parts: list[Part] = []
    for split in SPLITS:
        found = look_for_split(source, split)
        coco = source / f"annotations/instances_{split}2017.json", source / f"{split}2017"
        if coco[0].is_file() and coco[1].is_dir():
            parts.append(Part(split, *coco, found.audio))
        elif found.annotations is not None and found.frames is not None:
            parts.append(Part(split, found.annotations, found.frames, found.audio))
    return parts


def _png_parts(source: Path) -> list[Part]:
    parts: list[Part] = []
    for split in SPLITS:
        for name in (split, "valid") if split == "val" else (split,):
            masks, frames = source / name / "Annotations", source / name / "JPEGImages"
            if masks.is_dir() and frames.is_dir():
                parts.append(Part(split, masks, frames, find_audio(source, split)))
                break
    return parts or _flat_png_parts(source)


def _flat_png_parts(source: Path) -> list[Part]:
    folders = ((source / "Annotations" / each, source / "JPEGImages" / each) for each in _RESOLUTIONS)
    masks, frames = next((pair for pair in folders if pair[0].is_dir() and pair[1].is_dir()), (None, None))
    if masks is None or frames is None:
        return []
    parts: list[Part] = []
    for split in SPLITS:
        lists = [source / "ImageSets" / "2017" / f"{split}.txt", source / "ImageSets" / f"{split}.txt"]
        found = next((path for path in lists if path.is_file()), None)
        if found is not None:
            only = tuple(dict.fromkeys(found.read_text(encoding="utf-8").split()))
            parts.append(Part(split, masks, frames, find_audio(source, split), only))
    return parts or [Part("train", masks, frames, find_audio(source, "train"))]
