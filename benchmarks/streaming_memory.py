"""Thousands of frames with sound, from a video file into an overlay: does memory grow, does a frame take longer late?

    python benchmarks/streaming_memory.py [--frames N] [--threads N]

file --decode--> VideoSession (network, identities, pairs) --> overlay video, JSON lines, timeline
    memory   resident after 500 frames and after N                                          limit: 20 MB apart
    time     median of a frame, of the first 500 and of the last 500 (20 warm up)           limit: 1.05
    turns    500 more frames: the old stream and one that begins take a frame in turn       limit: 1.05

A small network with random weights, every slot firing: all that could grow is at work. Between first and last lie
minutes in which a shared machine changes its pace; what takes turns does not feel that, so both are told.
"""

import gc
import tempfile
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from statistics import median

import numpy as np
import psutil
from _timing import options

from rcf.config import (
    AttentionConfig,
    AudioConfig,
    BackboneConfig,
    EvaluationConfig,
    FrameSizeConfig,
    MaskConfig,
    ModelConfig,
    RcfConfig,
)
from rcf.model import build_network
from rcf.trained import TrainedNetwork
from rcf.video.file import VideoFile
from rcf.video.library import load_av
from rcf.video.modes import output_mode
from rcf.video.session import VideoSession
from rcf.video.sinks import open_sink

HEIGHT, WIDTH, RATE, FPS = 64, 96, 16_000, 6
EDGE, WARM_UP = 500, 20


def _model() -> TrainedNetwork:
    attention = AttentionConfig(layers=1, heads=2, feedforward=32, dropout=0.0)
    model = ModelConfig(
        backbone=BackboneConfig(name="test_efficientnet"),
        audio=AudioConfig(features="small", lstm_width=16),
        width=16,
        encoder=attention,
        decoder=attention,
        mask=MaskConfig(fpn_width=16, filter_width=8),
    )
    way = EvaluationConfig(class_threshold=0.0)
    config = RcfConfig(model=model, input=FrameSizeConfig(height=HEIGHT, width=WIDTH), evaluation=way)
    return TrainedNetwork(build_network(model, 3, seed=0), config, ("cat", "dog", "owl"), Path())


def _write_video(path: Path, frames: int) -> None:
    """A bright square that moves over noise, and noise to hear."""
    av, values = load_av(), np.random.default_rng(0)
    with av.open(str(path), "w") as out:
        video, audio = out.add_stream("libx264", rate=FPS), out.add_stream("pcm_s16le", rate=RATE, layout="mono")
        video.height, video.width, video.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        out.start_encoding()
        for number in range(frames):
            picture = values.integers(0, 128, (HEIGHT, WIDTH, 3), dtype=np.uint8)
            picture[20:40, number % 80 : number % 80 + 16] = 255
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            out.mux(video.encode(frame))
            begin, end = RATE * number // FPS, RATE * (number + 1) // FPS
            samples = values.integers(-3000, 3000, (1, end - begin), dtype=np.int16)
            heard = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            heard.sample_rate, heard.pts, heard.time_base = RATE, begin, Fraction(1, RATE)
            out.mux(audio.encode(heard))
        out.mux(video.encode(None))
        out.mux(audio.encode(None))


class Stream:
    """One video through the network into its files, a frame a call: the loop of rcf/video/run.py, from outside."""

    def __init__(self, model: TrainedNetwork, video: Path, folder: Path) -> None:
        source = VideoFile(video, listen=True)
        self.session = VideoSession(model, output_mode(10), source.sound_rate)
        self._frames = source.frames(0, self.session.ahead_s)
        self._sinks = [open_sink(str(folder / name), source) for name in ("a.mkv", "a.jsonl", "a.png")]
        self.wall: list[float] = []
        self.cpu: list[float] = []

    def step(self) -> None:
        """The next frame, timed, decode and encode included."""
        wall, cpu = time.perf_counter(), time.process_time()
        shown = self.session.push(next(self._frames))
        for sink in self._sinks:
            sink.write(shown)
        self.wall.append(1e3 * (time.perf_counter() - wall))
        self.cpu.append(1e3 * (time.process_time() - cpu))

    def close(self) -> None:
        """All files whole."""
        for sink in self._sinks:
            sink.close()


def _resident_mb() -> float:
    gc.collect()
    return psutil.Process().memory_info().rss / 1e6


def _told(name: str, early: Sequence[Sequence[float]], late: Sequence[Sequence[float]]) -> None:
    """Medians and ratios, wall and CPU time of each."""
    told = ", ".join(
        f"{median(one):.2f} ms early, {median(two):.2f} ms late: ratio {median(two) / median(one):.3f} {kind}"
        for kind, one, two in zip(("wall", "CPU"), early, late, strict=True)
    )
    print(f"benchmark streaming_memory: a frame, {name}: {told} (limit 1.05)")


def main() -> None:
    """Print all three, with their limits."""
    chosen = options(__doc__, frames=5000)
    with tempfile.TemporaryDirectory() as folder:
        video, model = Path(folder) / "in.mkv", _model()
        _write_video(video, chosen.frames + EDGE)
        old = Stream(model, video, Path(folder) / "old")
        resident: dict[int, float] = {}
        for done in range(1, chosen.frames + 1):
            old.step()
            if done in (EDGE, chosen.frames):
                resident[done] = _resident_mb()
        state = sum(tensor.nbytes for tensor in old.session.state_dict().values())
        fresh = Stream(model, video, Path(folder) / "fresh")
        for _ in range(EDGE):
            old.step()
            fresh.step()
        old.close()
        fresh.close()
        written = (Path(folder) / "old" / "a.mkv").stat().st_size
    print(
        f"benchmark streaming_memory: resident {resident[EDGE]:.1f} MB after {EDGE} frames, "
        f"{resident[chosen.frames]:.1f} MB after {chosen.frames}: {resident[chosen.frames] - resident[EDGE]:+.1f} MB "
        f"(limit 20); state of the stream {state / 1e3:.1f} kB, overlay {written / 1e6:.1f} MB"
    )
    first, last = slice(WARM_UP, EDGE), slice(chosen.frames - EDGE, chosen.frames)
    _told(f"first and last {EDGE}", (old.wall[first], old.cpu[first]), (old.wall[last], old.cpu[last]))
    turns = slice(chosen.frames + WARM_UP, None)
    _told("taking turns", (fresh.wall[WARM_UP:], fresh.cpu[WARM_UP:]), (old.wall[turns], old.cpu[turns]))


if __name__ == "__main__":
    main()
