"""The video with its objects painted over it, H.264, with the sound of the source.

Shown --overlay_picture--> even size --libx264--> packets --+
source file --audio packets as they are, up to the frame----+--> FILE.mp4 | .mkv | .mov
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rcf.video.library import load_av
from rcf.video.picture_frames import overlay_picture
from rcf.video.session import Shown
from rcf.video.sink import refuse_existing, temporary

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer, Packet, VideoFrame, VideoStream

SUFFIXES = (".mp4", ".mkv", ".mov")
_UNIT = Fraction(1, 90_000)
"""Seconds of a time stamp: any pace fits, also one that varies."""
_DEFAULT_FPS = 25


class OverlayVideo:
    """The sink. On interruption the file ends with the last whole frame, and plays."""

    def __init__(self, path: Path, fps: float | None = None, sound_from: Path | None = None, first: int = 0) -> None:
        """`sound_from`: the file whose audio track is copied, without decoding it.

        Raises rcf.errors.InputError where a stream that goes on would overwrite the video before it.
        """
        self._av = load_av()
        refuse_existing(path, first, "a video")
        self.path, self.notes = path, list[str]()
        self._rate = Fraction(fps or _DEFAULT_FPS).limit_denominator(1001)
        self._sound_from = sound_from
        self._out: OutputContainer | None = None
        self._sound: _SoundCopy | None = None
        self._began, self._last = 0.0, -1

    def write(self, shown: Shown) -> None:
        """One frame, shown from its own moment on."""
        with self._faults():
            self._write(shown)

    def close(self) -> None:
        """Write what the encoder still holds, then the name."""
        if self._out is None:
            return
        out, self._out = self._out, None
        with self._faults():
            out.mux(self._video.encode(None))
            out.close()
        if self._sound is not None:
            self._sound.close()
        temporary(self.path).replace(self.path)

    @contextmanager
    def _faults(self) -> Generator[None]:
        """FFmpeg's errors as OSError of this file; not all of them are that by themselves."""
        try:
            yield
        except self._av.FFmpegError as error:
            temporary(self.path).unlink(missing_ok=True)
            raise OSError(error.errno, error.strerror or str(error), str(self.path)) from error

    def _write(self, shown: Shown) -> None:
        pixels = _even(np.asarray(overlay_picture(shown)))
        if self._out is None:
            self._open(shown, pixels)
        assert self._out is not None
        moment = shown.frame.moment - self._began
        # Two frames of one moment would be refused: the later one is put a little later.
        self._last = max(round(moment / _UNIT), self._last + 1)
        frame: VideoFrame = self._av.VideoFrame.from_ndarray(pixels, format="rgb24")
        frame.pts, frame.time_base = self._last, _UNIT
        self._out.mux(self._video.encode(frame))
        if self._sound is not None:
            self._out.mux(self._sound.until(moment + float(1 / self._rate)))

    def _open(self, shown: Shown, pixels: NDArray[np.uint8]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._began = shown.frame.moment
        out: OutputContainer = self._av.open(str(temporary(self.path)), "w")
        out.metadata["comment"] = f"rcflab segment, mode {shown.mode}"
        codec = "libx264" if "libx264" in self._av.codecs_available else "mpeg4"
        options = {"crf": "20", "preset": "veryfast"} if codec == "libx264" else {"qscale": "3"}
        self._video: VideoStream = out.add_stream(codec, rate=self._rate, options=options)
        self._video.height, self._video.width = pixels.shape[:2]
        self._video.pix_fmt, self._video.time_base = "yuv420p", _UNIT
        self._video.codec_context.time_base = _UNIT
        if self._sound_from is not None:
            self._sound = self._copied(out, self._sound_from)
        out.start_encoding()
        self._out = out

    def _copied(self, out: "OutputContainer", source: Path) -> "_SoundCopy | None":
        container: InputContainer = self._av.open(str(source))
        tracks = container.streams.audio
        fits = bool(tracks) and tracks[0].codec_context.name in out.supported_codecs
        if not fits:
            if tracks:
                name = tracks[0].codec_context.name
                self.notes.append(
                    f"no sound in {self.path.name}: {name} does not fit into {self.path.suffix}, .mkv does"
                )
            container.close()
            return None
        return _SoundCopy(self._av, container, out, self._began)


class _SoundCopy:
    """The audio packets of a file, moved so that the first frame of the picture is at 0."""

    def __init__(self, av: Any, container: "InputContainer", out: "OutputContainer", began: float) -> None:
        self._av, self._container = av, container
        self._track = container.streams.audio[0]
        self._stream = out.add_stream_from_template(self._track)
        video = container.streams.video
        start = float(video[0].start_time * video[0].time_base) if video and video[0].start_time else 0.0
        self._shift = start + began
        self._packets = self._moved()
        self._next: Packet | None = next(self._packets, None)

    def until(self, moment: float) -> "list[Packet]":
        """Those that begin before `moment` and were not given yet."""
        given: list[Packet] = []
        while self._next is not None and (self._next.pts or 0) * self._track.time_base < moment:
            given.append(self._next)
            self._next = next(self._packets, None)
        return given

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _moved(self) -> "Iterator[Packet]":
        unit = self._track.time_base
        shift = round(self._shift / unit)
        packets = self._container.demux(self._track)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, self._av.FFmpegError):
                return
            if packet.dts is None or packet.pts is None or packet.pts < shift:
                continue
            packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, self._stream
            yield packet


def _even(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """H W 3 with even sides, the last row or column repeated: colours are stored at half the resolution."""
    height, width = pixels.shape[:2]
    if height % 2 or width % 2:
        pixels = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return np.ascontiguousarray(pixels)
