"""What is in a labelled split, video by video, without keeping its masks; with an identity that no order changes.

annotation file --AnnotationScan--> Contents: names of the videos, categories and objects of each
                                    digest: file names, sizes, and for each object category, crowd flag and masks

A video's name is the folder of its frames, or its first frame where folders do not tell videos apart. Ids and the order
of the rows play no part, so that everybody's copy of a release has the same digest.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rcf.data.annotations import frames_folder
from rcf.data.json_text import Progress
from rcf.data.problems import Collector
from rcf.data.scan import AnnotationScan
from rcf.data.videos import Category, Track, Video


@dataclass(frozen=True, slots=True)
class Contents:
    """A split, by the names of its videos."""

    videos: dict[int, Video]
    names: dict[int, str]
    """Video id -> name."""
    objects: dict[str, Counter[str]]
    """Video's name -> objects of each category, crowds left out."""
    categories: tuple[str, ...]
    digest: str

    @property
    def labels(self) -> dict[str, frozenset[str]]:
        """Video's name -> categories that occur in it."""
        return {name: frozenset(counts) for name, counts in self.objects.items()}

    def instances(self, names: Iterable[str]) -> Counter[str]:
        """Objects of each category in these videos."""
        return sum((self.objects[name] for name in names), Counter[str]())


def read_contents(path: Path, frames_root: Path, progress: Progress | None = None) -> Contents:
    """Read and check a whole annotation file. `progress` is called with bytes read and bytes in all.

    Raises rcf.errors.InputError with all problems of the file.
    """
    problems = Collector(str(path))
    scan = AnnotationScan(path, problems, frames_folder(problems, frames_root), progress=progress)
    videos: dict[int, Video] = {}
    categories: dict[int, str] = {}
    found: dict[int, tuple[Counter[str], list[bytes]]] = {}
    for item in scan:
        if isinstance(item, Category):
            categories[item.id] = item.name
        elif isinstance(item, Video):
            videos[item.id] = item
            found[item.id] = Counter(), []
        else:
            counts, digests = found[item.video_id]
            category = categories.get(item.category_id, "")  # an unknown one was noted
            digests.append(_track_digest(item, category))
            counts.update([] if item.iscrowd else [category])
    problems.raise_if_any()
    names = _names(videos)
    parts = sorted(_video_digest(video, found[number][1]) for number, video in videos.items())
    return Contents(
        videos,
        names,
        {names[number]: found[number][0] for number in videos},
        tuple(sorted(categories.values())),
        _digest([sorted(categories.values()), [part.hex() for part in parts]]).hex(),
    )


def _names(videos: dict[int, Video]) -> dict[int, str]:
    folders = {number: str(PurePosixPath(video.file_names[0]).parent) for number, video in videos.items()}
    if "." not in folders.values() and len(set(folders.values())) == len(folders):
        return folders
    return {number: video.file_names[0] for number, video in videos.items()}


def _track_digest(track: Track, category: str) -> bytes:
    masks = [None if mask is None else [*mask["size"], mask["counts"]] for mask in track.segmentations]
    return _digest([category, track.iscrowd, masks])


def _video_digest(video: Video, tracks: list[bytes]) -> bytes:
    return _digest([list(video.file_names), video.width, video.height, sorted(each.hex() for each in tracks)])


def _digest(value: object) -> bytes:
    return hashlib.sha256(json.dumps(value, separators=(",", ":")).encode()).digest()
