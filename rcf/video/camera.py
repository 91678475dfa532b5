"""A camera or an address: frames come whether or not we keep up, and may stop at any moment.

device | rtsp://.. --thread: decode--> the newest frame, and the sound since the last one taken
                                        --frames(): wait at most timeout_s--> SourceFrame | SourceStoppedError

Frames that come while the network works are left out and counted: what is shown is the present, and memory is bounded.
"""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import torch
from jaxtyping import Float
from torch import Tensor

from rcf.errors import InputError, Problem, SourceStoppedError
from rcf.video.file import upright
from rcf.video.file_sound import following, mono
from rcf.video.library import load_av
from rcf.video.source import NO_SAMPLES, SizeGuard, SourceFrame, no_frames

if TYPE_CHECKING:
    from av.container import AudioFrame, AudioStream, InputContainer, Packet, VideoFrame, VideoStream

_MOST_SOUND_S = 10
"""Seconds of sound that wait for a frame; what is older is dropped."""

_LOOK_S = 2
"""Seconds of a stream that are looked at to find out what is in it."""


@dataclass(slots=True)
class _Waiting:
    """What the thread has read and nobody has taken."""

    frames: "list[VideoFrame]" = field(default_factory=lambda: [])
    sound: "list[tuple[float | None, Tensor]]" = field(default_factory=lambda: [])
    """Each with the moment of its first sample, by the clock of the source."""
    dropped: int = 0
    ended: str = ""
    """Why no more will come."""


class Camera:
    """A live source."""

    live = True
    length: int | None = None

    def __init__(self, address: str, *, timeout_s: float = 10.0, listen: bool = False, newest: bool = True) -> None:
        """Opens it at once. `newest`: leave out frames that come too fast; false keeps them all, in memory.

        Raises rcf.errors.InputError where it cannot be opened within `timeout_s`, or shows nothing.
        """
        self._av = load_av()
        self.name, self.notes, self._timeout_s, self._newest = address, list[str](), timeout_s, newest
        self._container = self._open(address)
        stream = self._container.streams.video[0]
        self.fps = float(stream.average_rate) if stream.average_rate else None
        tracks = self._container.streams.audio
        self.sound_rate = tracks[0].rate if listen and tracks else 0
        if listen and not tracks:
            self.notes.append("no audio track: the network hears silence")
        self._waiting, self._news, self._closed = _Waiting(), threading.Condition(), False
        self._thread = threading.Thread(target=self._read, name="camera", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop reading. A device that hangs is left to its thread, which ends with it."""
        self._closed = True
        self._thread.join(self._timeout_s + 1)

    def frames(self, first: int = 0, ahead_s: float = 0.0) -> Iterator[SourceFrame]:
        """See `FrameSource`. Raises SourceStoppedError after `timeout_s` without a frame, or where reading fails."""
        number, start, moment, given, guard = first, None, 0.0, 0, SizeGuard(self.name)
        while (taken := self._take(number - first)) is not None:
            frame, pieces = taken
            at = frame.time if frame.time is not None else time.monotonic()
            start = at if start is None else start
            moment = max(at - start, moment)
            pixels = upright(frame)
            guard.check(number, *pixels.shape[1:])
            sound = self._placed(pieces, start, given)
            yield SourceFrame(number, moment, pixels, sound)
            number, given = number + 1, given + sound.numel()
        self.notes.append(f"the source ended; {self._waiting.dropped} frames came too fast and were left out")
        if number == first:
            no_frames(self.name)

    def _placed(self, pieces: "list[tuple[float | None, Tensor]]", start: float, given: int) -> Float[Tensor, " s"]:
        """Pieces one behind the other, as their moments say; sample 0 is at `start`, and `given` are gone already."""
        joined = NO_SAMPLES
        for at, samples in pieces:
            here = given + joined.numel()
            begin = here if at is None else round((at - start) * self.sound_rate)
            begin = here if abs(begin - here) <= self.sound_rate // 200 else begin
            joined = torch.cat((joined, following(samples, begin, here)))
        return joined

    def _take(self, number: int) -> "tuple[VideoFrame, list[tuple[float | None, Tensor]]] | None":
        """The next frame, and the sound that has come in; None at a proper end."""
        with self._news:
            waiting = self._waiting
            arrived = self._news.wait_for(lambda: bool(waiting.frames or waiting.ended), self._timeout_s)
            if waiting.frames:
                pieces, waiting.sound = waiting.sound, []
                return waiting.frames.pop(0), pieces
        if arrived and waiting.ended == "end":
            return None
        reason = waiting.ended or f"no frame for {self._timeout_s:g} s"
        raise SourceStoppedError(f"{self.name}: stopped after {number} frames ({reason})")

    def _open(self, address: str) -> "InputContainer":
        # A server that sends nothing any more must not hold us for longer than a frame may take. FFmpeg looks at some
        # seconds of a stream before it is open; a limit that strikes meanwhile would end the reading, too.
        limits = (self._timeout_s + 2 * _LOOK_S, self._timeout_s)
        device = address.startswith("/dev/")
        options = {"analyzeduration": f"{_LOOK_S * 1_000_000}"}
        if address.startswith("rtsp"):
            options["rtsp_transport"] = "tcp"
        try:
            container: InputContainer = self._av.open(
                address,
                format="v4l2" if device else None,
                options=options,
                timeout=limits,
            )
        except (self._av.FFmpegError, OSError) as error:
            got = f"a source that cannot be opened ({error.strerror or error})"
            raise InputError([Problem(address, "", got, "a camera or an address that sends video")]) from error
        if not container.streams.video:
            container.close()
            no_frames(address, "It has no video track")
        return container

    def _read(self) -> None:
        """The thread: everything into `_waiting`, until the end."""
        ended = "end"
        try:
            streams: list[VideoStream | AudioStream] = [self._container.streams.video[0]]
            if self.sound_rate:
                streams.append(self._container.streams.audio[0])
            for packet in self._container.demux(*streams):
                if self._closed:
                    break
                self._put(packet)
        except (self._av.FFmpegError, OSError, ValueError) as error:
            silent = isinstance(error, self._av.error.ExitError)  # what PyAV's time limit comes out as
            told = getattr(error, "strerror", None) or str(error)
            ended = f"nothing came for {self._timeout_s:g} s" if silent else told
        finally:
            with self._news:
                self._waiting.ended = ended
                self._news.notify_all()
            self._container.close()

    def _put(self, packet: "Packet") -> None:
        try:
            parts = packet.decode()
        except self._av.error.InvalidDataError:
            return  # the first packets of a stream that is joined in the middle
        with self._news:
            for part in parts:
                if packet.stream.type == "audio":
                    self._hear(cast("AudioFrame", part))
                    continue
                if self._newest and self._waiting.frames:
                    self._waiting.frames.clear()
                    self._waiting.dropped += 1
                self._waiting.frames.append(cast("VideoFrame", part))
            self._news.notify_all()

    def _hear(self, part: "AudioFrame") -> None:
        resampler = self._av.AudioResampler(format="fltp", layout=part.layout, rate=self.sound_rate)
        turned: list[AudioFrame] = resampler.resample(part)
        self._waiting.sound += [(each.time, mono(each)) for each in turned]
        while sum(piece.numel() for _, piece in self._waiting.sound) > _MOST_SOUND_S * self.sound_rate:
            self._waiting.sound.pop(0)
