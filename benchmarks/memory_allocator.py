"""CPU time of training steps with freed memory kept by the process, as cells on a CPU run, against glibc's own way.

    python benchmarks/memory_allocator.py [--rounds N] [--steps N] [--threads N]

Two processes, alike but for the variables that rcflab/execute/ray_session.py sets, take turns; both end with the same
loss, digit for digit. Eight clips of 1 + 1 frames at 256 x 144, EfficientNet-Lite0, width 128.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from typing import Any

from _timing import options
from _training import NARROW, recipe, start, synthetic_set

from rcf.config import SyntheticConfig
from rcflab.execute.ray_session import KEPT_MEMORY


def work(data: SyntheticConfig, steps: int) -> None:
    """As a child: for each line that comes, do some steps and answer with their CPU seconds and the last loss."""
    trainer = start(recipe(NARROW, data, clips_per_step=8))
    for _ in sys.stdin:
        began = time.process_time()
        loss = [trainer.advance()["train/loss"] for _ in range(steps)][-1]
        print(json.dumps([time.process_time() - began, loss]), flush=True)


def _worker(chosen: Any, data: SyntheticConfig, variables: dict[str, str]) -> "subprocess.Popen[str]":
    command = [sys.executable, __file__, "--child", data.model_dump_json(), "--steps", str(chosen.steps)]
    environment = {name: value for name, value in os.environ.items() if name not in KEPT_MEMORY} | variables
    command += ["--threads", str(chosen.threads)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def _turn(worker: "subprocess.Popen[str]") -> tuple[float, float]:
    assert worker.stdin is not None and worker.stdout is not None
    worker.stdin.write("go\n")
    worker.stdin.flush()
    seconds, loss = json.loads(worker.stdout.readline())
    return seconds, loss


def main() -> None:
    """Print the ratio."""
    chosen = options(__doc__, rounds=6, steps=4, child="")
    if chosen.child:
        work(SyntheticConfig.model_validate_json(chosen.child), chosen.steps)
        return
    with synthetic_set() as data:
        workers = [_worker(chosen, data, variables) for variables in (KEPT_MEMORY, {})]
        rounds = [[_turn(worker) for worker in workers] for _ in range(chosen.rounds + 1)][1:]
        for worker in workers:
            worker.communicate()
    assert all(kept[1] == given_back[1] for kept, given_back in rounds), "the way of keeping memory changed a loss"
    kept, given_back = (statistics.median(turn[index][0] for turn in rounds) / chosen.steps for index in (0, 1))
    print(
        f"benchmark memory_allocator: CPU time of a step {1e3 * kept:.0f} ms with freed memory kept, "
        f"{1e3 * given_back:.0f} ms with glibc's own way; ratio {kept / given_back:.2f}; losses equal"
    )


if __name__ == "__main__":
    main()
