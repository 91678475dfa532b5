"""Small videos, made on the spot: lossless, so that what is read can be compared with what was written."""

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

# A module of this folder, which is no package: tests import it by name.
sys.path.insert(0, str(Path(__file__).parent))

Frames = NDArray[np.uint8]
FPS, RATE = 6, 16000
_PIECES = 20


@pytest.fixture
def pictures() -> Frames:
    """Eight frames of 32 x 48, (T, H, W, 3)."""
    return np.random.default_rng(0).integers(0, 256, (8, 32, 48, 3), dtype=np.uint8)


def _write_video(
    path: Path,
    frames: Frames,
    *,
    sound: NDArray[np.float32] | None = None,
    rotation: int = 0,
    fmt: str = "rgb24",
    codec: str = "ffv1",
    pix_fmt: str = "bgr0",
    sound_codec: str = "pcm_s16le",
    container: str | None = None,
) -> Path:
    """A video file; lossless with the defaults (.mkv, .avi or .mov)."""
    with av.open(str(path), "w", format=container) as out:
        video = out.add_stream(codec, rate=FPS)
        video.height, video.width = frames.shape[1:3]
        video.pix_fmt = pix_fmt
        if rotation:
            video.set_display_rotation(rotation)
        audio = None if sound is None else out.add_stream(sound_codec, rate=RATE, layout="mono")
        out.start_encoding()
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, format=fmt)
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            out.mux(video.encode(frame))
            if audio is not None:
                part = np.array_split(sound, len(frames))[number]
                out.mux(audio.encode(_heard(part, sum(map(len, np.array_split(sound, len(frames))[:number])))))
        out.mux(video.encode(None))
        if audio is not None:
            out.mux(audio.encode(None))
    return path


def _heard(part: NDArray[np.float32], at: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray((part[None] * 32767).astype(np.int16), format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
    return frame


@contextmanager
def _served(content: bytes, *, then_silent: bool = False, lasts_s: float = 0.0) -> Iterator[str]:
    """The address of a camera that sends `content` within `lasts_s`, and then ends, or holds the line in silence."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = threading.Event()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                for number in range(_PIECES):
                    connection.sendall(
                        content[len(content) * number // _PIECES : len(content) * (number + 1) // _PIECES]
                    )
                    done.wait(lasts_s / _PIECES)
                if then_silent:
                    done.wait(30)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        finally:
            done.set()
            thread.join(5)


@pytest.fixture
def camera_of(tmp_path: Path) -> Callable[[Frames], bytes]:
    """Frames -> what a camera would send, losslessly."""

    def made(frames: Frames) -> bytes:
        return _write_video(tmp_path / "camera.mkv", frames, container="matroska").read_bytes()

    return made


@pytest.fixture
def write_video() -> Callable[..., Path]:
    """(path, frames, sound, rotation, ...) -> the file; see `_write_video`."""
    return _write_video


@pytest.fixture
def served() -> Callable[..., AbstractContextManager[str]]:
    """(content, then_silent) -> context with an address; see `_served`."""
    return _served
