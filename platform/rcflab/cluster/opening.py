"""The way to a cluster's jobs, for every command that speaks with one.

--address --job_server--> server --find_token, check_access--> RayJobs
"""

from typing import TYPE_CHECKING, Annotated

import typer

from rcflab.cluster.access import check_access, find_token, job_server

if TYPE_CHECKING:
    from rcflab.cluster.ray_jobs import RayJobs

Address = Annotated[
    str, typer.Option("--address", metavar="URL", envvar="RCFLAB_ADDRESS", help="Ray's dashboard, http://HOST:8265.")
]


def open_jobs(address: str) -> "RayJobs":
    """Raises InputError for a cluster that is open, or whose token we lack; ServiceDownError for none."""
    server, token = job_server(address), find_token()
    check_access(server, token)
    from rcflab.cluster.ray_jobs import RayJobs  # Ray is slow to import: not for --help, nor before a refusal

    return RayJobs(server, token)
