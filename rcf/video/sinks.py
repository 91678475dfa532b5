"""From what a person writes to the sink that it means.

NAME.mp4 .mkv .mov   overlay video with the sound of the source        frames:FOLDER   overlays as PNG
NAME.jsonl           objects, masks as run lengths, a line a frame      masks:FOLDER    identities as PNG
NAME.png             timeline: which slot fired when
"""

from pathlib import Path

from rcf.data.problems import refuse
from rcf.video.json_lines import JsonLines
from rcf.video.overlay_video import SUFFIXES, OverlayVideo
from rcf.video.picture_frames import PictureFrames, mask_picture, overlay_picture
from rcf.video.sink import FrameSink
from rcf.video.source import FrameSource
from rcf.video.timeline_file import TimelineFile

_FOLDERS = {"frames": overlay_picture, "masks": mask_picture}
WANTED = f"a name that ends with {', '.join((*SUFFIXES, '.jsonl', '.png'))}, or frames:FOLDER, masks:FOLDER"


def open_sink(text: str, source: FrameSource, first: int = 0) -> FrameSink:
    """The sink called `text`, for a stream that begins with frame `first`. Raises rcf.errors.InputError."""
    kind, separator, folder = text.partition(":")
    if separator and kind in _FOLDERS and folder:
        return PictureFrames(Path(folder), _FOLDERS[kind], first)
    path = Path(text)
    suffix = path.suffix.lower()
    if path.is_dir() or not path.name:
        refuse("--out", text, "a folder", WANTED)
    if suffix in SUFFIXES:
        recorded = Path(source.name)
        return OverlayVideo(path, source.fps, recorded if recorded.is_file() else None, first)
    if suffix == ".jsonl":
        return JsonLines(path, first)
    if suffix == ".png":
        return TimelineFile(path, first)
    refuse("--out", text, f"the ending {suffix!r}", WANTED)
