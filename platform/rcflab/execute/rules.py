"""Reasons to end a run before its jobs are done, apart from the operator's wish.

progress of a job  --Rule.heard--.
once a second      --Rule.tick---+--> None, or the fault that the command ends with: jobs save a checkpoint and end
"""

from collections.abc import Mapping
from typing import Protocol

from rcflab.errors import CellsFailedError, LabError
from rcflab.execute.job import JobProgress


class Rule(Protocol):
    """Asked from several threads."""

    def heard(self, progress: JobProgress) -> LabError | None:
        """A job has come on, or to its end."""
        ...

    def tick(self) -> LabError | None:
        """About a second has passed."""
        ...


class ErrorLimit:
    """`on_trial_error`: ends the run with the failed training number `stop_after`."""

    def __init__(self, stop_after: int, labels: Mapping[str, str]) -> None:
        """`labels` name the jobs by train_key, for people."""
        self._stop_after, self._labels = stop_after, labels
        self._failed: dict[str, str] = {}

    def heard(self, progress: JobProgress) -> LabError | None:
        """Counts jobs whose failure is final."""
        if progress.phase != "failed":
            return None
        self._failed[progress.train_key] = progress.reason
        if len(self._failed) < self._stop_after:
            return None
        lines = [f"{self._labels.get(key, key)}: {reason}" for key, reason in self._failed.items()]
        asked = "stop" if self._stop_after == 1 else f"stop_after {self._stop_after}"
        return CellsFailedError(
            "\n".join([f"stopped by on_trial_error: {asked}. What ran has saved a checkpoint. Failed:", *lines])
        )

    def tick(self) -> LabError | None:
        """Time does not matter."""
        return None
