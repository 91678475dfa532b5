"""Jacobian norms at some frames of a data set, within a part of what its evaluation costs.

    frames that have a next one --evenly spread--> k windows --jacobian_norm--> LocalNorm(video, frame, estimate)
                                                                                  `--smoothness--> 95th percentile
    the first window's size     --network_bound--------------------------------------------------> log10

One step of an estimate costs some 4.5 forward passes of a window (a push by forward mode, a pull along a graph that is
kept), and a window has R + 1 frames: `affordable_points` counts with that.
"""

import logging
import math
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import numpy as np

from rcf.data.clip_plan import clip_frames
from rcf.data.ytvis import VideoDataset
from rcf.diagnostics.golub_kahan import Effort, NormEstimate
from rcf.diagnostics.jacobian import Segment, along_segment, jacobian_norm
from rcf.diagnostics.layer_constants import UnboundedError
from rcf.diagnostics.network_bound import NetworkBound, network_bound
from rcf.diagnostics.window_map import Part, Window, WindowMap, differentiable
from rcf.errors import CheckpointError
from rcf.model.network import RCF

logger = logging.getLogger(__name__)

QUICK = Effort(steps=8, seeds=(0,), tolerance=1e-2)
"""Within half a percent on networks like this one."""
Place = tuple[int, int]
"""Index of a video in the data set, and a frame of it."""
_FORWARDS_PER_STEP = 4.5
_SHARE = 0.5
"""Of the forward passes of the evaluation."""


@dataclass(frozen=True, slots=True)
class LocalNorm:
    """At one frame."""

    video: int
    """Index in the data set."""
    frame: int
    estimate: NormEstimate


def affordable_points(frames: int, references: int, effort: Effort = QUICK) -> int:
    """How many points cost at most half of an evaluation of so many frames; none where that does not pay for one."""
    each = effort.steps * len(effort.seeds) * _FORWARDS_PER_STEP * (references + 1)
    return int(_SHARE * frames / each)


def spread_places(dataset: VideoDataset, points: int) -> list[Place]:
    """`points` frames, evenly spread over all that have a next frame; fewer where there are fewer."""
    places = [(index, frame) for index, video in enumerate(dataset.videos) for frame in range(video.length - 1)]
    return evenly(places, points)


def local_norms(
    network: RCF, dataset: VideoDataset, places: Iterable[Place], part: Part = "both", effort: Effort = QUICK
) -> Iterator[LocalNorm]:
    """The norms at these places, one after the other.

    The network is left in the mode it came in. Raises CheckpointError where a derivative is not finite.
    """
    for video, frame in places:
        with differentiable(network), _told_where(video, frame):
            seen = _window(network, dataset, video, frame)
            found = jacobian_norm(WindowMap(network, part, 1.0, seen), seen.stacked, effort)
        yield LocalNorm(video, frame, found)


@dataclass(frozen=True, slots=True)
class LocalSegment:
    """Between a frame and the next one."""

    video: int
    frame: int
    segment: Segment


def local_segments(network: RCF, dataset: VideoDataset, places: Iterable[Place]) -> Iterator[LocalSegment]:
    """What is steepest between the windows of a frame and the next one; pairs of equal windows are left out.

    Raises as `local_norms`.
    """
    for video, frame in places:
        with differentiable(network), _told_where(video, frame):
            start, end = (_window(network, dataset, video, each) for each in (frame, frame + 1))
            found = along_segment(WindowMap(network, "both", 1.0, start), start.stacked, end.stacked)
        if found is not None:
            yield LocalSegment(video, frame, found)


def smoothness(network: RCF, dataset: VideoDataset, points: int, *, bound: bool) -> dict[str, float]:
    """`lipschitz/jacobian_p95` over `points` frames, and `lipschitz/bound_log10`; each left out where there is none."""
    found: dict[str, float] = {}
    norms: list[float] = []
    try:
        norms = [each.estimate.value for each in local_norms(network, dataset, spread_places(dataset, points))]
    except CheckpointError as error:  # the answers are finite, so the training is not to end of this
        logger.warning("event=no_jacobian_norm reason=%s", error)
    if norms:
        found["lipschitz/jacobian_p95"] = _as_sure(float(np.quantile(norms, 0.95)))
    if bound:
        with suppress(UnboundedError):
            found |= bound_metric(local_bound(network, dataset))
    return found


def bound_metric(bound: NetworkBound) -> dict[str, float]:
    """`lipschitz/bound_log10`, where it is a number: a network with weights of zero has none."""
    log10 = bound.both.log10
    return {"lipschitz/bound_log10": _as_sure(log10)} if math.isfinite(log10) else {}


def local_bound(network: RCF, dataset: VideoDataset) -> NetworkBound:
    """The layer-product bound for windows of the first video's size. Raises UnboundedError where there is none."""
    first = next((index for index, video in enumerate(dataset.videos) if video.length), None)
    if first is None:
        raise UnboundedError("a data set without frames has no size of windows")
    with differentiable(network):
        return network_bound(network, _window(network, dataset, first, 0))


@contextmanager
def _told_where(video: int, frame: int) -> Generator[None]:
    try:
        yield
    except ValueError as error:
        raise CheckpointError(f"video number {video}, frame {frame}: {error}") from error


def evenly(places: Sequence[Place], count: int) -> list[Place]:
    """`count` of them, evenly spread; all where there are no more."""
    if len(places) <= count:
        return list(places)
    middles = (np.arange(count) + 0.5) * len(places) / count
    return [places[int(middle)] for middle in middles]


def _as_sure(value: float) -> float:
    """Four digits: more than the estimate is sure of, and free of what threads and kernels do to the last ones."""
    return float(f"{value:.3e}")


def _window(network: RCF, dataset: VideoDataset, index: int, frame: int) -> Window:
    """What the network sees up to a frame, on its device."""
    device = network.backbone.mean.device
    numbers = clip_frames(dataset.videos[index].length, frame, 1, network.references.frames)
    heard = dataset.heard(index, numbers)
    images = network.backbone.normalise(dataset.frames(index, numbers).to(device))
    return Window(images, None if heard is None else heard.to(device))
