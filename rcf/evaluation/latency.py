"""What a frame costs a user who streams: the time of `OnlineSegmenter.push`, from the frame as it is to its objects.

frames of the validation videos, one after the other --push, timed--> median of N, ms

It is a time: another machine, another load, another number. So it is measured only where it is asked for
(`evaluation.latency_frames`), it never takes part in a comparison of runs, and a search for it does not repeat.
"""

import time
from collections.abc import Iterator
from statistics import median

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from rcf.config import EvaluationConfig, FrameSizeConfig
from rcf.data.ytvis import VideoDataset
from rcf.model.network import RCF
from rcf.streaming import OnlineSegmenter

_WARM_UP = 3
"""Frames before the first that counts: caches, clocks, kernels that are chosen once."""


def frame_latency_ms(
    network: RCF, dataset: VideoDataset, size: FrameSizeConfig, way: EvaluationConfig, frames: int
) -> float:
    """Median time of `frames` pushes, in milliseconds; videos begin anew where they are too few.

    The network is left in the mode it came in.
    """
    was_training = network.training
    segmenter = OnlineSegmenter(network, size, way)
    times: list[float] = []
    for number, (frame, sound) in zip(range(_WARM_UP + frames), _stream(dataset, segmenter), strict=False):
        _finish_queued()
        began = time.perf_counter()
        segmenter.push(frame, sound)
        _finish_queued()
        if number >= _WARM_UP:
            times.append(1000 * (time.perf_counter() - began))
    network.train(was_training)
    return median(times)


def _stream(
    dataset: VideoDataset, segmenter: OnlineSegmenter
) -> Iterator[tuple[UInt8[Tensor, "3 H W"], Float[Tensor, "A E"] | None]]:
    """Frames in their own size, with the sound that ends with each: video after video, for ever."""
    while True:
        for index, video in enumerate(dataset.videos):
            segmenter.reset()
            for number in range(video.length):
                sound = dataset.audio(index, number) if dataset.listens else None
                yield dataset.original(index, number), sound


def _finish_queued() -> None:
    """A GPU works behind the caller's back."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
