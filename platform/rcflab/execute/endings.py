"""The end of a training that cannot speak for itself, and the trace of one that failed.

processes of a job died too often --record_loss--> StateChanged(failed) in the ledger, under a lease of its own
exception --write_log--> cells/<train_key>/failure-<token>.log
"""

import time
from pathlib import Path

from rcflab.execute.batch import Batch
from rcflab.execute.job import Job, JobProgress
from rcflab.ledger.events import Failure, StateChanged
from rcflab.ledger.lease import HEARTBEAT_TTL_S, Lease, acquire
from rcflab.ledger.object_writer import ledger_writer
from rcflab.ledger.reader import read_key
from rcflab.storage.mirror import Mirror
from rcflab.storage.opening import mirror_of

TAKEOVER_WAIT_S = HEARTBEAT_TTL_S + 15.0
"""An earlier attempt under the same driver may still be dying; on another host, only its heartbeat tells."""


def record_loss(batch: Batch, job: Job, reason: str, failure: Failure, log: str = "", gone: int = 0) -> JobProgress:
    """Write down that the processes of `job` died or failed too often, in place of them; `log` goes into a file.

    `gone` is the number of an attempt that is known to be over.

    Raises LabError like run_job.
    """
    storage, key, mirror = batch.storage, job.train_key, mirror_of(batch.storage)
    lease = acquire(storage, key, batch.driver, wait_s=TAKEOVER_WAIT_S, gone=gone, claims=mirror.claims(key))
    try:
        mirror.fetch_ledgers((key,))
        step = read_key(storage, key).step
        if log:
            write_log(storage / "cells" / key, lease, log, mirror)
        with ledger_writer(storage, key, lease, mirror) as ledger:
            ledger.append(StateChanged(time.time_ns() // 1_000_000, step, "failed", reason, failure))
    finally:
        lease.release()
    return JobProgress(job.train_key, "failed", step, step, reason, failure=failure)


def write_log(folder: Path, lease: Lease, text: str, mirror: Mirror) -> Path:
    """The trace of a failure below the cell's `folder`, for whoever looks for its cause."""
    log = folder / f"failure-{lease.token}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(text)
    mirror.keep(log)
    return log
