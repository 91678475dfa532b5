"""Run by the tests of this folder: a driver whose actor outlives it, as an actor on another machine of a cluster can.

    orphan.py EXPERIMENT STORAGE          the driver: starts its actor and waits
    orphan.py EXPERIMENT STORAGE DRIVER   the actor: trains the last cell for DRIVER and prints how that ended
    orphan.py EXPERIMENT STORAGE alone    the same for itself, without any other process

(On one machine Ray kills its workers when the driver dies, even stopped ones.)
"""

import json
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from rcflab.execute.batch import Batch, Resources
from rcflab.execute.job import jobs_of
from rcflab.execute.local import run_locally
from rcflab.ledger.lease import ProcessId, this_process
from rcflab.session import open_experiment


def drive() -> None:
    """Start the actor; a killed driver does nothing more."""
    subprocess.Popen([sys.executable, *sys.argv, json.dumps(asdict(this_process()))])
    time.sleep(600)


def act(experiment: str, storage: str, driver: str) -> None:
    """Train the last cell of the plan."""
    session = open_experiment(Path(experiment), [f"storage.root={storage}"])
    jobs = jobs_of(session.plan, {session.plan.cells[-1].eval_key})
    resources = Resources(False, 1, 1, 0, None, True, 50)
    owner = this_process() if driver == "alone" else ProcessId(**json.loads(driver))
    last = run_locally(Batch.create(session.storage, owner, session.provenance, resources, jobs))
    for progress in last.values():
        sys.stdout.write(f"orphan: {progress.phase} {progress.reason}\n")


if __name__ == "__main__":
    act(*sys.argv[1:]) if len(sys.argv) == 4 else drive()
