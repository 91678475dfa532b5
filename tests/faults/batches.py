"""Run by test_same_bits.py in a process of its own: the same job in three ways on one Ray.

Prints JSON: for each way the process ids of its cells in order.
"""

import json
import sys
from pathlib import Path

from rcflab.execute import ray_session, ray_tune
from rcflab.execute.batch import Batch, Resources
from rcflab.execute.job import Evaluation, Job
from rcflab.ledger.lease import this_process
from rcflab.ledger.reader import read_key
from rcflab.records import Provenance

WAYS = {"reused": (False, True), "fresh": (False, False), "train": (True, False)}


def job(name: str, dirty: bool) -> Job:
    """A job of the sensitive task; `name` is its key."""
    config = {"dirty": dirty}
    return Job(name, name, "sensitive", config, 5, (Evaluation(f"{name}e", config),))


def run(storage: Path, way: str) -> list[int]:
    """Run the clean job, after a dirty one where actors are reused."""
    train, reuse = WAYS[way]
    jobs = [job("dirty", True), job("clean", False)] if way == "reused" else [job("clean", False)]
    resources = Resources(train, 1, 1, 0, max_concurrent=1, reuse=reuse, retire_after=50)
    provenance = Provenance("code", None, None, {}, "host", "processor")
    batch = Batch.create(storage / way, this_process(), provenance, resources, jobs)
    last = ray_tune.run_batch(batch, lambda: False)
    assert {each.phase for each in last.values()} == {"finished"}, last
    attempts = [read_key(batch.storage, each.train_key).attempt for each in jobs]
    return [attempt.pid for attempt in attempts if attempt is not None]


if __name__ == "__main__":
    with ray_session.ray_started(Resources(False, 1, 1, 0, None, True, 50)):
        found = {way: run(Path(sys.argv[1]), way) for way in WAYS}
    sys.stdout.write(json.dumps(found))
