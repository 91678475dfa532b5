"""Online step of RCF against its bare backbone on the same frame.

    python benchmarks/online_step.py [--repeats N] [--threads N]

Runs are interleaved; wall time and process CPU time of each, medians, and their ratio. ResNet-50, 640 x 360, random
weights (speed does not depend on them). Budgets of the project: 2.1 at the paper's widths, 1.35 with width 64.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch

from rcf.config import BackboneConfig, EvaluationConfig, FrameSizeConfig, MaskConfig, ModelConfig
from rcf.model import build_network
from rcf.streaming import OnlineSegmenter

_WIDTHS = {"paper widths (256)": MaskConfig(), "mask and FPN width 64": MaskConfig(fpn_width=64, filter_width=64)}


def _measure(parts: dict[str, Callable[[], object]], repeats: int) -> dict[str, tuple[float, float]]:
    """Median wall and CPU milliseconds of each part, one of each in turn."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in parts}
    for _ in range(repeats):
        for name, part in parts.items():
            wall, cpu = time.perf_counter(), time.process_time()
            part()
            times[name].append((1e3 * (time.perf_counter() - wall), 1e3 * (time.process_time() - cpu)))
    return {
        name: (statistics.median(wall for wall, _ in values), statistics.median(cpu for _, cpu in values))
        for name, values in times.items()
    }


@torch.inference_mode()
def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    size = FrameSizeConfig(height=360, width=640)
    frame = torch.randint(0, 256, (3, 360, 640), dtype=torch.uint8)
    for label, mask in _WIDTHS.items():
        config = ModelConfig(backbone=BackboneConfig(name="resnet50"), mask=mask)
        network = build_network(config, categories=40, seed=0).to(memory_format=torch.channels_last)
        segmenter = OnlineSegmenter(network, size, EvaluationConfig())
        parts = {"backbone": partial(network.backbone, frame[None]), "push": partial(segmenter.push, frame)}
        _measure(parts, 2)
        found = _measure(parts, options.repeats)
        (push, push_cpu), (bare, bare_cpu) = found["push"], found["backbone"]
        print(
            f"benchmark online_step: {label}: push {push:.0f} ms, backbone {bare:.0f} ms wall; "
            f"ratio {push / bare:.2f} wall, {push_cpu / bare_cpu:.2f} CPU ({options.threads} threads)"
        )


if __name__ == "__main__":
    main()
