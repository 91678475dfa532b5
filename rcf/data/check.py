"""A data set checked as a whole, before anything is booked or trained.

root --look_for_split--> per split: AnnotationScan --rows--> SplitStatistics
                                    stream_videos --MediaFolders.decode, parallel--> damaged, missing, wrong-sized files
                         --> SetReport: what was found, what is wrong (strict rules), statistics, notes

The readers are those of training; memory does not grow with the length of the annotation file (scan.py).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from rcf.data.annotations import frames_folder
from rcf.data.decoding import Decoded, MediaFolders, in_parallel
from rcf.data.frame_files import FramesFolder
from rcf.data.json_text import Progress
from rcf.data.layout import SplitFiles, look_for_split, missing_part
from rcf.data.opening import category_problems
from rcf.data.problems import Collector
from rcf.data.scan import AnnotationScan, stream_videos
from rcf.data.set_statistics import SplitStatistics
from rcf.data.videos import Annotations, Category, Track, Video
from rcf.errors import InputError

LABELLED = "train"
"""The split that must have labels; of others the public files have none."""

ProgressOf = Callable[[str], Progress]
"""Makes a progress for one piece of work, which it is told; called once for each megabyte or video."""
_MEGABYTE = 2**20


def _silent(what: str) -> Progress:
    return lambda done, total: None


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """What is looked at, and how."""

    decode: bool = True
    """Decode every frame and sound; else only look whether the frames are there."""
    threads: int = 1
    progress: ProgressOf = _silent
    shown: int = 0
    """Videos of each split of which the tracks are kept for a picture."""


@dataclass(slots=True)
class SplitReport:
    """What a check found in one split."""

    files: SplitFiles
    problems: Collector
    statistics: SplitStatistics = field(default_factory=SplitStatistics)
    notes: list[str] = field(default_factory=list[str])
    shown: Annotations | None = None
    """Some of its videos with their tracks, for a picture."""
    cut: bool = False
    """Whether a fault ended the reading of the file."""

    @property
    def categories(self) -> Annotations:
        """The categories alone."""
        found = tuple(Category(number, name) for number, name in self.statistics.categories.items())
        return Annotations(self.files.annotations or Path(), (), found, ())


@dataclass(slots=True)
class SetReport:
    """What a check found in a data set."""

    root: Path
    splits: list[SplitReport]

    @property
    def sound(self) -> bool:
        """Whether training can take it, and other tools too."""
        return all(split.problems.count == 0 for split in self.splits)


def check_set(root: Path, splits: Sequence[str], options: CheckOptions) -> SetReport:
    """Check these splits of a data set. Raises rcf.errors.InputError only where there is no folder `root`.

    Of several splits, `test` is checked where it has annotations; the others must be there.
    """
    found = [look_for_split(root, split) for split in splits]
    wanted = [files for files in found if files.split != "test" or files.annotations is not None]
    reports = [_check_split(root, files, options) for files in wanted or found]
    first = next((report for report in reports if report.files.split == LABELLED), None)
    for report in reports:
        if first is not None and report is not first and first.categories.categories and report.categories.categories:
            for problem in category_problems(first.categories, report.categories):
                report.problems.note(problem)
    return SetReport(root, reports)


def _check_split(root: Path, files: SplitFiles, options: CheckOptions) -> SplitReport:
    report = SplitReport(files, Collector(str(files.annotations or root), strict=True))
    if files.annotations is None or files.frames is None:
        report.problems.note(missing_part(root, files))
    if files.annotations is None:
        return report
    folder = frames_folder(report.problems, files.frames)
    _read(report, files.annotations, None if options.decode else folder, options)
    if options.decode and folder is not None and not report.cut:
        _decode(report, files.annotations, folder, options)
    _note(report, options)
    return report


def _read(report: SplitReport, path: Path, folder: FramesFolder | None, options: CheckOptions) -> None:
    """Every row of the annotation file."""
    tell = options.progress(f"{report.files.split}: reading {path.name}, MB")

    def progress(done: int, total: int) -> None:
        tell(-(-done // _MEGABYTE), -(-total // _MEGABYTE))

    needed = report.files.split == LABELLED
    scan = AnnotationScan(path, report.problems, folder, require_tracks=needed, progress=progress)
    picture = _Picture(options.shown)
    try:
        for item in scan:
            report.statistics.add(item)
            picture.add(item)
    except InputError as error:
        # What was found before is in the collector already; only what ended the reading is new.
        report.problems.note(error.problems[0])
        report.cut = True
        return
    if not scan.labelled:
        report.notes.append("no annotations: it cannot be scored here; `rcflab data holdout` makes a split that can")
    report.shown = picture.annotations(path, report.categories.categories)


def _decode(report: SplitReport, path: Path, folder: FramesFolder, options: CheckOptions) -> None:
    """Every frame and sound."""
    audio = report.files.audio
    media = MediaFolders(path, folder, None if audio is None else FramesFolder(audio, "sound"))
    progress = options.progress(f"{report.files.split}: decoding videos")
    results = in_parallel(partial(_decode_row, media), stream_videos(path), options.threads)
    for number, decoded in enumerate(results, start=1):
        for problem in decoded.problems:
            report.problems.note(problem)
        if audio is not None:
            report.statistics.add_sound(decoded.video, decoded.sound_s)
        progress(number, report.statistics.videos)


def _decode_row(media: MediaFolders, task: tuple[int, Video]) -> Decoded:
    return media.decode(*task)


def _note(report: SplitReport, options: CheckOptions) -> None:
    statistics = report.statistics
    unused = [name for number, name in statistics.categories.items() if not statistics.tracks[number]]
    if unused and statistics.tracks:
        report.notes.append(f"{len(unused)} categories without an object: {_some(unused)}")
    if 0 in statistics.categories:
        report.notes.append("a category has the id 0: accepted, as gaps between ids are")
    if report.files.audio is None:
        report.notes.append("no folder of sounds")
    if not options.decode:
        report.notes.append("frames were looked for, not decoded")


def _some(names: Iterable[str], most: int = 8) -> str:
    listed = list(names)
    return ", ".join(listed[:most]) + (f" and {len(listed) - most} more" if len(listed) > most else "")


class _Picture:
    """Keeps the tracks of a few videos, evenly spread over the split: tracks come when all videos are known."""

    def __init__(self, videos: int) -> None:
        self._most = videos
        self._ids: list[int] = []
        self._chosen: set[int] | None = None
        self._tracks: list[Track] = []

    def add(self, item: Category | Video | Track) -> None:
        """One row of the file."""
        if not self._most:
            return
        if isinstance(item, Video):
            self._ids.append(item.id)
        elif isinstance(item, Track) and item.video_id in self._choose():
            self._tracks.append(item)

    def annotations(self, path: Path, categories: tuple[Category, ...]) -> Annotations | None:
        """What a contact sheet is drawn from."""
        chosen = self._choose()
        if not chosen:
            return None
        videos = tuple(video for _, video in stream_videos(path) if video.id in chosen)
        return Annotations(path, videos, categories, tuple(self._tracks))

    def _choose(self) -> set[int]:
        if self._chosen is None:
            places = np.linspace(0, len(self._ids) - 1, min(self._most, len(self._ids))).round().astype(int)
            self._chosen = {self._ids[place] for place in places.tolist()}
        return self._chosen
