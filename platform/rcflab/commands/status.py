"""`rcflab status`: the experiments on a cluster, and how far each is."""

import typer

from rcflab.cluster.opening import Address, open_jobs
from rcflab.cluster.submission import is_ours
from rcflab.commands.options import AsJson, echo_json


def status_command(address: Address, json: AsJson = False) -> None:
    """List the jobs of experiments that a cluster knows: id, status, and what Ray says of those that failed.

    A job is an attempt; what is trained is in the storage, and `rcflab plan` counts it.

    Example: rcflab status --address http://127.0.0.1:8265

    Exit codes: 0 ok, 2 bad input, 69 the cluster does not answer.
    """
    jobs = open_jobs(address)
    ours = sorted((job for job in jobs.listed() if is_ours(job)), key=lambda job: job.id)
    if json:
        echo_json([{"id": job.id, "status": job.status} for job in ours])
        return
    for job in ours:
        said = jobs.state(job.id).message.splitlines() if job.status == "FAILED" else []
        typer.echo(f"{job.id}  {job.status.lower()}" + (f"  {said[0]}" if said else ""))
    if not ours:
        typer.echo("no experiments", err=True)
