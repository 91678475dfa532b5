"""A source of jobs as a Ray Tune searcher: the same actors, retries and stops as for an ablation.

    JobSource.next  <-- suggest            one job at a time, as soon as an actor is free
    JobSource.ended <-- on_trial_complete  what came of it is in the ledger; Tune's results are never looked at
    JobSource.judge <-- referee            after evaluations, from a thread of the driver

Tune's own search state is nothing that anybody goes on from: the source keeps what has to last.
"""

from collections.abc import Callable
from typing import Any

from ray.tune.search import Searcher

from rcflab.execute import ray_tune
from rcflab.execute.batch import Batch
from rcflab.execute.job import JobProgress
from rcflab.execute.referee import refereed
from rcflab.execute.source import JobSource


class JobSearcher(ray_tune.Unsaved, Searcher):
    """Gives Tune the jobs of a source."""

    def __init__(
        self, batch: Batch, source: JobSource, listener: ray_tune.Listener, heard: Callable[[JobProgress], None]
    ) -> None:
        super().__init__()
        self._batch, self._source, self._listener, self._heard = batch, source, listener, heard
        self._jobs: dict[str, str] = {}
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
        try:
            if error and not self._listener.has_ended(key):
                self._listener.last[key] = ray_tune.record_death(self._batch, key, "the worker was lost")
                self._heard(self._listener.last[key])
            if self._listener.has_ended(key):
                self._source.ended(self._listener.last[key])
        except Exception as fault:
            self._give_up(fault)

    def save(self, checkpoint_path: str) -> None:
        """Tune's snapshots need nothing of it."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing is ever restored from Tune."""

    def _give_up(self, error: Exception) -> None:
        self.fault = self.fault or error
        self._batch.request_stop()


def run_source(
    batch: Batch, source: JobSource, stop: Callable[[], bool], heard: Callable[[JobProgress], None]
) -> dict[str, JobProgress]:
    """Run the jobs of `source` on the started Ray until it has none, report each progress to `heard`, and return the
    last of each job.

    Raises what the source raises.
    """
    listener = ray_tune.Listener(batch, heard)
    searcher = JobSearcher(batch, source, listener, heard)
    with refereed(batch, source.judge):
        ray_tune.make_tuner(batch, batch.address, batch.stop_requested, listener, searcher).fit()
    if searcher.fault is not None:
        raise searcher.fault
    return listener.last
