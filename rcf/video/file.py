"""A video file, decoded frame by frame, with the sound that belongs to each.

container --packets--> frames --upright, RGB of 8 bits--> SourceFrame
same file, opened once more --FileSound--> samples up to the moment of the frame
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from jaxtyping import UInt8
from torch import Tensor

from rcf.errors import InputError, Problem
from rcf.tensors import from_numpy
from rcf.video.file_sound import FileSound
from rcf.video.library import load_av
from rcf.video.source import NO_SAMPLES, SizeGuard, SourceFrame, no_frames

if TYPE_CHECKING:
    from av.container import InputContainer, VideoFrame, VideoStream

_AGAIN = "It may be cut short: fetch it again, or convert it"


class VideoFile:
    """All that FFmpeg can decode. What of it cannot be decoded is left out and counted in `notes`."""

    live = False

    def __init__(self, path: Path, *, listen: bool = False) -> None:
        """`listen`: also decode the first audio track. Raises rcf.errors.InputError where it is no video."""
        self._av = load_av()
        self._path, self.name, self.notes = path, str(path), list[str]()
        container = self._open()
        stream = container.streams.video[0]
        rate = stream.average_rate or stream.guessed_rate
        self.fps = float(rate) if rate else None
        seconds = container.duration / 1e6 if container.duration else 0.0
        self.length = stream.frames or (round(seconds * self.fps) if self.fps and seconds else None)
        tracks = container.streams.audio
        self.sound_rate = tracks[0].rate if listen and tracks else 0
        if listen and not tracks:
            self.notes.append("no audio track: the network hears silence")
        container.close()

    def close(self) -> None:
        """Nothing is held between two iterations."""

    def frames(self, first: int = 0, ahead_s: float = 0.0) -> Iterator[SourceFrame]:
        """See `FrameSource`; those before `first` are decoded and left out."""
        with self._open() as container:
            sound, start, moment, number = None, None, 0.0, 0
            guard = SizeGuard(self.name)
            for frame in self._decoded(container, container.streams.video[0]):
                at = frame.time if frame.time is not None else number / (self.fps or 25.0)
                start = at if start is None else start
                # Damaged time stamps may jump back; a stream cannot.
                moment = max(at - start, moment)
                if self.sound_rate and sound is None:
                    sound = FileSound(self._av, self._path, self.sound_rate, start, self.notes)
                heard = sound.until(moment + ahead_s) if sound is not None else NO_SAMPLES
                pixels = upright(frame)
                guard.check(number, *pixels.shape[1:])
                if number >= first:
                    yield SourceFrame(number, moment, pixels, heard)
                number += 1
            if sound is not None:
                sound.close()
        if not number:
            no_frames(self.name, _AGAIN)

    def _open(self) -> "InputContainer":
        try:
            container: InputContainer = self._av.open(str(self._path))
        except (self._av.FFmpegError, OSError) as error:
            got = f"a file that cannot be opened ({error.strerror or error})"
            raise InputError([Problem(self.name, "", got, "a video file", _AGAIN)]) from error
        if not container.streams.video:
            container.close()
            no_frames(self.name, "It has no video track")
        # Not by frames: a decoder that works ahead does not say which packet was damaged.
        container.streams.video[0].thread_type = "SLICE"
        return container

    def _decoded(self, container: "InputContainer", stream: "VideoStream") -> Iterator["VideoFrame"]:
        """All frames that can be decoded; what cannot is told in a note."""
        left_out = concealed = 0
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets)
                frames = cast("list[VideoFrame]", packet.decode())
            except StopIteration:
                break
            except self._av.error.InvalidDataError:
                left_out += 1
                continue
            except (self._av.FFmpegError, OSError) as error:
                self.notes.append(f"reading ended early: {error.strerror or error}")
                break
            for frame in frames:
                concealed += frame.is_corrupt
                yield frame
        if left_out:
            self.notes.append(f"{left_out} damaged packets left out")
        if concealed:
            self.notes.append(f"{concealed} damaged frames shown as FFmpeg could mend them")


def upright(frame: "VideoFrame") -> UInt8[Tensor, "3 H W"]:
    """Pixels of a PyAV frame, turned as its display matrix says by quarters of a turn.

    Grey becomes three equal channels, alpha is left out, more than 8 bits are scaled to 8.
    """
    pixels = frame.to_ndarray(format="rgb24")
    turns = round(frame.rotation / 90) % 4
    if turns:
        pixels = np.rot90(pixels, turns)
    return from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1).contiguous()
