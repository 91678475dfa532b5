"""The same videos with other steps between their frames."""

from rcf.config import EvaluationConfig
from rcf.data.ytvis import VideoDataset
from rcf.diagnostics.order_curve import order_curve
from rcf.evaluation.evaluator import Evaluator
from rcf.model.network import RCF

WAY = EvaluationConfig(class_threshold=0.0, overlays=0)


def test_each_stride_has_the_pairs_that_it_leaves(tiny_network: RCF, clips: VideoDataset) -> None:
    found = list(order_curve(tiny_network, clips, WAY, (1, 2, 8)))
    assert [(point.name, point.stride, len(point.order.pairs)) for point in found] == [
        ("1", 1, 9), ("2", 2, 3), ("8", 8, 0), ("shuffled", None, 9),
    ]  # fmt: skip
    assert found[2].order.metrics() == {}, "videos of one frame have no pair to speak of"


def test_a_stride_of_one_is_the_evaluation_itself(tiny_network: RCF, clips: VideoDataset) -> None:
    (point, _) = order_curve(tiny_network, clips, WAY, (1,))
    (evaluation,) = Evaluator(clips, [WAY.model_copy(update={"jacobian_points": 0, "lipschitz_bound": False})]).run(
        tiny_network
    )
    assert point.order.metrics() == evaluation.order.metrics()
    assert point.order.pairs == evaluation.order.pairs


def test_frames_that_are_farther_apart_differ_more(tiny_network: RCF, clips: VideoDataset) -> None:
    near, far, _ = order_curve(tiny_network, clips, WAY, (1, 3))
    assert min(row.gaps.image for row in far.order.pairs) > 0
    mean = [sum(row.gaps.image for row in point.order.pairs) / len(point.order.pairs) for point in (near, far)]
    assert mean[0] < mean[1]
