"""Options that commands share, so that they mean the same everywhere."""

import json
from pathlib import Path
from typing import Annotated

import typer

from rcflab.records import Json
from rcflab.session import Session, open_experiment

Experiment = Annotated[Path, typer.Argument(help="The experiment's YAML file.", show_default=False)]
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
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for programs.")]


def open_session(
    experiment: Path, options: list[str] | None, arms: str | None, seeds: int | None, base: str | None
) -> Session:
    """The session that the shared options describe; raises InputError."""
    names = None if arms is None else [name.strip() for name in arms.split(",")]
    return open_experiment(experiment, options or (), names, seeds, base)


def echo_json(value: Json) -> None:
    """Print `value` for a program."""
    typer.echo(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False))
