"""Which Ray job an experiment is, and what to do where jobs of it are there already.

    files that are sent, arguments --submission_name--> rcflab-NAME-1a2b3c4d5e6f
    jobs of that name on the cluster --next_step--> Attach   one runs, or waits
                                                    Done     the newest succeeded
                                                    Submit   there is none, or the newest failed or was stopped

Ray refuses an id that it has seen, also one of a job that failed, so attempts are numbered: NAME-1, NAME-2. Two
submissions at one moment choose the same number, Ray takes one of them, and the other one attaches to it. What was
trained is in the storage, not in the job: a further attempt goes on where the one before ended, and a head that has
lost its list of jobs costs nothing but one more start.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rcflab.errors import InputError, Problem
from rcflab.identity import digest
from rcflab.suggest import nearest

Status = Literal["PENDING", "RUNNING", "STOPPED", "SUCCEEDED", "FAILED"]
"""Ray's, of a job."""


@dataclass(frozen=True, slots=True)
class ClusterJob:
    """A job as the cluster lists it."""

    id: str
    status: Status


@dataclass(frozen=True, slots=True)
class Attach:
    """Follow this one."""

    job: str


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing is left to do: this one succeeded."""

    job: str


@dataclass(frozen=True, slots=True)
class Submit:
    """Start a job with this id."""

    job: str
    after: ClusterJob | None
    """The attempt before, which did not succeed."""


def submission_name(experiment: str, files: Mapping[str, str], arguments: Sequence[str]) -> str:
    """The name that all attempts at one experiment share.

    `files`: what is sent, relative path -> digest of its content; `arguments`: of `rcflab run`, behind the experiment.
    The same YAMLs with the same options have the same name from every machine.
    """
    content = digest({"files": dict(files), "arguments": list(arguments)})
    return f"rcflab-{re.sub(r'[^a-z0-9-]', '-', experiment.lower())}-{content[:12]}"


def next_step(name: str, jobs: Iterable[ClusterJob]) -> Attach | Done | Submit:
    """What to do with the experiment of this name, from all jobs that the cluster knows."""
    attempts = {number: job for job in jobs if (number := _attempt(name, job.id))}
    if not attempts:
        return Submit(f"{name}-1", None)
    number = max(attempts)
    newest = attempts[number]
    match newest.status:
        case "PENDING" | "RUNNING":
            return Attach(newest.id)
        case "SUCCEEDED":
            return Done(newest.id)
        case "FAILED" | "STOPPED":
            return Submit(f"{name}-{number + 1}", newest)


def find_job(text: str, jobs: Iterable[ClusterJob]) -> ClusterJob:
    """The job with this id, or the newest of this name or this experiment. Raises InputError where there is none."""
    ours = [job for job in jobs if is_ours(job)]
    fitting = [job for job in ours if text in (job.id, _name(job), _experiment(job))]
    if not fitting:
        wanted = f"a job of this cluster{nearest(text, [job.id for job in ours])}"
        raise InputError([Problem("job", "", repr(text), wanted, "`rcflab status` lists them")])
    if len({_name(job) for job in fitting}) > 1:
        raise InputError([Problem("job", "", f"{text!r}, of which there are several", "one of their ids",
                                  ", ".join(sorted(job.id for job in fitting)))])  # fmt: skip
    return max(fitting, key=lambda job: int(job.id.rpartition("-")[2]))


def is_ours(job: ClusterJob) -> bool:
    """Whether it is an experiment; a cluster may have other jobs, and questions of ours to its nodes."""
    return re.fullmatch(r"rcflab-.+-[0-9a-f]{12}-[1-9]\d*", job.id) is not None


def _name(job: ClusterJob) -> str:
    return job.id.rpartition("-")[0]


def _experiment(job: ClusterJob) -> str:
    return _name(job).rpartition("-")[0].removeprefix("rcflab-")


def _attempt(name: str, job: str) -> int:
    """Its number; 0 for a job of another name."""
    found = re.fullmatch(re.escape(name) + r"-([1-9]\d*)", job)
    return int(found[1]) if found else 0
