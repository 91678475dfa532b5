"""Jacobian norms at some frames of a data set, within a part of what its evaluation costs.

    frames that have a next one --evenly spread--> k windows --jacobian_norm--> LocalNorm(video, frame, estimate)
                                                                                  `--smoothness--> 95th percentile
    the first window's size     --network_bound--------------------------------------------------> log10

One step of an estimate costs some 4.5 forward passes of a window (a push by forward mode, a pull along a graph that is
kept), and a window has R + 1 frames: `affordable_points` counts with that.
"""

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from rcf.data.clip_plan import clip_frames
from rcf.data.ytvis import VideoDataset
from rcf.diagnostics.golub_kahan import Effort, NormEstimate
from rcf.diagnostics.jacobian import jacobian_norm
from rcf.diagnostics.layer_constants import UnboundedError
from rcf.diagnostics.network_bound import network_bound
from rcf.diagnostics.window_map import Part, WindowMap, differentiable
from rcf.model.network import RCF

QUICK = Effort(steps=8, seeds=(0,), tolerance=1e-2)
"""Within half a percent on networks like this one."""
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
    """How many points cost at most half of an evaluation of so many frames; at least one."""
    each = effort.steps * len(effort.seeds) * _FORWARDS_PER_STEP * (references + 1)
    return max(1, int(_SHARE * frames / each))


def local_norms(
    network: RCF, dataset: VideoDataset, points: int, part: Part = "both", effort: Effort = QUICK
) -> list[LocalNorm]:
    """The norms at `points` frames, evenly spread over all that have a next frame; fewer where there are fewer.

    The network is left in the mode it came in. Raises ValueError where a derivative is not finite.
    """
    places = [(index, frame) for index, video in enumerate(dataset.videos) for frame in range(video.length - 1)]
    chosen = _spread(places, points)
    with differentiable(network):
        return [LocalNorm(*place, _at(network, dataset, *place, part, effort)) for place in chosen]


def smoothness(network: RCF, dataset: VideoDataset, points: int, *, bound: bool) -> dict[str, float]:
    """`lipschitz/jacobian_p95` over `points` frames, and `lipschitz/bound_log10`; each left out where there is none."""
    found: dict[str, float] = {}
    norms = [each.estimate.value for each in local_norms(network, dataset, points)] if points else []
    if norms:
        found["lipschitz/jacobian_p95"] = float(np.quantile(norms, 0.95))
    if bound and any(video.length for video in dataset.videos):
        with suppress(UnboundedError), differentiable(network):
            log10 = network_bound(network, _window(network, dataset, 0, 0)[0]).both.log10
            found |= {"lipschitz/bound_log10": log10} if math.isfinite(log10) else {}
    return found


def _spread(places: Sequence[tuple[int, int]], points: int) -> list[tuple[int, int]]:
    if len(places) <= points:
        return list(places)
    middles = (np.arange(points) + 0.5) * len(places) / points
    return [places[int(middle)] for middle in middles]


def _at(network: RCF, dataset: VideoDataset, index: int, frame: int, part: Part, effort: Effort) -> NormEstimate:
    images, audio = _window(network, dataset, index, frame)
    return jacobian_norm(WindowMap(network, part, 1.0, audio), images, effort)


def _window(
    network: RCF, dataset: VideoDataset, index: int, frame: int
) -> tuple[Float[Tensor, "P 3 H W"], Float[Tensor, "P A E"] | None]:
    """The normalised images up to a frame, and their sound where somebody listens."""
    device = network.backbone.mean.device
    numbers = clip_frames(dataset.videos[index].length, frame, 1, network.references.frames)
    images = network.backbone.normalise(torch.stack([dataset.frame(index, number) for number in numbers]).to(device))
    if not dataset.listens:
        return images, None
    return images, torch.stack([dataset.audio(index, number) for number in numbers]).to(device)
