"""What one more trial costs when there are thousands: driver, head, ledger and MLflow, over nodes that are not there.

    python benchmarks/scale.py [--cells 2000] [--nodes 8] [--cpus 2] [--every 200] [--csv FILE]

Starts a Ray cluster whose nodes are processes of this machine (a head without CPUs, and nodes that claim to have some),
runs one experiment of toy cells on it by `rcflab run`, and looks at the driver (CPU time, memory), Ray's head (memory
of its store of states), the ledger and MLflow's database each time that some more cells are done. Prints what each
block of cells has cost per cell, and how the last third compares with the first: 1 is linear. Wall time is that of this
machine, whose cores all nodes share; bytes and rows are not. The driver's CPU time is both: so much a cell, and so much
a second in which it looks after everything, which a fit tells apart.
"""

import argparse
import csv
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from pathlib import Path

os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # of processes on loopback, for the length of this benchmark

import numpy as np
import psutil
from ray.cluster_utils import Cluster

SEEDS = 20
PER_CELL = ("driver_cpu_s", "ledger_bytes", "mlflow_bytes", "mlflow_rows", "wall_s")


@dataclass(frozen=True)
class Sample:
    """The state of everything once so many cells are done."""

    cells: int
    wall_s: float
    driver_cpu_s: float
    driver_mb: float
    gcs_mb: float
    ledger_bytes: int
    mlflow_bytes: int
    mlflow_rows: int
    """Of metrics."""
    files: int
    """Below the storage root."""


def experiment(folder: Path, cells: int) -> Path:
    """Arms that differ in their learning rate."""
    arms = cells // SEEDS
    listed = "\n".join(f"  arm-{number:04d}: {{training.lr: {0.05 + number / 10_000}}}" for number in range(arms))
    path = folder / "scale.yaml"
    path.write_text(
        f"name: scale\ntask: toy\nbaseline: arm-0000\narms:\n{listed}\nseeds: {SEEDS}\n"
        f"training: {{steps: 20, checkpoint_every: 10}}\ntable: {{resamples: 0}}\n"
        f"storage: {{root: {folder / 'runs'}}}\n"
    )
    return path


def tree(folder: Path) -> tuple[int, int]:
    """Files and bytes below a folder that grows meanwhile."""
    count = size = 0
    for top, _, names in os.walk(folder):
        for name in names:
            try:
                size += (Path(top) / name).stat().st_size
                count += 1
            except OSError:
                continue
    return count, size


def rows(database: Path) -> int:
    """Of metrics; 0 while MLflow makes its tables."""
    try:
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30) as store:
            return int(store.execute("select count(*) from metrics").fetchone()[0])
    except sqlite3.Error:
        return 0


def sample(cells: int, began: float, driver: psutil.Process, gcs: psutil.Process, runs: Path) -> Sample:
    """Look at everything."""
    times, database = driver.cpu_times(), runs / "mlflow.db"
    ledger = tree(runs / "ledger")[1]
    return Sample(
        cells, time.monotonic() - began, times.user + times.system, driver.memory_info().rss / 1e6,
        gcs.memory_info().rss / 1e6, ledger, database.stat().st_size if database.exists() else 0, rows(database),
        tree(runs)[0],
    )  # fmt: skip


def samples(path: Path, cluster: Cluster, every: int, total: int) -> Iterator[Sample]:
    """Run the experiment to its end and look whenever `every` more cells are done."""
    runs = path.parent / "runs"
    command = [sys.executable, "-m", "rcflab.cli", "run", str(path)]
    environment = {**os.environ, "RAY_ADDRESS": cluster.address}
    with (path.parent / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    driver = psutil.Process(process.pid)
    gcs = next(each for each in psutil.Process().children(recursive=True) if each.name() == "gcs_server")
    try:
        yield from looks(process, driver, gcs, runs, every, total)
    finally:
        process.kill()
        process.wait()
    if process.returncode:
        raise SystemExit((path.parent / "log").read_text()[-2000:])


def looks(  # a part each
    process: "subprocess.Popen[bytes]", driver: psutil.Process, gcs: psutil.Process, runs: Path, every: int, total: int
) -> Iterator[Sample]:
    """One look whenever `every` more cells are done, while the run lasts."""
    began, due = time.monotonic(), every
    while process.poll() is None:
        done = sum(1 for _ in (runs / "cells").glob("*/eval/*/step-00000020"))
        if done >= due:
            yield sample(done, began, driver, gcs, runs)
            due = done - done % every + every
        if done < total:
            time.sleep(0.5)
        else:
            time.sleep(5)  # the table and the rest of MLflow


def told(found: list[Sample]) -> list[str]:
    """Each block per cell, then the last third against the first."""
    lines = ["cells  " + "  ".join(f"{name:>14}" for name in (*PER_CELL, "driver_mb", "gcs_mb"))]
    blocks = [
        {name: (getattr(after, name) - getattr(before, name)) / (after.cells - before.cells) for name in PER_CELL}
        for before, after in pairwise(found)
    ]
    for block, after in zip(blocks, found[1:], strict=True):
        values = [f"{block[name]:14.4g}" for name in PER_CELL] + [f"{after.driver_mb:14.0f}", f"{after.gcs_mb:14.0f}"]
        lines.append(f"{after.cells:5d}  " + "  ".join(values))
    third = max(1, len(blocks) // 3)
    for name in PER_CELL:
        first = sum(block[name] for block in blocks[:third]) / third
        last = sum(block[name] for block in blocks[-third:]) / third
        lines.append(f"{name}: {last / first if first else float('nan'):.2f} times in the last third of the first")
    return [*lines, fitted(found)]


def fitted(found: list[Sample]) -> str:
    """The driver's CPU time as a sum of cells and seconds, by least squares over the blocks."""
    rows = np.array([[each.cells, each.wall_s, each.driver_cpu_s] for each in found])
    blocks = np.diff(rows, axis=0)
    (per_cell, per_second), *_ = np.linalg.lstsq(blocks[:, :2], blocks[:, 2], rcond=None)
    worst = np.abs(blocks[:, :2] @ (per_cell, per_second) / blocks[:, 2] - 1).max()
    return f"driver: {per_cell:.3f} s of CPU a cell + {per_second:.3f} a second; a block is off by {worst:.0%} at most"


def write(path: Path, found: list[Sample]) -> None:
    """For a plot."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Sample)])
        writer.writeheader()
        writer.writerows(asdict(each) for each in found)


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=2000)
    parser.add_argument("--nodes", type=int, default=8)
    parser.add_argument("--cpus", type=int, default=2)
    parser.add_argument("--every", type=int, default=200)
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    found: list[Sample] = []
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": 100 * 2**20})
    try:
        for _ in range(options.nodes):
            cluster.add_node(num_cpus=options.cpus, object_store_memory=80 * 2**20)
        with tempfile.TemporaryDirectory() as folder:
            path = experiment(Path(folder), options.cells)
            for each in samples(path, cluster, options.every, options.cells):
                found.append(each)
                print(asdict(each), flush=True)
    finally:
        cluster.shutdown()
    if options.csv is not None:
        write(options.csv, found)
    print("\n".join(told(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
