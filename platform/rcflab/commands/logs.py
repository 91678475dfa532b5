"""`rcflab logs`: a job on a cluster as if it ran at this terminal."""

from typing import TYPE_CHECKING, Annotated

import typer

from rcflab.cluster.opening import Address, open_jobs
from rcflab.cluster.submission import find_job

if TYPE_CHECKING:
    from rcflab.cluster.ray_jobs import RayJobs

Job = Annotated[
    str, typer.Argument(help="A job's id, or an experiment's name for its newest attempt.", show_default=False)
]


def logs_command(job: Job, address: Address) -> None:
    """Show the log of a job from its beginning, and follow it until it ends; Ctrl-C ends the showing only.

    Example: rcflab logs table-5 --address http://127.0.0.1:8265

    Exit codes: that of the job; 2 bad input, 69 the cluster does not answer.
    """
    jobs = open_jobs(address)
    found = find_job(job, jobs.listed())
    show_job(jobs, found.id)


def show_job(jobs: "RayJobs", job: str) -> None:
    """Follow it at this terminal: see rcflab.cluster.following."""
    from rcflab.cluster.following import follow  # brings Ray along

    follow(
        jobs,
        job,
        lambda text: typer.echo(text, nl=False),
        lambda text: typer.echo(text, err=True),
        f"`rcflab logs {job}`",
    )
