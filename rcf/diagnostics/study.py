"""All diagnostics of one network on one data set: what a report of it is made from.

    network, videos --evaluation pass---> metrics, OrderResult --breakdown, first_fires--> where order breaks
                    --identity rules----> AP, HOTA, switches of each rule
                    --order curve-------> the same videos at other strides, and shuffled
                    --Jacobians, before the pairs where order changed and others--> foretold, or not
                    --segments----------> secant against directional norms between two frames
                    --layer product-----> the bound, stage by stage
                    --taps--------------> who looks at whom, in some windows

Each part is a pass of its own; `Watch` is told how far each is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rcf.config import EvaluationConfig
from rcf.data.ytvis import VideoDataset
from rcf.diagnostics.attention_summary import (
    AttentionSummary,
    summarised,
    watched_windows,
    window_places,
)
from rcf.diagnostics.breakdown import FirstFires, Group, breakdown, first_fires
from rcf.diagnostics.foretelling import Foretelling, foretell, places_to_judge
from rcf.diagnostics.identity_rules import RuleResult, compare_rules
from rcf.diagnostics.layer_constants import UnboundedError
from rcf.diagnostics.local_norms import (
    LocalNorm,
    LocalSegment,
    bound_metric,
    evenly,
    local_bound,
    local_norms,
    local_segments,
)
from rcf.diagnostics.network_bound import NetworkBound
from rcf.diagnostics.order_curve import CurvePoint, order_curve
from rcf.diagnostics.result import OrderResult
from rcf.evaluation.evaluator import Evaluator, Progress
from rcf.model.network import RCF

Part = TypeVar("Part")
Watch = Callable[[str], Progress]
"""The name of a part to what is told how far it is."""


@dataclass(frozen=True, slots=True)
class Depth:
    """How far the dear parts go."""

    strides: Sequence[int] = (2, 4, 8)
    """Besides every frame."""
    points: int = 60
    """Jacobian norms."""
    segments: int = 6
    windows: int = 40
    """In which attention is looked at."""


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """Everything that was found."""

    metrics: Mapping[str, float]
    """Those of an evaluation, with all that are left out of one by default."""
    videos_digest: str
    order: OrderResult
    rules: tuple[RuleResult, ...]
    curve: tuple[CurvePoint, ...]
    """Every frame first."""
    norms: tuple[LocalNorm, ...]
    segments: tuple[LocalSegment, ...]
    all_pairs: Foretelling
    """Without the Jacobian."""
    judged: Foretelling
    """The pairs that have one."""
    bound: NetworkBound | None
    unbounded: str
    """Why there is no bound."""
    bounded: frozenset[int]
    """Videos whose frames have the size that the bound is for."""
    groups: tuple[Group, ...]
    fires: FirstFires
    attention: AttentionSummary


def study(network: RCF, dataset: VideoDataset, way: EvaluationConfig, depth: Depth, watch: Watch) -> Study:
    """All parts. Raises CheckpointError where an answer or a derivative is not finite."""
    plain = way.model_copy(
        update={"overlays": 0, "jacobian_points": None, "lipschitz_bound": False, "latency_frames": 0}
    )
    (found,) = Evaluator(dataset, [plain]).run(network, watch("segmenting"))
    order = found.order
    rules = compare_rules(network, dataset, plain, watch("identity rules"))
    norms = _norms(network, dataset, order, depth.points, watch("Jacobian norms"))
    known = {(each.video, each.frame): each.estimate.value for each in norms}
    bound, unbounded = _bound(network, dataset)
    metrics = dict(found.metrics)
    if bound is not None:
        metrics |= bound_metric(bound)
    lengths = {index: video.length for index, video in enumerate(dataset.videos)}
    return Study(
        metrics, found.videos_digest, order, tuple(rules),
        _curve(network, dataset, plain, order, depth.strides, watch("order at other strides")),
        norms, _segments(network, dataset, order, depth.segments, watch("segments")),
        foretell(order), foretell(order, known), bound, unbounded, _of_first_size(dataset),
        tuple(breakdown(order, lengths)), first_fires(order, dataset.annotations),
        _attention(network, dataset, depth.windows, way.class_threshold, watch("attention")),
    )  # fmt: skip


def _norms(
    network: RCF, dataset: VideoDataset, order: OrderResult, points: int, progress: Progress
) -> tuple[LocalNorm, ...]:
    places = places_to_judge(order, points)
    return tuple(_watched(local_norms(network, dataset, places), len(places), progress))


def _segments(
    network: RCF, dataset: VideoDataset, order: OrderResult, count: int, progress: Progress
) -> tuple[LocalSegment, ...]:
    """From the first to the last of the pairs by secant, evenly: the calm and the wild ones."""
    secants = [(secant, row) for row in order.pairs if (secant := row.gaps.secant()) is not None]
    ranked = [(row.video, row.gaps.frame - 1) for _, row in sorted(secants, key=lambda pair: pair[0])]
    places = evenly(ranked, count)
    return tuple(_watched(local_segments(network, dataset, places), len(places), progress))


def _curve(
    network: RCF,
    dataset: VideoDataset,
    way: EvaluationConfig,
    order: OrderResult,
    strides: Sequence[int],
    progress: Progress,
) -> tuple[CurvePoint, ...]:
    first = CurvePoint("1", 1, order)
    if dataset.listens:
        return (first,)
    return first, *_watched(order_curve(network, dataset, way, strides), len(strides) + 1, progress)


def _attention(
    network: RCF, dataset: VideoDataset, windows: int, fires_above: float, progress: Progress
) -> AttentionSummary:
    places = window_places(dataset, windows)
    return summarised(_watched(watched_windows(network, dataset, places, fires_above), len(places), progress))


def _watched(parts: Iterable[Part], count: int, progress: Progress) -> Iterator[Part]:
    """Each part as it comes, told."""
    for number, part in enumerate(parts, start=1):
        progress(number, count)
        yield part


def _of_first_size(dataset: VideoDataset) -> frozenset[int]:
    sizes = {index: dataset.size(index) for index, video in enumerate(dataset.videos) if video.length}
    first = next(iter(sizes.values()), None)
    return frozenset(index for index, size in sizes.items() if size == first)


def _bound(network: RCF, dataset: VideoDataset) -> tuple[NetworkBound | None, str]:
    try:
        return local_bound(network, dataset), ""
    except UnboundedError as error:
        return None, str(error)
