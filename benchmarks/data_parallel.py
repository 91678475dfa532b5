"""Samples per second of two workers with one thread each against one worker with one thread, on the same batches.

    python benchmarks/data_parallel.py [--rounds N] [--steps N]

The real trainer over gloo, without Ray: 8 clips of 1 + 1 frames of 256 x 144, EfficientNet-Lite0, width 128. In each
round worker 0 trains alone for some steps while the other sleeps; then each trains a network of its own on half of the
clips, which is what the two CPUs can give; then both train together. A busy machine slows all three alike. By the
clock, since waiting for each other is what is measured. Wanted: a ratio of at least 1.7 on two idle CPUs.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta

import torch
import torch.distributed as dist
import torch.multiprocessing as processes
from _training import NARROW, recipe, start, synthetic_set

from rcf.config import SyntheticConfig
from rcf.train.process_ranks import ProcessRanks
from rcf.train.step import Trainer

WANTED = 1.7
_CLIPS = 8
_Round = tuple[float, float, float]
"""Seconds of one worker alone, of two apart (their mean), of two together."""


def _seconds(trainer: Trainer, steps: int) -> float:
    began = time.perf_counter()
    for _ in range(steps):
        trainer.advance()
    return time.perf_counter() - began


def _work(rank: int, folder: str, data: SyntheticConfig, rounds: int, steps: int) -> None:
    """One worker; that of rank 0 prints."""
    torch.set_num_threads(1)
    wait = timedelta(minutes=30)
    dist.init_process_group("gloo", init_method=f"file://{folder}/group", rank=rank, world_size=2, timeout=wait)
    ranks = ProcessRanks(wait.total_seconds())
    config = recipe(NARROW, data, clips_per_step=_CLIPS)
    half = recipe(NARROW, data, clips_per_step=_CLIPS // 2)
    alone, apart, together = start(config), start(half), start(config, ranks)
    seconds: list[_Round] = []
    for number in range(rounds + 1):
        first = _seconds(alone, steps) if rank == 0 else 0.0
        ranks.total([0.0])  # the other one sleeps until here
        second = sum(ranks.gather(_seconds(apart, steps))) / ranks.size
        third = _seconds(together, steps)
        if number:  # the first round fills caches
            seconds.append((first, second, third))
    if rank == 0:
        _report(seconds, steps)
    dist.destroy_process_group()


def _report(seconds: Sequence[_Round], steps: int) -> None:
    one, apart, two = (_CLIPS * steps / statistics.median(each) for each in zip(*seconds, strict=True))
    most = statistics.median(first / second for first, second, _ in seconds)
    ratio = statistics.median(first / third for first, _, third in seconds)
    print(
        f"benchmark data_parallel: one worker {one:.2f} clips/s, two workers {two:.2f} clips/s; ratio {ratio:.2f} "
        f"(median of {len(seconds)} rounds; wanted: at least {WANTED:g}). Two that know nothing of each other: "
        f"{apart:.2f} clips/s, ratio {most:.2f}, of which {ratio / most:.0%} are reached"
    )


def main() -> None:
    """Print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=2, help="in each round")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, synthetic_set() as data:
        processes.spawn(_work, (folder, data, options.rounds, options.steps), nprocs=2)


if __name__ == "__main__":
    main()
