"""Folders of index masks (DAVIS, YouTube-VOS, Cityscapes-like exports): each pixel holds the number of its object.

JPEGImages/<video>/<frame>.jpg  --same stem--+
Annotations/<video>/<frame>.png --indices----+--> Video, a Track for each index but 0 (background) and 255 (void)
{"<video>": "dog"} or {"<video>": {"1": "dog"}} --> categories; without such a file all are "object"

A frame without a mask is a fault, since an object that is not labelled is not an object that is not there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from rcf.data.convert.parts import Part
from rcf.data.convert.rows import RowWriter, frame_size
from rcf.data.frame_files import Fault
from rcf.data.json_file import describe, read_json
from rcf.data.json_text import Progress
from rcf.data.problems import Collector
from rcf.data.runs import format_counts, runs_of_mask
from rcf.data.videos import Category, Track, Video
from rcf.structures import Rle

NO_NAME = "object"
_FRAMES = (".jpg", ".jpeg", ".png")

Names = Mapping[str, str | Mapping[str, str]]
"""Video -> category of all its objects, or index -> category."""


@dataclass(frozen=True, slots=True)
class PngOptions:
    """How masks are read."""

    names: Names | None = None
    void: int = 255
    """Index of pixels that belong to nothing; 0 where there is none."""
    only_labelled: bool = False
    """Leave out frames without a mask."""

    @property
    def categories(self) -> tuple[Category, ...]:
        """In alphabetical order, numbered from 1; the same for each split."""
        if self.names is None:
            return (Category(1, NO_NAME),)
        found = {name for each in self.names.values() for name in ([each] if isinstance(each, str) else each.values())}
        return tuple(Category(number, name) for number, name in enumerate(sorted(found), start=1))


def read_names(path: Path) -> Names:
    """The file of categories. Raises rcf.errors.InputError with all its problems."""
    document = read_json(path)
    problems = Collector(str(path))
    wanted = 'an object {"<video>": "<category>"} or {"<video>": {"<index>": "<category>"}}'
    if not isinstance(document, dict) or not document:
        problems.add("", describe(document), wanted)
        document = {}
    names: dict[str, str | dict[str, str]] = {}
    for video, value in document.items():
        inner = value if isinstance(value, dict) else {"": value}
        found = {index: name for index, name in inner.items() if isinstance(name, str) and name.strip()}
        for index in inner.keys() - found.keys():
            problems.add(f"/{video}" + (f"/{index}" if index else ""), describe(inner[index]), "a category's name")
        names[video] = found if isinstance(value, dict) else found.get("", "")
    problems.raise_if_any()
    return names


def read_png_masks(part: Part, rows: RowWriter, options: PngOptions, progress: Progress) -> None:
    """Write every video of the part; faults go to `rows.problems`."""
    ids = {category.name: category.id for category in options.categories}
    tracks, only_void, videos = 1, False, _video_names(part, rows.problems)
    for number, name in enumerate(videos, start=1):
        video = _Sequence(part, name, options, rows.problems)
        found = video.read(number)
        if found is not None:
            rows.video(found, name)
            for index, masks in sorted(video.masks.items()):
                category = _category(options.names, name, index, rows.problems)
                entries = tuple(masks.get(t) for t in range(found.length))
                areas = tuple(video.areas.get((index, t)) for t in range(found.length))
                rows.track(Track(tracks, number, ids.get(category, 0), False, entries, areas))
                tracks += 1
        only_void |= options.void != 0 and any(index == options.void for index, _ in video.areas)
        progress(number, len(videos))
    if only_void and tracks == 1:
        got, hint = f"no index but 0 and {options.void}", "Black and white masks, as in DAVIS 2016, need --void 0"
        rows.problems.add("", got, f"objects: {options.void} means void", hint)


def _video_names(part: Part, problems: Collector) -> list[str]:
    folders = {"masks": part.annotations, "frames": part.frames}
    there = {
        what: {each.name for each in root.iterdir() if each.is_dir() and each.name[0] != "."}
        for what, root in folders.items()
    }
    wanted = there["masks"] | there["frames"] if part.only is None else set(part.only)
    for what, found in there.items():
        for name in sorted(wanted - found):
            problems.add(name, f"no folder {folders[what] / name}", f"the {what} of this video")
    if not wanted:
        problems.add("", "no video", "a folder of masks for each video")
    return sorted(wanted & there["masks"] & there["frames"])


def _category(names: Names | None, video: str, index: int, problems: Collector) -> str:
    if names is None:
        return NO_NAME
    known = names.get(video)
    name = known if isinstance(known, str) or known is None else known.get(str(index))
    if name is None:
        problems.add(video, f"object {index} without a category", "one in the file of categories")
    return name or ""


@dataclass(slots=True)
class _Sequence:
    """One video in the making."""

    part: Part
    name: str
    options: PngOptions
    problems: Collector
    masks: dict[int, dict[int, Rle]] = field(default_factory=dict[int, dict[int, Rle]])
    """Index -> frame -> mask."""
    areas: dict[tuple[int, int], float] = field(default_factory=dict[tuple[int, int], float])

    def read(self, number: int) -> Video | None:
        """The video, its masks beside it; None where that cannot be made."""
        frames = self._by_stem(self.part.frames, _FRAMES)
        masks = self._by_stem(self.part.annotations, (".png",))
        for stem in sorted(masks.keys() - frames.keys()):
            self._fault(f"a mask {masks[stem].name!r} without a frame", "a frame of the same name")
        unlabelled = sorted(frames.keys() - masks.keys())
        if unlabelled and not self.options.only_labelled:
            got = f"{len(unlabelled)} frames without a mask, the first {frames[unlabelled[0]].name!r}"
            self._fault(got, "a mask for each frame", "Leave such frames out by --only-labelled")
        stems = sorted(frames.keys() & masks.keys(), key=_in_order)
        if not stems:
            self._fault("no frame with a mask", "at least one")
            return None
        size = frame_size(frames[stems[0]])
        if isinstance(size, Fault):
            self._fault(size.got, size.wanted, size.hint)
            return None
        for t, stem in enumerate(stems):
            indices = self._indices(masks[stem], size)
            if indices is not None:
                self._add(t, indices)
        names = tuple(f"{self.name}/{frames[stem].name}" for stem in stems)
        return Video(number, size[1], size[0], len(names), names)

    def _by_stem(self, root: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for path in sorted((root / self.name).iterdir()):
            if path.suffix.lower() not in suffixes or path.name.startswith("."):
                continue
            if path.stem in found:
                self._fault(f"{found[path.stem].name!r} and {path.name!r}", "one file of a name")
            found[path.stem] = path
        return found

    def _indices(self, path: Path, size: tuple[int, int]) -> NDArray[np.uint8] | None:
        """The indices of a mask, height x width."""
        wanted, shown = "a PNG with a palette, or grey of 8 bits: an index a pixel", f"mask {path.name!r}"
        try:
            with Image.open(path) as image:
                mode, found = image.mode, (image.height, image.width)
                if mode not in ("P", "L", "1") or image.format != "PNG":
                    self._fault(f"{shown}, a {image.format} of mode {mode}", wanted)
                    return None
                if found != size:
                    self._fault(f"{shown} of {found[1]}x{found[0]}", f"{size[1]}x{size[0]}, as its frame")
                    return None
                return np.asarray(image, dtype=np.uint8)
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            self._fault(f"{shown}, which is damaged ({str(error)[:60]})", wanted, "Fetch it again")
            return None

    def _add(self, t: int, indices: NDArray[np.uint8]) -> None:
        for index in np.flatnonzero(np.bincount(indices.reshape(-1), minlength=256)).tolist():
            mask = indices == index
            self.areas[index, t] = float(mask.sum())
            if index not in (0, self.options.void):
                text = format_counts(runs_of_mask(mask))
                self.masks.setdefault(index, {})[t] = Rle(size=list(mask.shape), counts=text)

    def _fault(self, got: str, wanted: str, hint: str = "") -> None:
        self.problems.add(self.name, got, wanted, hint)


def _in_order(stem: str) -> list[str | int]:
    """2 before 10: texts and numbers take turns, so that like is compared with like."""
    parts = re.split(r"(\d+)", stem, flags=re.ASCII)
    return [int(part) if number % 2 else part for number, part in enumerate(parts)]
