"""A search whose notes and results lie in a store of objects: nothing is handed out before the store knows of it.

next  --> the source's next --> journal to the store --> Job
ended, judge --> the training's ledger and evaluations from the store --> the source --> journal to the store
"""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from rcflab.execute.heartbeat import beating
from rcflab.execute.job import Job, JobProgress
from rcflab.execute.source import JobSource
from rcflab.ledger.lease import ProcessId, acquire
from rcflab.session import fetch_cells
from rcflab.storage.mirror import Mirror


class KeptSource:
    """See rcflab.execute.source.JobSource. `journal` is the file that the source writes."""

    def __init__(self, source: JobSource, storage: Path, journal: Path, mirror: Mirror) -> None:
        self._source, self._storage, self._journal, self._mirror = source, storage, journal, mirror
        self._kept_bytes = -1

    def next(self) -> Job | Literal["wait", "done"]:
        """What to run now."""
        with self._kept():
            return self._source.next()

    def ended(self, progress: JobProgress) -> None:
        """A job came to an end."""
        fetch_cells(self._storage, (progress.train_key,))
        with self._kept():
            self._source.ended(progress)

    def judge(self, train_key: str, step: int) -> bool:
        """Whether this training is stopped after the evaluation of `step`."""
        fetch_cells(self._storage, (train_key,))
        with self._kept():
            return self._source.judge(train_key, step)

    @contextmanager
    def _kept(self) -> Generator[None]:
        """The journal only grows, a line an operation. Raises StorageError."""
        yield
        found = self._journal.stat().st_size
        if found != self._kept_bytes:
            self._mirror.keep(self._journal)
            self._kept_bytes = found


@contextmanager
def held(storage: Path, experiment: str, driver: ProcessId, mirror: Mirror) -> Generator[None]:
    """Search for the block as the only driver of all machines. Raises LeaseHeldError, StorageError."""
    key = f"search-{experiment}"
    lease = acquire(storage, key, driver, claims=mirror.claims(key))
    try:
        with beating(lease.heartbeat):
            yield
    finally:
        lease.release()
