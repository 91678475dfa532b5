"""MLflow's server is killed in mid-run and comes back later: what that costs the training, and what it loses.

    python benchmarks/tracking_outage.py [--down-s 60] [--step-ms 100]

Two toy cells train at once while a real `mlflow server` keeps their store. It is killed after some steps, stays away,
and is started again; the run goes on meanwhile. Prints the time between steps before, during and after the outage side
by side, and checks that every point is in MLflow exactly once and that the table from MLflow has the ledger's bytes.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

from rcflab.ledger.events import Metrics
from rcflab.ledger.reader import read_events
from rcflab.session import Session, open_experiment
from rcflab.track.mlflow_server import end, free_port, serving

SLOWER = 1.05
"""Most that the median time of a step may grow by."""
EXPERIMENT = """
name: outage
task: toy
baseline: plain
arms: {{plain: {{}}, fast: {{training.lr: 0.2}}}}
training: {{steps: {steps}, step_ms: {step_ms}, checkpoint_every: 0}}
table: {{metrics: [toy/score, toy/distance]}}
resources: {{max_concurrent: 2}}
storage: {{root: {root}}}
tracking: {{uri: "{address}"}}
"""


def steps_at(session: Session) -> list[list[float]]:
    """When each step of each cell was logged, in seconds since 1970."""
    cells = {cell.train_key: read_events(session.storage, cell.train_key) for cell in session.plan.cells}
    return [[event.ts_ms / 1000 for event in events if isinstance(event, Metrics)] for events in cells.values()]


def wait_for_steps(session: Session, count: int, run: "subprocess.Popen[bytes]") -> None:
    """Return once each cell has done `count` steps."""
    while min(map(len, steps_at(session))) < count:
        if run.poll() is not None:
            raise SystemExit(f"the run ended with code {run.returncode}")
        time.sleep(0.1)


def median_ms(times: Sequence[Sequence[float]], first: float, last: float) -> tuple[float, float, int]:
    """Median and 95th percentile of the time between two steps that both lie in the window, and how many."""
    gaps = [1000 * (b - a) for cell in times for a, b in pairwise(cell) if first <= a and b <= last]
    if len(gaps) < 2:
        return float("nan"), float("nan"), len(gaps)
    return statistics.median(gaps), statistics.quantiles(gaps, n=20)[-1], len(gaps)


def lost_or_doubled(session: Session, address: str) -> list[str]:
    """What MLflow lacks or has twice, of every metric of every cell."""
    from mlflow import MlflowClient

    client = MlflowClient(address)
    ids = [each.experiment_id for each in client.search_experiments()]
    faults: list[str] = []
    for cell in session.plan.cells:
        (run,) = client.search_runs(ids, f"tags.`rcflab.eval_key` = '{cell.eval_key}'")
        events = read_events(session.storage, cell.train_key)
        for key in ("train/loss", "train/lr", "time/step_ms"):
            wanted = [(e.step, e.values[key], e.ts_ms) for e in events if isinstance(e, Metrics)]
            found = [(m.step, m.value, m.timestamp) for m in client.get_metric_history(run.info.run_id, key)]
            if sorted(found) != sorted(wanted):
                faults.append(f"{cell.arm} {key}: {len(found)} points in MLflow, {len(wanted)} in the ledger")
    return faults


def table(path: Path, source: str) -> bytes:
    """What `rcflab table` prints as JSON."""
    command = [sys.executable, "-m", "rcflab.cli", "table", str(path), "--format", "json", "--from", source]
    return subprocess.run(command, check=True, capture_output=True).stdout


def main() -> int:
    """Run, print, and return 1 for a lost point, unequal tables or slower steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--down-s", type=float, default=60.0)
    parser.add_argument("--step-ms", type=float, default=100.0)
    options = parser.parse_args()
    steps = int(2.5 * options.down_s * 1000 / options.step_ms)
    port = free_port()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        path, store, log = folder / "outage.yaml", f"sqlite:///{folder / 'server.db'}", folder / "server.log"
        text = EXPERIMENT.format(
            steps=steps, step_ms=options.step_ms, root=folder / "runs", address=f"http://127.0.0.1:{port}"
        )
        path.write_text(text)
        session = open_experiment(path)
        os.chdir(folder)  # where the server keeps its artifacts
        first = stack.enter_context(serving(store, log, port))
        run = subprocess.Popen([sys.executable, "-m", "rcflab.cli", "run", str(path)], stderr=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL)  # fmt: skip
        wait_for_steps(session, steps // 5, run)
        gone = time.time()
        end(first, signal.SIGKILL)
        time.sleep(options.down_s)
        back = time.time()
        address = stack.enter_context(serving(store, log, port)).address
        code = run.wait()
        times = steps_at(session)
        windows = {"before": (0.0, gone), "during": (gone, back), "after": (back, time.time())}
        found = {window: median_ms(times, *limits) for window, limits in windows.items()}
        faults = lost_or_doubled(session, address)
        equal = table(path, "ledger") == table(path, "mlflow")
    outside = statistics.fmean(median for window, (median, _, n) in found.items() if window != "during" and n > 1)
    ratio = found["during"][0] / outside
    for window, (median, slow, n) in found.items():
        print(f"{window:7s} median {median:6.1f} ms between steps, 95 % below {slow:6.1f} ms, of {n}")
    print(f"during / outside {ratio:.3f} (limit {SLOWER}), run ended with code {code}, down {back - gone:.1f} s")
    print(f"points lost or doubled: {faults or 'none'}; table from MLflow equal to the ledger's: {equal}")
    return 0 if ratio <= SLOWER and not faults and equal and code == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
