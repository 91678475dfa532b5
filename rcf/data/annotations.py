"""A YouTube-VIS annotation file as values that are known to be sound.

    instances.json --AnnotationScan--> categories, videos (frames on disk), tracks (every mask) --> Annotations
                                                 all problems of the file at once, each with its JSON pointer

`rcflab data check` reads by the same scan, so what it lets pass, this takes. No image is opened here.
"""

from pathlib import Path

from rcf.data.frame_files import FramesFolder
from rcf.data.problems import Collector
from rcf.data.scan import AnnotationScan
from rcf.data.videos import Annotations, Category, Track, Video

__all__ = ["Annotations", "Category", "Track", "Video", "frames_folder", "load_annotations"]


def load_annotations(path: Path, frames_root: Path | None = None, *, require_tracks: bool = True) -> Annotations:
    """Read and check `path`; with `frames_root`, also that every listed frame is a file below it.

    `require_tracks=False` accepts a file without annotations, such as the public validation split.
    Raises rcf.errors.InputError with all problems (50 spelled out, the rest counted).
    """
    problems = Collector(str(path))
    scan = AnnotationScan(path, problems, frames_folder(problems, frames_root), require_tracks=require_tracks)
    videos, categories, tracks = list[Video](), list[Category](), list[Track]()
    for item in scan:
        if isinstance(item, Track):
            tracks.append(item)
        elif isinstance(item, Video):
            videos.append(item)
        else:
            categories.append(item)
    problems.raise_if_any()
    return Annotations(path, tuple(videos), tuple(categories), tuple(tracks))


def frames_folder(problems: Collector, root: Path | None) -> FramesFolder | None:
    """The folder that holds the frames; None, with a problem noted, when it is not there."""
    if root is None:
        return None
    if not root.is_dir():
        wanted = "the folder that holds the frames"
        problems.add("", f"no folder {root}", wanted, rule="frames-folder-missing")
        return None
    return FramesFolder(root)
