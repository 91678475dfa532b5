"""A video of a data set through the network once, and its answers read frame by frame as often as one likes.

    frames, sound --segment_video--> answer_video --> Segmentation, on the CPU
        --read_frames (thresholds of `way`, its identity rule or another)--> FramePrediction of each frame
        --beside_truth--> masks at the network's size, FrameTargets: what sightings are made from

Thresholds and identity rules come after the network: many ways to read share one pass.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Bool, UInt8
from torch import Tensor

from rcf.config import EvaluationConfig
from rcf.data.ytvis import VideoDataset
from rcf.errors import CheckpointError
from rcf.identity import IdentityRule
from rcf.model.network import RCF
from rcf.reading import FrameReader
from rcf.streaming import segment_video
from rcf.structures import FramePrediction, FrameTargets, Segmentation


def answer_video(network: RCF, dataset: VideoDataset, index: int, frames: UInt8[Tensor, "T 3 H W"]) -> Segmentation:
    """What the network, in evaluation mode, says of the `frames` of a video and of its sound.

    Raises CheckpointError where it answers with NaN or infinity: every score of such answers would be a fiction.
    """
    answer = segment_video(network, frames, dataset.heard(index))
    if not all(bool(part.isfinite().all()) for part in (answer.classes, answer.masks, answer.codes)):
        raise CheckpointError(
            f"video {dataset.videos[index].id}: got NaN or infinity from the network, expected finite numbers. "
            "Its training went astray: take an earlier checkpoint"
        )
    return Segmentation(answer.classes.cpu(), answer.masks.cpu(), answer.codes.cpu())


def read_frames(
    dataset: VideoDataset, index: int, answer: Segmentation, way: EvaluationConfig, rule: IdentityRule | None = None
) -> Iterator[FramePrediction]:
    """The answers as objects, one frame at a time: masks of full size are many, so let each go before the next.

    `rule` stands in for the one that `way` names.
    """
    video, reader = dataset.videos[index], FrameReader(way, rule)
    size = (video.height, video.width)
    for number in range(video.length):
        yield reader.read(answer.classes[-1, number], answer.masks[-1, number], answer.codes[number], size)


def beside_truth(
    dataset: VideoDataset, index: int, number: int, prediction: FramePrediction
) -> tuple[Bool[Tensor, "M h w"], FrameTargets]:
    """The masks of a frame's prediction at the network's size, and the truth of the frame, which has that size."""
    truth = dataset.targets(index, number)
    return _nearest(prediction.masks, (truth.masks.shape[-2], truth.masks.shape[-1])), truth


def _nearest(masks: Bool[Tensor, "M H W"], size: tuple[int, int]) -> Bool[Tensor, "M h w"]:
    if masks.shape[0] == 0:  # torch refuses to resize nothing
        return masks.new_zeros(0, *size)
    return torch.nn.functional.interpolate(masks[None].float(), size=size, mode="nearest")[0] > 0.5
