"""`rcflab submit`: an experiment becomes a job on a Ray cluster, once.

file, options --> what is sent --> check of access and nodes --> Ray job --log--> this terminal
"""

import os
import re
from collections.abc import Sequence
from typing import Annotated

import typer

from rcflab.cluster.opening import Address, open_jobs
from rcflab.cluster.portable import arguments, portable
from rcflab.cluster.sent_files import sent_files
from rcflab.cluster.submission import Done
from rcflab.commands.logs import show_job
from rcflab.commands.options import Arms, Base, Experiment, Seeds, Set
from rcflab.errors import InputError, Problem

_SECRET = re.compile("PASS|TOKEN|SECRET|CREDENTIAL|KEY", re.IGNORECASE)
"""In the name of a variable."""


def submit_command(
    experiment: Experiment,
    address: Address,
    set_: Set = None,
    arms: Arms = None,
    seeds: Seeds = None,
    base: Base = None,
    env: Annotated[
        list[str] | None,
        typer.Option("--env", metavar="NAME", help="A variable of this shell for the job; no secret. May be repeated."),
    ] = None,
    ship_code: Annotated[
        bool, typer.Option("--ship-code", help="Send rcf and rcflab of this machine, instead of those there.")
    ] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Do not follow the log.")] = False,
) -> None:
    """Run an experiment on a Ray cluster: the same as `rcflab run` there, as a job that outlives this terminal.

    Asks first: does the cluster want a token and take ours, do all its nodes have our versions and our code, can they
    write the storage, reach MLflow, read the data, hold a cell? Every reason why not is said at once, and nothing
    starts. Submitted again the same experiment is found: it is followed while it runs, it is "already done", or it goes
    on where it failed. Ctrl-C ends the following and not the job.

    The token is looked for in RAY_AUTH_TOKEN, in the file of RAY_AUTH_TOKEN_PATH and in ~/.ray/auth_token.

    Example: rcflab submit experiments/table_5.yaml --address http://127.0.0.1:8265 --set storage.root=/shared/runs

    Exit codes: those of `rcflab run` there; 2 bad input, 69 the cluster does not answer.
    """
    sent = sent_files(experiment, base)
    from rcflab.cluster.submitting import Ask, submit

    ask = Ask(
        sent, portable(sent, set_ or ()), arguments(set_ or (), arms, seeds, sent.base), ship_code, _chosen(env or ())
    )
    jobs = open_jobs(address)
    step = submit(jobs, ask, lambda text: typer.echo(text, err=True))
    if isinstance(step, Done):
        typer.echo(f"{step.job} is already done; its results are in {ask.portable.storage} on the cluster")
        return
    if detach:
        typer.echo(step.job)
        return
    show_job(jobs, step.job)


def _chosen(names: Sequence[str]) -> dict[str, str]:
    """Raises InputError for variables that are not set, and for names of secrets."""
    problems = [Problem("--env", name, "nothing", "a variable that is set") for name in names if name not in os.environ]
    hint = "Set it on the nodes: a cluster shows the variables of a job to all its users"
    problems += [
        Problem("--env", name, "what may be a secret", "a variable that all may read", hint)
        for name in names
        if _SECRET.search(name)
    ]
    if problems:
        raise InputError(problems)
    return {name: os.environ[name] for name in names}
