"""A table over 1,200 cells with its tests, from the ledger: how long it takes, and what kept scores save.

    1,200 ledgers of 60 metrics, records of 300 videos --read--> --collect, tabulate, kept scores, compare--> table
                                               one cell --score on 2,000 samples--> what each would cost anew

Nothing is trained: ledgers are written as trainings leave them, and all cells have one and the same match records.

    python benchmarks/large_table.py [--arms 400] [--seeds 3] [--steps 10] [--rounds 3]
"""

import dataclasses
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from _timing import options
from bootstrap import make_records

from rcflab import match_records
from rcflab.ledger.events import AttemptStarted, CheckpointSaved, Evaluated, Metrics, StateChanged
from rcflab.ledger.lease import acquire, this_process
from rcflab.ledger.writer import LedgerWriter
from rcflab.report.files import render
from rcflab.session import Session, open_experiment, read_ledger
from rcflab.stats.resamples import resample_matrix
from rcflab.tables import build_table
from rcflab.task import load_resampling

METRICS, RESAMPLES = 60, 2000
TASK = load_resampling("rcf")


def experiment(folder: Path, arms: int, seeds: int) -> Session:
    """As many arms that differ in their learning rate."""
    names = "".join(f"  arm-{number}: {{training.lr: {1e-4 + number * 1e-8:.8f}}}\n" for number in range(arms))
    path = folder / "large.yaml"
    path.write_text(
        f"name: large\ntask: rcf\nbaseline: arm-0\nseeds: {seeds}\nstorage: {{root: {folder}}}\narms:\n{names}"
    )
    return open_experiment(path)


def finish(session: Session, steps: int) -> None:
    """A finished ledger for each cell, and one file of match records under all names."""
    rng, storage = np.random.default_rng(0), session.storage
    shared = storage / "records.npz"
    np.savez_compressed(shared, allow_pickle=False, **make_records(rng))
    for cell in session.plan.cells:
        folder = Path("cells") / cell.train_key / "eval" / cell.eval_key
        (storage / folder).mkdir(parents=True)
        os.link(shared, storage / folder / "records.npz")
        values = {f"val/{name}": float(rng.normal(40, 1)) for name in ("ap", "ap50", "ap75", "ar1", "ar10")}
        lease = acquire(storage, cell.train_key, this_process())
        with LedgerWriter(storage, cell.train_key, lease) as writer:
            writer.append(AttemptStarted(1, 1, 0, dataclasses.asdict(session.provenance), 1))
            for step in range(1, steps + 1):
                writer.append(Metrics(2, step, {f"train/{number}": float(rng.normal()) for number in range(METRICS)}))
            code = session.provenance.code_digest
            records = str(folder / "records.npz")
            writer.append(Evaluated(3, steps, cell.eval_key, True, values, "5eed" * 16, records, (), code))
            writer.append(CheckpointSaved(3, steps, f"cells/{cell.train_key}/checkpoints/last", "ab" * 32))
            writer.append(StateChanged(4, steps, "finished"))
        lease.release()


def keep_scores(session: Session) -> float:
    """Fill the cache of all cells; returns the CPU seconds that the scores of one cell took."""
    records = dict(np.load(session.storage / "records.npz"))
    weights = resample_matrix(TASK.videos(records), RESAMPLES, match_records.SEED)
    began = time.process_time()
    known = TASK.metrics(records, weights, ["val/ap"])
    took = time.process_time() - began
    # All records are the same: scored once, the file of each cell is still read, and its scores are kept.
    quick = dataclasses.replace(TASK, metrics=lambda records, weights, wanted: known)
    true, match_records.load_resampling = match_records.load_resampling, lambda name: quick
    build_table(session, read_ledger(session))
    match_records.load_resampling = true
    return took


def timed(part: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Medians of wall and CPU seconds."""
    found: list[tuple[float, float]] = []
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        part()
        found.append((time.perf_counter() - wall, time.process_time() - cpu))
    return statistics.median(wall for wall, _ in found), statistics.median(cpu for _, cpu in found)


def main() -> None:
    """Print seconds of each step, and what they would be without kept scores."""
    chosen = options(__doc__, arms=400, seeds=3, steps=10, rounds=3)
    with tempfile.TemporaryDirectory() as name:
        session = experiment(Path(name), chosen.arms, chosen.seeds)
        cells = len(session.plan.cells)
        fsync, os.fsync = os.fsync, lambda handle: None  # writing them is not what is measured
        finish(session, chosen.steps)
        os.fsync = fsync
        each = keep_scores(session)
        view, table = read_ledger(session), build_table(session, read_ledger(session))
        parts = {
            "read ledgers": lambda: read_ledger(session),
            "table": lambda: build_table(session, view),
            "render md and json": lambda: (render(table, "md"), render(table, "json")),
        }
        times = {part: timed(call, chosen.rounds) for part, call in parts.items()}
    for part, (wall, cpu) in times.items():
        print(f"benchmark large_table: {part} of {cells} cells: {wall:.2f} s wall, {cpu:.2f} s CPU")
    cpu = sum(cpu for _, cpu in times.values())
    print(
        f"benchmark large_table: {cpu:.2f} s CPU in all; ratio of scoring all cells anew to that: "
        f"{(cpu + each * cells) / cpu:.0f} ({each:.2f} s CPU a cell)",
        flush=True,
    )


if __name__ == "__main__":
    main()
