"""A job on a cluster as if it ran at this terminal: its log as it grows, and its exit code at the end.

RayJobs.follow --> log      the job ends --> nothing, or JobFailedError with the exit code of its command
                            Ctrl-C --------> detached: the job goes on
"""

from collections.abc import Callable

from rcflab.cluster.ray_jobs import RayJobs
from rcflab.errors import LabError


class JobFailedError(LabError):
    """A job ended without success; its exit code is that of the command that ran there."""

    def __init__(self, job: str, status: str, message: str, exit_code: int | None) -> None:
        """`message` is what Ray says of it."""
        said = message.splitlines()[0].strip(" .") if message.strip() else "no reason is given"
        super().__init__(f"{job} {status.lower()}: {said}. Submit again: it goes on from its storage")
        self.exit_code = exit_code or 1


def follow(jobs: RayJobs, job: str, write: Callable[[str], None], tell: Callable[[str], None], again: str) -> None:
    """Show a job until it ends; Ctrl-C ends the showing only. `again` is the command that shows it again.

    Raises JobFailedError for a job that did not succeed, and ServiceDownError.
    """
    try:
        jobs.follow(job, write)
        state = jobs.state(job)
    except KeyboardInterrupt:
        tell(f"detached: {job} goes on. {again} shows it again")
        return
    if state.status != "SUCCEEDED":
        raise JobFailedError(job, state.status, state.message, state.exit_code)
