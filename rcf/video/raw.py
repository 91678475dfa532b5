"""Raw frames from a pipe: width x height x 3 bytes each, red, green, blue, row by row.

ffmpeg ... -f rawvideo -pix_fmt rgb24 - | rcflab segment - --raw 640x360 ...
"""

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import torch

from rcf.video.source import SourceFrame, no_frames


@runtime_checkable
class Readable(Protocol):
    """Gives at most `count` bytes, none at its end."""

    def read(self, count: int, /) -> bytes: ...


class RawFrames:
    """Frames of one size, at a steady pace; read once."""

    live = False
    sound_rate = 0
    length: int | None = None

    def __init__(self, stream: Readable, width: int, height: int, fps: float, name: str = "standard input") -> None:
        self._stream, self._shape = stream, (height, width, 3)
        self.name, self.notes = name, list[str]()
        self.fps: float | None = fps
        self._pace = fps

    def close(self) -> None:
        """The pipe is not ours to close."""

    def frames(self, first: int = 0, ahead_s: float = 0.0) -> Iterator[SourceFrame]:
        """See `FrameSource`: the pipe begins with frame 0, those before `first` are left out.

        A rest that is shorter than a frame is left out, with a note.
        """
        height, width, channels = self._shape
        count, number = height * width * channels, 0
        while len(content := self._read(count)) == count:
            if number >= first:
                pixels = torch.frombuffer(bytearray(content), dtype=torch.uint8).view(self._shape)
                yield SourceFrame(number, number / self._pace, pixels.permute(2, 0, 1).contiguous())
            number += 1
        if content:
            self.notes.append(f"the last {len(content)} bytes left out: a frame has {count}")
        if not number:
            got = f" ({len(content)} bytes, and a frame of {width}x{height} has {count})" if content else ""
            no_frames(self.name + got, "Pipe width x height x 3 bytes a frame into it")

    def _read(self, count: int) -> bytes:
        """`count` bytes, or what is left at the end: a pipe gives as much as it has."""
        parts: list[bytes] = []
        while count:
            part = self._stream.read(count)
            if not part:
                break
            parts.append(part)
            count -= len(part)
        return b"".join(parts)
