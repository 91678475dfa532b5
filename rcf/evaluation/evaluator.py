"""The evaluation pass: every validation video once, through the online rule, into metrics. Always in float32.

video, sound --segment_video--> logits --FrameReader--> FramePredictions --TrackAssembler--> tracks --track AP--> val/*
                                  |                          +--> sightings --+
                                  +--> pair_gaps -----------------------------+--> OrderResult --> order/*, lipschitz/*

The network is run once for all ways to read its answers: thresholds and identity rules come after it.

With many ranks the videos are shared out and their results collected in the order of the data set, so that metrics and
files do not depend on the number of ranks.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import fsum

from rcf.config import EvaluationConfig
from rcf.config.evaluation import FrameChoice
from rcf.data.annotations import Annotations
from rcf.data.ytvis import VideoDataset
from rcf.diagnostics.local_norms import affordable_points, smoothness
from rcf.diagnostics.pair_gaps import PairGaps, Reading, pair_gaps
from rcf.diagnostics.result import OrderResult, VideoOrder
from rcf.diagnostics.sightings import Sighting, sightings
from rcf.evaluation.chosen_frames import restrict
from rcf.evaluation.statistics import track_metrics
from rcf.evaluation.track_ap import TrackEvaluation, evaluate
from rcf.evaluation.tracks import TrackAssembler
from rcf.evaluation.video_pass import answer_video, beside_truth, read_frames
from rcf.model.network import RCF
from rcf.structures import FramePrediction, Segmentation, TrackPrediction
from rcf.train.ranks import SINGLE, Ranks

_ROUND = 8
"""Videos of each rank between two collections: long enough to even out their lengths, and nobody waits for long."""

Progress = Callable[[int, int], None]


def _silent(done: int, total: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True, eq=False)
class VideoResult:
    """What was predicted for one video."""

    video: int
    """Index in the data set."""
    tracks: list[TrackPrediction]
    frames: list[FramePrediction]
    """Empty unless the video is drawn."""
    order: VideoOrder


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What an evaluation pass returns."""

    metrics: dict[str, float]
    tracks: TrackEvaluation
    predictions: list[TrackPrediction]
    drawn: list[VideoResult]
    """The first videos, whole, for overlays."""
    videos_digest: str
    """Of the videos, frames and tracks that were scored."""
    order: OrderResult
    """Pair by pair, of all frames."""


