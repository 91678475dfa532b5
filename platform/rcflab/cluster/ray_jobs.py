"""Typed adapter over Ray's client of a job server: what is listed, started, followed and stopped there.

    server, token --RayJobs--> listed   ClusterJob of each     start   False where the id is taken
                               follow   log, as it grows       stop    SIGTERM, and after some seconds SIGKILL

The client lets RAY_API_SERVER_ADDRESS and RAY_ADDRESS override the address that it is given; here they do not.
"""

import asyncio
import logging
import os
import shlex
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ray.job_submission import JobSubmissionClient

from rcflab.cluster.access import authorization
from rcflab.cluster.submission import ClusterJob, Status
from rcflab.errors import ServiceDownError, first_line

_OVERRIDES = ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS")
_TALKATIVE = ("ray", "ray.dashboard.modules.dashboard_sdk", "ray.dashboard.modules.job.sdk")
"""Loggers with levels of their own: packages and web sockets are no news for people."""


@dataclass(frozen=True, slots=True)
class JobState:
    """What Ray says of one job."""

    status: Status
    message: str
    exit_code: int | None
    """Of its command, where that has ended by itself."""

    @property
    def is_over(self) -> bool:
        """Whether it will not change any more."""
        return self.status in ("STOPPED", "SUCCEEDED", "FAILED")


class RayJobs:
    """The jobs of one cluster. All methods raise ServiceDownError where it does not answer."""

    def __init__(self, server: str, token: str | None) -> None:
        self._server = server
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.WARNING)
        with self._answering(), _unset(_OVERRIDES):
            self._client = JobSubmissionClient(server, headers=authorization(token))

    def listed(self) -> list[ClusterJob]:
        """Those that were submitted; drivers that somebody started by hand have no id."""
        with self._answering():
            return [
                ClusterJob(job.submission_id, job.status.value)
                for job in self._client.list_jobs()
                if job.submission_id is not None
            ]

    def start(
        self, job: str, command: Sequence[str], runtime_env: Mapping[str, Any], metadata: Mapping[str, str]
    ) -> bool:
        """Whether the cluster has taken it: an id that another submission was faster with, it has not."""
        with self._answering():
            try:
                self._client.submit_job(
                    entrypoint=shlex.join(command), runtime_env=runtime_env, metadata=metadata, submission_id=job
                )
            except RuntimeError as error:
                if "already exists" in str(error):
                    return False
                raise
        return True

    def state(self, job: str) -> JobState:
        """How far a job is that is listed."""
        with self._answering():
            found = self._client.get_job_info(job)
        return JobState(found.status.value, found.message or "", found.driver_exit_code)

    def log(self, job: str) -> str:
        """All that it has written so far."""
        with self._answering():
            return self._client.get_job_logs(job)

    def follow(self, job: str, write: Callable[[str], None]) -> None:
        """Hand over the log, from its beginning, until the job ends."""

        async def all_lines() -> None:
            async for text in self._client.tail_job_logs(job):
                write(text)

        with self._answering():
            asyncio.run(all_lines())

    def stop(self, job: str) -> bool:
        """Ask it to end; whether it was running."""
        with self._answering():
            return self._client.stop_job(job)

    @contextmanager
    def _answering(self) -> Generator[None]:
        try:
            yield
        except (OSError, RuntimeError) as error:
            raise ServiceDownError(f"Ray at {self._server} does not do as it is asked: {_told(error)}") from error


def _told(error: Exception) -> str:
    """One line; a server that fails sends its whole traceback, whose last line has the reason: a full disk, say."""
    first, found, trace = str(error).partition("Traceback (most recent call last)")
    last = [line.strip() for line in trace.splitlines() if line.strip(" .")][-1:]
    return f"{first.strip()} {last[0]}" if found and last else first_line(error)


@contextmanager
def _unset(names: Sequence[str]) -> Generator[None]:
    kept = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)
