"""Where the time of a frame goes, and the latency that the paper would print: ResNet-50 and EfficientNet-Lite0.

    python benchmarks/latency.py [--frames N] [--threads N]

The paper's widths, 640 x 360, 10 queries, one reference frame, random weights (speed does not depend on them, but for
the number of slots that fire: here all of them do). From a real file to a real file: H.264 is decoded from a temporary
video and the overlay is encoded again, so decode and encode are in the table. Warm-up and waiting as
rcf/phase_clock.py says.
"""

import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from _timing import options

from rcf.config import BackboneConfig, EvaluationConfig, FrameSizeConfig, ModelConfig, RcfConfig
from rcf.model import build_network
from rcf.phase_clock import PAPER_CLIP, PAPER_FRAME_S, WARM_UP, PhaseClock, offline_latency_s, online_latency_s
from rcf.trained import TrainedNetwork
from rcf.video.file import VideoFile
from rcf.video.library import load_av
from rcf.video.modes import output_mode
from rcf.video.overlay_video import OverlayVideo
from rcf.video.run import run_stream
from rcf.video.session import VideoSession

HEIGHT, WIDTH = 360, 640
_BACKBONES = ("resnet50", "tf_efficientnet_lite0")


def _model(backbone: str) -> TrainedNetwork:
    model = ModelConfig(backbone=BackboneConfig(name=backbone))
    way = EvaluationConfig(class_threshold=0.0)
    config = RcfConfig(model=model, input=FrameSizeConfig(height=HEIGHT, width=WIDTH), evaluation=way)
    network = build_network(model, categories=40, seed=0).to(memory_format=torch.channels_last)
    return TrainedNetwork(network, config, tuple(f"category {number}" for number in range(40)), Path())


def _video(path: Path, frames: int) -> None:
    """A bright square that moves over noise."""
    av = load_av()
    noise = np.random.default_rng(0).integers(0, 128, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=6)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        for number in range(frames):
            picture = noise.copy()
            picture[100:200, 5 * number % 500 : 5 * number % 500 + 100] = 255
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 6)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def _report(backbone: str, folder: Path) -> None:
    model, clock, source = _model(backbone), PhaseClock(), VideoFile(folder / "in.mp4")
    session = VideoSession(model, output_mode(0), phases=clock)
    with clock.watching(model.network):
        done = run_stream(source, session, [OverlayVideo(folder / f"{backbone}.mp4", source.fps)])
    report = clock.report()
    shares = ", ".join(
        f"{name} {ms:.1f} ms ({100 * report.share(name):.1f} %)" for name, ms in report.milliseconds.items()
    )
    network_s = report.network_ms / 1000
    print(f"benchmark latency: {backbone}: {report.frames} frames after {WARM_UP} of warm-up: {shares}")
    print(
        f"benchmark latency: {backbone}: frame {report.frame_ms:.0f} ms, network t_m {report.network_ms:.0f} ms, "
        f"{done.frames / done.seconds:.2f} frames/s with all phases; latency at 6 frames/s: online "
        f"{online_latency_s(PAPER_FRAME_S, network_s):.3f} s, offline with clips of {PAPER_CLIP} "
        f"{offline_latency_s(PAPER_FRAME_S, network_s, PAPER_CLIP):.2f} s"
    )


def main() -> None:
    """Print phases and latencies."""
    chosen = options(__doc__, frames=30)
    print(f"benchmark latency: {WIDTH} x {HEIGHT}, paper's widths, {chosen.threads} threads, wall time")
    with tempfile.TemporaryDirectory() as folder:
        _video(Path(folder) / "in.mp4", chosen.frames)
        for backbone in _BACKBONES:
            _report(backbone, Path(folder))


if __name__ == "__main__":
    main()
