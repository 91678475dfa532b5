"""What shipping to MLflow costs the trainings beside it: 8 at once, 1,000 steps of 20 metrics each.

    python benchmarks/shipping.py [--trials 8] [--steps 1000] [--step-ms 100] [--repeats 2]

Each training is a process of its own that sleeps for a step (an accelerator would compute meanwhile) and appends its
metrics to the ledger. They take turns: all trials alone, then all trials while a driver ships to an SQLite store as a
run does. Prints the median wall time of a trial both ways, their ratio (limit 1.02) and the driver's CPU time.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rcflab.ledger.events import AttemptStarted, Metrics, StateChanged
from rcflab.ledger.lease import acquire, this_process
from rcflab.ledger.writer import LedgerWriter
from rcflab.records import Cell, RunPlan
from rcflab.track.mlflow_tracker import MlflowTracker
from rcflab.track.shipper import Shipper

LIMIT = 1.02
METRICS = 20


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def train(storage: Path, key: str, steps: int, step_ms: float) -> None:
    """One trial; prints its wall seconds."""
    lease = acquire(storage, key, this_process())
    began = time.perf_counter()
    with LedgerWriter(storage, key, lease) as ledger:
        ledger.append(AttemptStarted(now_ms(), 1, 0, {"code_digest": "c"}, 1))
        for step in range(1, steps + 1):
            time.sleep(step_ms / 1000)
            ledger.append(Metrics(now_ms(), step, {f"train/curve_{n}": step / (n + 1) for n in range(METRICS)}))
        ledger.append(StateChanged(now_ms(), steps, "finished"))
    print(time.perf_counter() - began)


def together(storage: Path, options: argparse.Namespace) -> float:
    """Median wall seconds of all trials at once."""
    command = [sys.executable, __file__, "--steps", str(options.steps), "--step-ms", str(options.step_ms)]
    trials = [
        subprocess.Popen([*command, "--train", str(storage), f"train{number}"], stdout=subprocess.PIPE)
        for number in range(options.trials)
    ]
    return statistics.median(float(trial.communicate()[0]) for trial in trials)


def main() -> int:
    """Run, print, and return 1 when over the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--step-ms", type=float, default=100.0)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--train", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train:
        train(Path(options.train[0]), options.train[1], options.steps, options.step_ms)
        return 0
    alone: list[float] = []
    beside: list[float] = []
    cpu_s = 0.0
    cells = tuple(Cell("a", number, {}, f"train{number}", f"eval{number}") for number in range(options.trials))
    plan = RunPlan("shipping", "toy", "a", cells, ("toy/score",))
    for _ in range(options.repeats):
        with tempfile.TemporaryDirectory() as folder:
            alone.append(together(Path(folder), options))
        with tempfile.TemporaryDirectory() as folder:
            tracker = MlflowTracker(f"sqlite:///{Path(folder) / 'mlflow.db'}", None)
            tracker.find_cells("none")  # the schema is made before the first training starts, like the imports
            shipper = Shipper(Path(folder), plan, tracker)
            used = time.process_time()
            shipper.run_in_background()
            beside.append(together(Path(folder), options))
            pending = shipper.finish(600)
            cpu_s += time.process_time() - used
            assert pending.clear, pending
    ratio = statistics.median(beside) / statistics.median(alone)
    rows = options.repeats * options.trials * options.steps * METRICS
    print(f"a trial alone {statistics.median(alone):.2f} s, beside the shipper {statistics.median(beside):.2f} s")
    print(f"ratio {ratio:.3f} (limit {LIMIT}); the driver used {cpu_s:.1f} s of CPU for {rows} values")
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
