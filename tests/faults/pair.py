"""Run by test_lost_workers.py: one of two workers that train the only cell of an experiment, without Ray and faults.

pair.py EXPERIMENT STORAGE GROUP RANK          GROUP is a file over which the two find each other
"""

import sys
from datetime import timedelta
from pathlib import Path

import torch.distributed as dist

from rcf.train.process_ranks import ProcessRanks
from rcflab.execute.batch import Batch, Resources
from rcflab.execute.conducting import run_rank
from rcflab.execute.job import jobs_of
from rcflab.execute.process_state import ProcessState
from rcflab.ledger.lease import this_process
from rcflab.session import open_experiment


def train(experiment: str, storage: str, group: str, rank: int) -> None:
    """Train the cell."""
    session = open_experiment(Path(experiment), [f"storage.root={storage}"])
    (job,) = jobs_of(session.plan, {cell.eval_key for cell in session.plan.cells})
    resources = Resources(True, 2, 1, 0, None, True, 50)
    batch = Batch.create(session.storage, this_process(), session.provenance, resources, [job])
    wait = timedelta(seconds=120)
    dist.init_process_group("gloo", init_method=f"file://{group}", rank=rank, world_size=2, timeout=wait)
    last = run_rank(ProcessState(), batch, job, ProcessRanks(120.0))
    assert last is None or last.phase == "finished", last


if __name__ == "__main__":
    train(*sys.argv[1:4], int(sys.argv[4]))
