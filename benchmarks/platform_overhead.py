"""What the platform costs: 200 cells of the toy task through `rcflab run`, against the toy's own work.

    python benchmarks/platform_overhead.py [--cells 200] [--step-ms 5]

Prints wall seconds per cell beyond the toy's own work once Ray is up (the limit is 0.6), and the CPU time of the driver
beside it. Ray is up when the first cell starts: the times come from the ledger, so nothing is subtracted by guess. The
toy's own work is what the same cells take in a plain loop over the task, side by side as Ray runs them.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rcflab.execute.batch import machine_cpus
from rcflab.ledger.events import AttemptStarted
from rcflab.ledger.reader import read_events
from rcflab.session import Session, open_experiment
from rcflab.task import load_task

LIMIT_S = 0.6
EXPERIMENT = """
name: overhead
task: toy
baseline: plain
arms:
  plain: {{}}
  fast: {{training.lr: 0.2}}
seeds: {seeds}
training: {{steps: 20, step_ms: {step_ms}, checkpoint_every: 10}}
storage: {{root: {root}}}
"""


def own_work_s(session: Session) -> float:
    """Wall seconds of all cells in a plain loop: train, save, evaluate, nothing else."""
    task = load_task("toy")
    began = time.perf_counter()
    for cell in session.plan.cells:
        training = task.start(cell.config, cell.seed)
        for _ in range(task.schedule(cell.config).steps):
            training.advance()
        with tempfile.TemporaryDirectory() as folder:
            training.save(Path(folder))
            training.evaluate([cell.config], [Path(folder)])
    return time.perf_counter() - began


def first_start_s(session: Session) -> float:
    """When the first cell started, in seconds since 1970."""
    starts = [
        event.ts_ms
        for cell in session.plan.cells
        for event in read_events(session.storage, cell.train_key)
        if isinstance(event, AttemptStarted)
    ]
    return min(starts) / 1000


def main() -> int:
    """Run, print, and return 1 when over the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=200)
    parser.add_argument("--step-ms", type=float, default=5.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "overhead.yaml"
        path.write_text(
            EXPERIMENT.format(seeds=options.cells // 2, step_ms=options.step_ms, root=Path(folder) / "runs")
        )
        session = open_experiment(path)
        began = time.time()
        command = [sys.executable, "-m", "rcflab.cli", "run", str(path)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ)
        ended = time.time()
        up = first_start_s(session)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        work = own_work_s(session) / machine_cpus()
    cells = len(session.plan.cells)
    per_cell = (ended - up - work) / cells
    print(f"cells {cells}, command {ended - began:.1f} s, of which until the first cell starts {up - began:.1f} s")
    print(f"toy's own work, {machine_cpus()} side by side: {work:.2f} s; CPU time of the driver and its children "
          f"that it waited for {used.ru_utime + used.ru_stime:.1f} s")  # fmt: skip
    print(
        f"platform: {per_cell:.3f} s a cell beyond the toy's own work (limit {LIMIT_S}), load {os.getloadavg()[0]:.1f}"
    )
    return 0 if per_cell <= LIMIT_S else 1


if __name__ == "__main__":
    sys.exit(main())
