"""A source of jobs as a Ray Tune searcher: the same actors, retries and stops as for an ablation.

    JobSource.next  <-- suggest            one job at a time, as soon as an actor is free
    JobSource.ended <-- on_trial_complete  what came of it is in the ledger; Tune's results are never looked at
    JobSource.judge <-- referee            after evaluations, from a thread of the driver

Tune's own search state is nothing that anybody goes on from: the source keeps what has to last.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ray.tune.search import Searcher

from rcflab.execute import ray_tune
from rcflab.execute.batch import Batch
from rcflab.execute.failures import classify_loss
from rcflab.execute.job import ENDED, JobProgress
from rcflab.execute.loop import record_loss
from rcflab.execute.referee import refereed
from rcflab.execute.source import JobSource

_LOST = "the process that trained it died again and again"


class JobSearcher(Searcher):
    """Gives Tune the jobs of a source."""

    def __init__(self, batch: Batch, source: JobSource, last: Mapping[str, JobProgress]) -> None:
        super().__init__()
        self._batch, self._source, self._last = batch, source, last
        self._jobs: dict[str, str] = {}
        self.ends: dict[str, JobProgress] = {}
        """The last progress of each job that has ended."""
        self.fault: Exception | None = None
        """What the source raised: Tune would wrap it."""

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """The next job for Tune; None: ask again."""
        try:
            if self._batch.stop_requested():
                return Searcher.FINISHED
            job = self._source.next()
            if isinstance(job, str):
                return Searcher.FINISHED if job == "done" else None
            self._batch.add(job)
        except Exception as error:
            self._give_up(error)
            return Searcher.FINISHED
        self._jobs[trial_id] = job.train_key
        return {"job": job.train_key}

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """A report on the way says nothing that the ledger does not."""

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """The job has ended, or its process died once too often: then nobody but the driver can record it."""
        key = self._jobs[trial_id]
        progress = self._last.get(key)
        try:
            if progress is None or progress.phase not in ENDED:
                if self._batch.stop_requested() and not error:
                    return
                progress = record_loss(self._batch, self._batch.job(key), _LOST, classify_loss(_LOST))
            self.ends[key] = progress
            self._source.ended(progress)
        except Exception as fault:
            self._give_up(fault)

    def save(self, checkpoint_path: str) -> None:
        """Tune's snapshots need nothing of it."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing is ever restored from Tune."""

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles its searcher beside its results; open files and threads stay here."""
        return {}

    def _give_up(self, error: Exception) -> None:
        self.fault = self.fault or error
        self._batch.request_stop()


def run_source(batch: Batch, source: JobSource, stop: Callable[[], bool]) -> dict[str, JobProgress]:
    """Run the jobs of `source` on the started Ray until it has none; returns the last progress of each.

    Raises what the source raises.
    """
    listener = ray_tune.Listener()
    searcher = JobSearcher(batch, source, listener.last)
    with refereed(batch, source.judge):
        ray_tune.make_tuner(
            batch,
            {"batch": str(batch.folder)},
            lambda: stop() or batch.stop_requested(),
            listener,
            searcher,
        ).fit()
    if searcher.fault is not None:
        raise searcher.fault
    return {**listener.last, **searcher.ends}
