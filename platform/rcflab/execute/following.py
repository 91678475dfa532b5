"""The driver's view of trainings on other machines, where the storage is a store of objects.

    progress of a job --heard--> its key     once in some seconds --tick--> its ledger: curves, spending, MLflow

A store that does not answer for a while ends nothing: what is there is fetched at the next turn, and at the end.
"""

import logging

from rcflab.errors import LabError, StorageError
from rcflab.execute.job import ENDED, JobProgress
from rcflab.storage.mirror import Mirror
from rcflab.storage.pace import Pace

logger = logging.getLogger(__name__)

_EVERY_S = 10.0
"""As long as a worker holds curves back."""


class Following:
    """Fetches the ledgers of jobs that run; see rcflab.execute.rules.Rule."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror, self._pace = mirror, Pace(_EVERY_S)
        self._running: set[str] = set()

    def heard(self, progress: JobProgress) -> LabError | None:
        """It runs, or has ended: then its ledger comes once more."""
        self._running.add(progress.train_key)
        if progress.phase in ENDED:
            self._fetch([progress.train_key])
            self._running.discard(progress.train_key)
        return None

    def tick(self) -> LabError | None:
        """Fetch, where it is time."""
        if self._pace.is_due():
            self._fetch(list(self._running))
        return None

    def _fetch(self, keys: list[str]) -> None:
        try:
            self._mirror.fetch_ledgers(keys)
        except StorageError as error:
            logger.warning("ledgers are fetched later: %s", error)
