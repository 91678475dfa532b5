"""`rcflab stop`: end a job on a cluster so that it can go on."""

import typer

from rcflab.cluster.opening import Address, open_jobs
from rcflab.cluster.submission import find_job
from rcflab.commands.logs import Job


def stop_command(job: Job, address: Address) -> None:
    """Ask a job to end: it gets SIGTERM, and SIGKILL after Ray's grace of 3 seconds.

    Nothing is lost but the steps since the last checkpoint: submit the same experiment again and it goes on.

    Example: rcflab stop table-5 --address http://127.0.0.1:8265

    Exit codes: 0 ok, 2 bad input, 69 the cluster does not answer.
    """
    jobs = open_jobs(address)
    found = find_job(job, jobs.listed())
    typer.echo(f"{found.id} is told to stop" if jobs.stop(found.id) else f"{found.id} does not run")
