"""An experiment on its way to a cluster: looked for there, checked there, started there once.

    Ask --next_step--> Done, Attach: nothing is sent
             `-------> Submit --probe job--> preflight_problems --none--> staged files, code --> Ray job: rcflab run

What runs there is the same command as here, so that it resumes what a job before it left, and its log is what a person
at a terminal would see.
"""

import json
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from rcflab.cluster import ray_probe
from rcflab.cluster.portable import Portable
from rcflab.cluster.preflight import Wanted, preflight_problems
from rcflab.cluster.ray_jobs import RayJobs
from rcflab.cluster.ray_probe import Probed, Question
from rcflab.cluster.sent_files import SentFiles
from rcflab.cluster.submission import Attach, Done, next_step, submission_name
from rcflab.errors import InputError, Problem, ServiceDownError
from rcflab.execute.batch import resolve
from rcflab.provenance import gather_provenance

_COMPARED = ("python", "ray", "torch", "timm", "torchvision", "numpy", "scipy", "mlflow")
"""What changes numbers, and what machines speak with each other."""
_PROBE_S = 300.0
_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Ask:
    """What somebody wants on a cluster."""

    sent: SentFiles
    portable: Portable
    arguments: Sequence[str]
    ships_code: bool
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """Variables of this machine that the job is to have, none of them a secret: a cluster shows them."""

    @property
    def name(self) -> str:
        """Of all its jobs."""
        return submission_name(self.portable.name, self.sent.digests(), self.arguments)


def submit(jobs: RayJobs, ask: Ask, tell: Callable[[str], None]) -> Attach | Done:
    """Start the experiment unless it runs or has succeeded; returns the job to follow, or the one that is done.

    Raises InputError with all reasons of the preflight, and ServiceDownError.
    """
    step = next_step(ask.name, jobs.listed())
    if isinstance(step, Attach | Done):
        return step
    if step.after is not None:
        tell(f"{step.after.id} {step.after.status.lower()}: {step.job} goes on from what is in {ask.portable.storage}")
    with _staged(ask) as runtime_env:
        tell("to send: " + ", ".join(f"{place} {size:,} bytes" for place, size in _sizes(ask)[:5]))
        if problems := preflight_problems(_probe(jobs, ask.portable, runtime_env), _wanted(ask)):
            raise InputError(problems)
        command = ["python", "-m", "rcflab.cli", "run", ask.sent.experiment, *ask.arguments]
        metadata = {"rcflab.experiment": ask.portable.name, "rcflab.storage": ask.portable.storage}
        if not jobs.start(step.job, command, runtime_env, metadata):
            tell(f"{step.job} was submitted by somebody else at this moment")
    return Attach(step.job)


@contextmanager
def _staged(ask: Ask) -> Generator[Mapping[str, Any]]:
    """Ray's runtime environment of a folder that holds what is sent, for as long as it is there."""
    variables = {"PYTHONUNBUFFERED": "1", **ask.environment}
    code = {"py_modules": _code()} if ask.ships_code else {}
    with tempfile.TemporaryDirectory(prefix="rcflab-submit-") as text:
        ask.sent.stage(Path(text))
        (Path(text) / "ray_probe.py").write_bytes(Path(ray_probe.__file__).read_bytes())
        yield {"working_dir": text, "env_vars": variables, "excludes": ["**/__pycache__/"], **code}


def _sizes(ask: Ask) -> list[tuple[str, int]]:
    """Of all that is sent, the largest first."""
    code = [(f"{each.name}/", _size(each)) for each in map(Path, _code() if ask.ships_code else [])]
    return sorted([*ask.sent.largest(), *code], key=lambda pair: -pair[1])


def _size(folder: Path) -> int:
    """Without what Python compiles, which is not sent."""
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file() and "__pycache__" not in each.parts)


def _code() -> list[str]:
    model = find_spec("rcf")
    assert model is not None and model.submodule_search_locations
    return [str(model.submodule_search_locations[0]), str(Path(__file__).parents[1])]


def _wanted(ask: Ask) -> Wanted:
    here = gather_provenance()
    resources = resolve(ask.portable.resources, ask.sent.experiment, cpus=sys.maxsize)
    versions = {name: here.packages[name] for name in _COMPARED if name in here.packages}
    return Wanted(versions, here.code_digest, resources)


def _probe(jobs: RayJobs, wanted: Portable, runtime_env: Mapping[str, Any]) -> Probed:
    """What the nodes answer. Raises ServiceDownError where none does in time."""
    packages = [name for name in _COMPARED if name != "python"]
    question = Question(packages=packages, storage=wanted.storage, tracking=wanted.tracking, data=list(wanted.data))
    job = f"rcflab-probe-{secrets.token_hex(6)}"
    jobs.start(job, ["python", "ray_probe.py", json.dumps(question)], runtime_env, {})
    limit = time.monotonic() + _PROBE_S
    while not (found := jobs.state(job)).is_over:
        if time.monotonic() > limit:
            jobs.stop(job)
            raise ServiceDownError(f"the cluster did not answer a question to its nodes in {_PROBE_S:.0f} s ({job})")
        time.sleep(_POLL_S)
    lines = [line for line in jobs.log(job).splitlines() if line.strip()]
    answers = [line for line in lines if line.startswith(ray_probe.MARK)]
    if found.status != "SUCCEEDED" or not answers:
        # A job that could not even begin, on a head whose disk is full, has a message and no log.
        last = lines[-1] if lines else " ".join(found.message.split()) or "nothing"
        raise InputError([Problem("cluster", job, last, "an answer of its nodes", "`ray job logs` has all of it")])
    return cast(Probed, json.loads(answers[-1].removeprefix(ray_probe.MARK)))
