"""From what a person writes to the source that it means.

-                      raw frames on standard input
rtsp://.., /dev/video0 camera or address
folder                 images, one a frame
file                   video
"""

import sys
from pathlib import Path

from rcf.data.problems import refuse
from rcf.video.camera import Camera
from rcf.video.file import VideoFile
from rcf.video.folder import ImageFolder
from rcf.video.raw import RawFrames, Readable
from rcf.video.source import FrameSource

DEFAULT_FPS = 6.0
"""Of images and raw frames; YouTube-VIS has it too."""


def open_source(
    text: str,
    *,
    raw_size: tuple[int, int] | None = None,
    fps: float = DEFAULT_FPS,
    listen: bool = False,
    timeout_s: float = 10.0,
    stdin: Readable | None = None,
) -> FrameSource:
    """The source called `text`. `raw_size` is the width and height of raw frames.

    Raises rcf.errors.InputError where there is none, or none that shows anything.
    """
    if text == "-" or raw_size is not None:
        if text != "-":
            refuse(text, "--raw", "raw frames from a file or an address", "raw frames on standard input, -")
        if raw_size is None:
            refuse("-", "", "standard input without a size", "--raw WIDTHxHEIGHT")
        return RawFrames(stdin or sys.stdin.buffer, *raw_size, fps)
    if "://" in text or text.startswith("/dev/"):
        return Camera(text, timeout_s=timeout_s, listen=listen)
    path = Path(text)
    if path.is_dir():
        return ImageFolder(path, fps)
    if not path.exists():
        refuse(text, "", "no such file or folder", "a video, a folder of images, an address, or - for raw frames")
    return VideoFile(path, listen=listen)