class Evaluator:
    """One pass over a data set, its answers read in one way or in many."""

    def __init__(self, dataset: VideoDataset, ways: Sequence[EvaluationConfig], ranks: Ranks = SINGLE) -> None:
        self._dataset, self._ways, self._ranks = dataset, ways, ranks
        self._usual_share = usual_share(dataset.annotations)

    def run(self, network: RCF, progress: Progress = _silent) -> list[Evaluation]:
        """Evaluate in each way, on rank 0; the network is left in the mode it came in.

        `progress` is told after each video how many are done, of all.
        """
        sums = [_Sum(way.frames) for way in self._ways]
        for number, results in enumerate(self._results(network), start=1):
            for each, result in zip(sums, results, strict=True):
                each.add(result)
            progress(number, len(self._dataset.videos))
        found = [each.evaluation(self._dataset.annotations, network) for each in sums]
        smooth: dict[tuple[int | None, bool], dict[str, float]] = {}
        for each, way in zip(found, self._ways, strict=True):
            asked = way.jacobian_points, way.lipschitz_bound
            if asked not in smooth:
                smooth[asked] = self._smoothness(network, *asked)
            each.metrics.update(smooth[asked])
        return found

    def _smoothness(self, network: RCF, points: int | None, bound: bool) -> dict[str, float]:
        """What needs derivatives or weights in place of answers."""
        if points is None:
            frames = sum(video.length for video in self._dataset.videos)
            points = affordable_points(frames, network.references.frames)
        return smoothness(network, self._dataset, points, bound=bound)

    def assist(self, network: RCF) -> None:
        """This rank's videos, on the ranks that do not `run`."""
        for _ in self._results(network):
            pass

    def _results(self, network: RCF) -> Iterator[list[VideoResult]]:
        """All videos in order, whoever segments them; each in every way."""
        self._ranks.align(network)
        was_training = network.training
        network.eval()
        rank, size, count = self._ranks.rank, self._ranks.size, len(self._dataset.videos)
        try:
            for start in range(0, count, _ROUND * size):
                mine = range(start + rank, min(start + _ROUND * size, count), size)
                shares = self._ranks.gather([self._video(network, index) for index in mine])
                every = [results for share in shares for results in share]
                yield from sorted(every, key=lambda results: results[0].video)
        finally:
            network.train(was_training)

    def _video(self, network: RCF, index: int) -> list[VideoResult]:
        frames = self._dataset.frames(index)
        answer = answer_video(network, self._dataset, index, frames)
        images = network.backbone.normalise(frames.to(network.backbone.mean.device)).cpu()
        classes, masks, sound = answer.classes[-1], answer.masks[-1], self._dataset.heard(index)

        def gaps(threshold: float) -> tuple[PairGaps, ...]:
            reading = Reading(threshold, self._usual_share)
            return tuple(pair_gaps(images, classes, masks, network.references.frames, reading, sound))

        known = {threshold: gaps(threshold) for threshold in {way.class_threshold for way in self._ways}}
        return [self._read(index, answer, known[way.class_threshold], way) for way in self._ways]

    def _read(self, index: int, answer: Segmentation, gaps: tuple[PairGaps, ...], way: EvaluationConfig) -> VideoResult:
        """Frame by frame, masks of full size are let go at once: only drawn videos keep them."""
        drawn, assembler = index < way.overlays, TrackAssembler(way)
        seen: list[Sighting] = []
        frames: list[FramePrediction] = []
        fired = overridden = 0
        for number, prediction in enumerate(read_frames(self._dataset, index, answer, way)):
            seen += sightings(number, prediction, *beside_truth(self._dataset, index, number, prediction))
            if number:
                fired += len(prediction.slots)
                overridden += int(prediction.overridden.sum())
            assembler.add(prediction)
            if drawn:
                frames.append(prediction)
        tracks = assembler.tracks(self._dataset.videos[index].id, self._dataset.category_ids)
        return VideoResult(index, tracks, frames, VideoOrder(index, tuple(seen), gaps, fired, overridden))


class _Sum:
    """What the videos come to under one way to read them."""

    def __init__(self, frames: FrameChoice) -> None:
        self._frames: FrameChoice = frames
        self._order: list[VideoOrder] = []
        self._predictions: list[TrackPrediction] = []
        self._drawn: list[VideoResult] = []

    def add(self, result: VideoResult) -> None:
        """The next video."""
        self._predictions.extend(result.tracks)
        self._order.append(result.order)
        if result.frames:
            self._drawn.append(result)

    def evaluation(self, annotations: Annotations, network: RCF) -> Evaluation:
        """After the last video."""
        truth, predictions = restrict(annotations, self._predictions, self._frames)
        scored, order = evaluate(truth, predictions), OrderResult(self._order)
        metrics = {
            **track_metrics(scored.stats),
            **order.metrics(),
            "cost/params_m": sum(weight.numel() for weight in network.parameters()) / 1e6,
        }
        return Evaluation(metrics, scored, self._predictions, self._drawn, videos_digest(truth), order)


def usual_share(annotations: Annotations) -> float:
    """Mean share of the frame that a true mask covers; 0 where there is none."""
    sizes = {video.id: video.height * video.width for video in annotations.videos}
    shares = [
        area / sizes[track.video_id]
        for track in annotations.tracks
        for area in track.areas
        if area is not None and not track.iscrowd
    ]
    return fsum(shares) / len(shares) if shares else 0.0


def videos_digest(annotations: Annotations) -> str:
    """Which videos were evaluated against which truth: arms are comparable only where this is equal."""
    digest = hashlib.sha256()
    for video in annotations.videos:
        digest.update(repr((video.id, video.height, video.width, video.file_names)).encode())
    for track in annotations.tracks:
        masks = [rle and rle["counts"] for rle in track.segmentations]
        digest.update(repr((track.id, track.video_id, track.category_id, track.iscrowd, masks)).encode())
    return digest.hexdigest()[:16]
