"""The evaluation pass: every validation video once, through the online rule, into metrics. Always in float32.

video --segment_video--> logits --FrameReader--> FramePredictions --TrackAssembler--> tracks --track AP--> val/*
                           |                          +--> OrderCounter --> order/*
                           +--> SecantMean --> lipschitz/*
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from rcf.config import EvaluationConfig
from rcf.data.ytvis import VideoDataset
from rcf.diagnostics.lipschitz import SecantMean
from rcf.diagnostics.order import OrderCounter
from rcf.evaluation.statistics import Stats
from rcf.evaluation.track_ap import TrackEvaluation, evaluate
from rcf.evaluation.tracks import TrackAssembler
from rcf.model.network import RCF
from rcf.reading import FrameReader
from rcf.streaming import segment_video
from rcf.structures import FramePrediction, Segmentation, TrackPrediction


@dataclass(frozen=True, slots=True, eq=False)
class VideoResult:
    """What was predicted for one video."""

    video: int
    """Index in the data set."""
    tracks: list[TrackPrediction]
    frames: list[FramePrediction]
    """Empty unless the video is drawn."""


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What an evaluation pass returns."""

    metrics: dict[str, float]
    tracks: TrackEvaluation
    predictions: list[TrackPrediction]
    drawn: list[VideoResult]
    """The first videos, whole, for overlays."""


class Evaluator:
    """One pass over a data set with fixed rules."""

    def __init__(self, dataset: VideoDataset, config: EvaluationConfig) -> None:
        self._dataset, self._config = dataset, config

    def run(self, network: RCF) -> Evaluation:
        """Evaluate; the network is left in the mode it came in."""
        was_training = network.training
        network.eval()
        order, secant = OrderCounter(), SecantMean()
        predictions: list[TrackPrediction] = []
        drawn: list[VideoResult] = []
        for result in self._videos(network, order, secant):
            predictions.extend(result.tracks)
            if result.frames:
                drawn.append(result)
        network.train(was_training)
        scored = evaluate(self._dataset.annotations, predictions)
        metrics = {
            **track_metrics(scored.stats),
            **order.metrics(),
            **secant.metrics(),
            "cost/params_m": sum(weight.numel() for weight in network.parameters()) / 1e6,
        }
        return Evaluation(metrics, scored, predictions, drawn)

    def _videos(self, network: RCF, order: OrderCounter, secant: SecantMean) -> Iterator[VideoResult]:
        for index, video in enumerate(self._dataset.videos):
            frames = torch.stack([self._dataset.frame(index, number) for number in range(video.length)])
            answer = segment_video(network, frames)
            answer = Segmentation(answer.classes.cpu(), answer.masks.cpu(), answer.codes.cpu())
            images = network.backbone.normalise(frames.to(network.backbone.mean.device)).cpu()
            secant.add_video(images, answer.classes[-1], answer.masks[-1], network.references.frames)
            yield self._read(index, answer, order)

    def _read(self, index: int, answer: Segmentation, order: OrderCounter) -> VideoResult:
        """Frame by frame, masks of full size are let go at once: only drawn videos keep them."""
        video, drawn = self._dataset.videos[index], index < self._config.overlays
        reader, assembler = FrameReader(self._config), TrackAssembler()
        order.start_video()
        frames: list[FramePrediction] = []
        for number in range(video.length):
            size = (video.height, video.width)
            prediction = reader.read(answer.classes[-1, number], answer.masks[-1, number], answer.codes[number], size)
            truth = self._dataset.targets(index, number)
            small = _nearest(prediction.masks, (truth.masks.shape[-2], truth.masks.shape[-1]))
            order.add(prediction.slots, small, truth.tracks, truth.masks, prediction.overridden)
            assembler.add(prediction)
            if drawn:
                frames.append(prediction)
        return VideoResult(index, assembler.tracks(video.id, self._dataset.category_ids), frames)


def _nearest(masks: Tensor, size: tuple[int, int]) -> Tensor:
    """Masks at the ground truth's size (that of the network's input)."""
    if masks.shape[0] == 0:  # torch refuses to resize nothing
        return masks.new_zeros(0, *size)
    return torch.nn.functional.interpolate(masks[None].float(), size=size, mode="nearest")[0] > 0.5


def track_metrics(stats: Stats) -> dict[str, float]:
    """The evaluator's statistics under the names of our metrics; what has no ground truth has no value."""
    return {f"val/{name.lower()}": value for name, value in stats.items() if value is not None}


def videos_digest(dataset: VideoDataset) -> str:
    """Which videos were evaluated against which truth: arms are comparable only where this is equal."""
    digest = hashlib.sha256()
    for video in dataset.videos:
        digest.update(repr((video.id, video.height, video.width, video.file_names)).encode())
    for track in dataset.annotations.tracks:
        masks = [rle and rle["counts"] for rle in track.segmentations]
        digest.update(repr((track.id, track.video_id, track.category_id, track.iscrowd, masks)).encode())
    return digest.hexdigest()[:16]
