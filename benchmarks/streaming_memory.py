"""A stream of 5,000 frames with sound: does memory grow, does a frame take longer at the end?

    python benchmarks/streaming_memory.py [--frames N] [--threads N]

A small network with random weights, every slot firing: all that could grow is at work (buffer, identities, sound,
pairs). Limits of the project: resident memory after 500 and after 5,000 frames differs by at most 20 MB; the median
time of a frame in the last 500 is at most 1.05 times that in the first 500 (after 20 that warm up).
"""

import gc
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import psutil
import torch
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
from rcf.video.modes import output_mode
from rcf.video.session import VideoSession
from rcf.video.source import SourceFrame

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


def _frames(count: int) -> Iterator[SourceFrame]:
    generator = torch.Generator().manual_seed(0)
    for number in range(count):
        pixels = torch.randint(0, 256, (3, HEIGHT, WIDTH), dtype=torch.uint8, generator=generator)
        heard = torch.randn(RATE // FPS if number else 0, generator=generator)
        yield SourceFrame(number, number / FPS, pixels, heard)


def _resident_mb() -> float:
    gc.collect()
    return psutil.Process().memory_info().rss / 1e6


def main() -> None:
    """Print both, with their limits."""
    chosen = options(__doc__, frames=5000)
    model = _model()
    session = VideoSession(model, output_mode(10), RATE)
    times: list[float] = []
    resident = {0: _resident_mb()}
    for frame in _frames(chosen.frames):
        began = time.process_time()
        session.push(frame)
        times.append(1e3 * (time.process_time() - began))
        if frame.number + 1 in (EDGE, chosen.frames):
            resident[frame.number + 1] = _resident_mb()
    state = sum(tensor.nbytes for tensor in session.state_dict().values())
    growth = resident[chosen.frames] - resident[EDGE]
    first, last = median(times[WARM_UP:EDGE]), median(times[-EDGE:])
    print(
        f"benchmark streaming_memory: resident {resident[EDGE]:.1f} MB after {EDGE} frames, "
        f"{resident[chosen.frames]:.1f} MB after {chosen.frames}: {growth:+.1f} MB (limit 20); "
        f"the state of the stream is {state / 1e3:.1f} kB"
    )
    print(
        f"benchmark streaming_memory: {first:.2f} ms of CPU a frame in the first {EDGE}, {last:.2f} ms in the last "
        f"{EDGE}: ratio {last / first:.3f} (limit 1.05)"
    )


if __name__ == "__main__":
    main()
