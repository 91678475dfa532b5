"""Options that commands share, so that they mean the same everywhere."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from rcflab.countdown import Countdown
from rcflab.errors import InputError, Problem
from rcflab.records import Json
from rcflab.session import Session, open_experiment
from rcflab.storage.address import cache_of, fault_of_url
from rcflab.storage.opening import fetch_records

Experiment = Annotated[Path, typer.Argument(help="The experiment's YAML file.", show_default=False)]
Experiments = Annotated[list[Path], typer.Argument(help="YAML files of experiments.", show_default=False)]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Override a field, say training.steps=100. May be repeated."),
]
Arms = Annotated[str | None, typer.Option("--arms", metavar="A,B", help="Only these arms.")]
Seeds = Annotated[int | None, typer.Option("--seeds", metavar="N", help="This many seeds instead of the file's.")]
Base = Annotated[
    str | None,
    typer.Option(
        "--base", metavar="NAME|PATH", help="Another base: a file of the folder `base` beside the YAML, or a path."
    ),
]


def _opened(root: str | Path) -> Path:
    """A storage root, with the records of a store of objects fetched. Raises InputError, StorageError."""
    text = str(root)  # Typer parses a default too
    fault = fault_of_url(text)
    if fault is not None:
        raise InputError([Problem("--storage", "", text, fault)])
    storage = cache_of(text, "storage")
    fetch_records(storage)
    return storage


Storage = Annotated[
    Path, typer.Option("--storage", metavar="ROOT", help="The storage root: a folder or s3://...", parser=_opened)
]
Partial = Annotated[
    bool,
    typer.Option("--partial", help="A table of the cells that are done; it names those that are left out, and why."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for programs.")]


def open_session(
    experiment: Path, options: list[str] | None, arms: str | None, seeds: int | None, base: str | None
) -> Session:
    """The session that the shared options describe; raises InputError."""
    names = None if arms is None else [name.strip() for name in arms.split(",")]
    return open_experiment(experiment, options or (), names, seeds, base, lambda url: Countdown(f"{url}, bytes"))


def open_sessions(
    experiments: Sequence[Path], options: list[str] | None, arms: str | None, seeds: int | None, base: str | None
) -> list[Session]:
    """A session for each file; raises InputError with the problems of all, also for two of one name."""
    sessions: list[Session] = []
    problems: list[Problem] = []
    for path in experiments:
        try:
            sessions.append(open_session(path, options, arms, seeds, base))
        except InputError as error:
            problems += error.problems
    names = [session.spec.name for session in sessions]
    for name in sorted({name for name in names if names.count(name) > 1}):
        wanted = "experiments of different names: each has a folder and a table of its own"
        problems.append(Problem("experiments", "name", f"{name!r} {names.count(name)} times", wanted))
    if problems:
        raise InputError(list({str(problem): problem for problem in problems}.values()))
    return sessions


def echo_json(value: Json) -> None:
    """Print `value` for a program."""
    typer.echo(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False))
