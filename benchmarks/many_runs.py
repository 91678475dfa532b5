"""A table over many runs: from the ledger in seconds, and from MLflow against a bare search of the same runs.

    python benchmarks/many_runs.py [--arms 240] [--seeds 5] [--metrics 60] [--steps 10] [--repeats 3]

Makes a ledger of arms x seeds finished toy cells, each with curves and a final evaluation of many metrics, ships it to
an SQLite store, and then takes turns: the table from the ledger (limit 3 s), a bare paged `search_runs`, the table from
MLflow (limit 1.5 times the search). Tables are made by the functions of the commands, from the opened YAML to the
Markdown, without resampling: that costs the same whatever the results come from.
"""

import argparse
import logging
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rcflab import metrics as registry
from rcflab.ledger.events import AttemptStarted, CheckpointSaved, Evaluated, Event, Metrics, StateChanged
from rcflab.ledger.lease import acquire, this_process
from rcflab.ledger.writer import LedgerWriter
from rcflab.records import Cell
from rcflab.report.files import render
from rcflab.session import LedgerView, Session, open_experiment, read_ledger
from rcflab.tables import build_table
from rcflab.track.mlflow_client import MlflowStore
from rcflab.track.mlflow_tracker import MlflowTracker
from rcflab.track.shipper import Shipper
from rcflab.track.view import read_tracking

LEDGER_LIMIT_S = 3.0
MLFLOW_LIMIT = 1.5
CURVES = 20


def experiment(folder: Path, arms: int, seeds: int, names: list[str]) -> Path:
    """The YAML file."""
    listed = "\n".join(f"  arm-{number}: {{training.lr: {0.1 + number / 1000}}}" for number in range(arms))
    path = folder / "many.yaml"
    path.write_text(
        f"name: many\ntask: toy\nbaseline: arm-0\narms:\n{listed}\nseeds: {seeds}\n"
        f"table: {{metrics: [{', '.join(names)}], resamples: 0}}\nstorage: {{root: {folder / 'runs'}}}\n"
    )
    return path


def events(cell: Cell, names: list[str], steps: int, code: str) -> list[Event]:
    """The life of one cell."""
    rng = random.Random(cell.eval_key)
    now = 1_700_000_000_000
    made = {"code_digest": code, "git_commit": "0" * 40, "git_dirty": False, "host": "here", "processor": "cpu",
            "packages": {name: "1.0.0" for name in ("torch", "timm", "numpy", "scipy", "ray", "mlflow")}}  # fmt: skip
    found: list[Event] = [AttemptStarted(now, 1, 0, made, 1)]
    for step in range(1, steps + 1):
        values = {f"train/curve_{number}": rng.random() for number in range(CURVES)}
        found.append(Metrics(now + 1000 * step, step, values))
    scores = {name: 50 * rng.random() for name in names}
    home = f"cells/{cell.train_key}"
    found.append(CheckpointSaved(now + 1, steps, f"{home}/checkpoints/step-{steps:08d}", "ab" * 32))
    records = f"{home}/eval/{cell.eval_key}/records.npz"
    found.append(Evaluated(now + 2, steps, cell.eval_key, True, scores, "vd", records, (), code))
    return [*found, StateChanged(now + 3, steps, "finished")]


def fill(session: Session, names: list[str], steps: int) -> None:
    """Write the ledger and ship it."""
    for cell in session.plan.cells:
        lease = acquire(session.storage, cell.train_key, this_process())
        with LedgerWriter(session.storage, cell.train_key, lease) as writer:
            writer.append_many(events(cell, names, steps, session.provenance.code_digest))
        lease.release()
    logging.getLogger("rcflab.track").setLevel(logging.ERROR)  # there are no records to upload, which it would tell
    uri = session.tracking_uri
    assert uri is not None
    pending = Shipper(session.storage, session.plan, MlflowTracker(uri, session.storage / "artifacts")).finish(7200)
    assert pending.clear, pending


def bare_search(store: MlflowStore) -> int:
    """All runs of the experiment by MLflow's client, page after page."""
    found = store.client.get_experiment_by_name("many")
    assert found is not None
    token, count = None, 0
    while True:
        page = store.client.search_runs([found.experiment_id], max_results=1000, page_token=token)
        count += len(page)
        token = page.token
        if not token:
            return count


def seconds(call: Callable[[], object]) -> float:
    """Wall time of one call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def turn(path: Path, store: MlflowStore, texts: set[str]) -> dict[str, float]:
    """Seconds of each part, one after the other; the tables' texts are added to `texts`."""

    def made(session: Session, read: Callable[[Session], LedgerView]) -> None:
        texts.add(render(build_table(session, read(session)), "md"))

    session = open_experiment(path)
    return {
        "open": seconds(lambda: open_experiment(path)),
        "ledger": seconds(lambda: made(session, partial(read_ledger, series=False))),
        "search": seconds(lambda: bare_search(store)),
        "mlflow": seconds(lambda: made(session, read_tracking)),
    }


def main() -> int:
    """Run, print, and return 1 when over a limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("arms", 240), ("seeds", 5), ("metrics", 60), ("steps", 10), ("repeats", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    names = [f"toy/measure_{number}" for number in range(options.metrics)]
    for name in names:
        registry.METRICS[name] = registry.MetricSpec(name, name, "points", "higher", 2)
    with tempfile.TemporaryDirectory() as name:
        path = experiment(Path(name), options.arms, options.seeds, names)
        began = time.perf_counter()
        fill(open_experiment(path), names, options.steps)
        made = time.perf_counter() - began
        print(f"made and shipped {options.arms * options.seeds} runs in {made:.0f} s", flush=True)
        store = MlflowStore(open_experiment(path).tracking_uri or "")
        bare_search(store)
        texts: set[str] = set()
        turns = [turn(path, store, texts) for _ in range(options.repeats)]
    found = {part: statistics.median(each[part] for each in turns) for part in turns[0]}
    ledger, ratio = found["open"] + found["ledger"], (found["open"] + found["mlflow"]) / found["search"]
    print(f"open and plan {found['open']:.2f} s; then from the ledger {found['ledger']:.2f} s, "
          f"bare search {found['search']:.2f} s, from MLflow {found['mlflow']:.2f} s")  # fmt: skip
    print(f"table from the ledger {ledger:.2f} s (limit {LEDGER_LIMIT_S}); "
          f"from MLflow / bare search {ratio:.2f} (limit {MLFLOW_LIMIT}); equal bytes: {len(texts) == 1}")  # fmt: skip
    return 0 if ledger <= LEDGER_LIMIT_S and ratio <= MLFLOW_LIMIT and len(texts) == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
