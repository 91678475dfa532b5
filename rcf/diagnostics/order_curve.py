"""Order and smoothness as frames move apart: every n-th frame of the same videos, then the frames in random order.

    annotations --every_nth(1, 2, 4, ..), shuffled--> the same frames in other steps --Evaluator--> OrderResult of each

Strides that leave no video two frames have no pairs and say so. A network that listens is not asked: its sound would
stand in another time than its frames.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rcf.config import EvaluationConfig
from rcf.data.annotations import Annotations
from rcf.data.ytvis import VideoDataset
from rcf.diagnostics.other_orders import every_nth, shuffled
from rcf.diagnostics.result import OrderResult
from rcf.evaluation.evaluator import Evaluator
from rcf.model.network import RCF

SHUFFLED = "shuffled"


@dataclass(frozen=True, slots=True, eq=False)
class CurvePoint:
    """One distance between frames."""

    name: str
    """The stride, or `shuffled`."""
    stride: int | None
    order: OrderResult

    @property
    def watched(self) -> int:
        """Pairs of frames with an object that was found in both."""
        return sum(row.is_watched for row in self.order.pairs)


def order_curve(
    network: RCF, dataset: VideoDataset, way: EvaluationConfig, strides: Sequence[int], seed: int = 0
) -> Iterator[CurvePoint]:
    """A point for each stride, then that of shuffled frames."""
    plain = way.model_copy(
        update={"frames": "all", "overlays": 0, "jacobian_points": 0, "lipschitz_bound": False, "latency_frames": 0}
    )

    def point(name: str, stride: int | None, annotations: Annotations) -> CurvePoint:
        (found,) = Evaluator(dataset.with_annotations(annotations), [plain]).run(network)
        return CurvePoint(name, stride, found.order)

    for stride in strides:
        yield point(str(stride), stride, every_nth(dataset.annotations, stride))
    yield point(SHUFFLED, None, shuffled(dataset.annotations, seed))
