"""What the diagnostics of order and smoothness add to the evaluation pass that they share.

    python benchmarks/order_diagnostics.py [--repeats N] [--threads N] [--data ROOT]

Three passes over the same videos take turns: predictions and AP alone, with order and secants (no second forward pass),
and with Jacobian norms at as many frames as the default allows. ROOT is a data set in YouTube-VIS format, at 384 x 216;
without it synthetic clips at 256 x 144. An untrained narrow network with one reference frame.
"""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from _timing import interleaved, options
from _training import NARROW, synthetic_set

from rcf.config import EvaluationConfig
from rcf.data.annotations import load_annotations
from rcf.data.layout import find_split
from rcf.data.opening import data_root
from rcf.data.ytvis import VideoDataset
from rcf.evaluation import evaluator
from rcf.evaluation.evaluator import Evaluator
from rcf.model import build_network
from rcf.model.network import RCF


def _nothing(*parts: object) -> list[Any]:
    return []


@contextmanager
def nothing_counted() -> Generator[None]:
    """Without sightings and gaps."""
    kept = evaluator.sightings, evaluator.pair_gaps
    module: Any = evaluator
    module.sightings = module.pair_gaps = _nothing
    try:
        yield
    finally:
        module.sightings, module.pair_gaps = kept


def passes(network: RCF, dataset: VideoDataset) -> dict[str, Any]:
    """The three passes."""
    plain = EvaluationConfig(jacobian_points=0, lipschitz_bound=False, overlays=0)
    full = plain.model_copy(update={"jacobian_points": None})

    def bare() -> None:
        with nothing_counted():
            Evaluator(dataset, [plain]).run(network)

    return {
        "bare": bare,
        "order": lambda: Evaluator(dataset, [plain]).run(network),
        "jacobian": lambda: Evaluator(dataset, [full]).run(network),
    }


def main() -> None:
    """Print the shares."""
    chosen = options(__doc__, repeats=3, data="")
    with synthetic_set(clips=8) as synthetic:
        root, split, size = Path(data_root(synthetic)), "train", (144, 256)
        if chosen.data:
            root, split, size = Path(chosen.data), "val", (216, 384)
        annotations, frames = find_split(root, split)
        dataset = VideoDataset(load_annotations(annotations, frames), frames, *size)
        network = build_network(NARROW, len(dataset.category_ids), seed=0)
        times = interleaved(passes(network, dataset), chosen.repeats, warm_up=1)
    bare, order, jacobian = (times[name].cpu for name in ("bare", "order", "jacobian"))
    count = sum(video.length for video in dataset.videos)
    shares = f"order and secants {100 * (order - bare) / bare:.0f} % (limit 25 %), Jacobian norms "
    shares += f"{100 * (jacobian - order) / bare:.0f} % (limit 50 %)"
    print(f"benchmark order_diagnostics: {count} frames; on top of a pass of {bare / 1e3:.1f} s of CPU: {shares}")


if __name__ == "__main__":
    main()
