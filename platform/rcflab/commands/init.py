"""`rcflab init`: a new experiment to fill in.

NAME, task | another experiment --starter--> NAME.yaml, never over a file that is there
"""

import json
import os
import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from rcflab.bases import layer_of
from rcflab.errors import InputError, Problem
from rcflab.ledger.files import storage_errors
from rcflab.overrides import absolute_paths, fill_variables
from rcflab.records import Json
from rcflab.schema import EXPERIMENTS
from rcflab.starter import adapted, starter
from rcflab.yaml_file import Layer

Task = Literal["rcf", "toy"]


def init_command(
    name: Annotated[
        str, typer.Argument(metavar="[NAME|FILE.yaml]", help="The experiment's name, or the file to write.")
    ] = "my-ablation",
    task: Annotated[Task | None, typer.Option("--task", help="What is trained.  [default: rcf]")] = None,
    source: Annotated[
        Path | None, typer.Option("--from", metavar="YAML", help="Start from this experiment instead of a small one.")
    ] = None,
) -> None:
    """Write a commented YAML file for a new experiment; it runs as it is, and documents every field.

    Reads nothing but the file of --from. Refuses to write over a file. The fields' meanings, allowed values and
    defaults in it come from the schema of this version.

    Example: rcflab init learning-rate --task toy

    Exit codes: 0 ok, 2 bad input, 74 storage.
    """
    path = Path(name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")
    slug = re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-")[:63].strip("-")
    _refuse(path, slug, task, source)
    text = starter(task or "rcf", slug, str(path)) if source is None else _adapted(source, slug, path)
    with storage_errors(path, "write"), path.open("x", encoding="utf-8") as file:
        file.write(text)
    if source is not None:
        _refuse_other_paths(source, path)
    typer.echo(f"wrote {path}\nnext: fill in its first lines, then rcflab check {path}")


def _refuse(path: Path, slug: str, task: str | None, source: Path | None) -> None:
    problems: list[Problem] = []
    if not slug:
        problems.append(Problem("NAME", "", repr(path.stem), "a name with letters or digits"))
    if not path.parent.is_dir():
        problems.append(Problem(str(path), "", f"no folder {path.parent}", "a folder that is there"))
    if path.exists():
        problems.append(Problem(str(path), "", "a file that is there already", "a new file", "Choose another name"))
    if task and source:
        problems.append(Problem("--task", "", "--task beside --from", "one of the two", "--from brings its task along"))
    if problems:
        raise InputError(problems)


def _adapted(source: Path, name: str, target: Path) -> str:
    """The text of `source` under another name. Raises InputError where it is no experiment."""
    layer = layer_of(source)
    missing = [field for field in ("name", "arms") if field not in layer.data]
    if "factors" in layer.data and "name" in layer.data:
        missing = []
    task = layer.data.get("task", "rcf")
    if missing or task not in EXPERIMENTS:
        got = f"no field {missing[0]}" if missing else f"task {task!r}"
        raise InputError([Problem(str(source), "", got, "an experiment, not a base of experiments")])
    text = source.read_text(encoding="utf-8")
    extends = re.search(r"(?m)^extends:[ \t]*([^#\n]+)", text)
    moved = None if extends is None else _moved(extends[1].strip().strip("'\""), source.parent, target.parent)
    found = adapted(text, task, name, str(target), moved)
    if found is None:
        raise InputError([Problem(str(source), "name", "no line `name: ...`", "one, to be replaced")])
    return found


def _moved(relative: str, old: Path, new: Path) -> str:
    return Path(os.path.relpath(old / relative, new)).as_posix()


def _refuse_other_paths(source: Path, target: Path) -> None:
    """Paths are read from the folder of their file: another folder would make others of them."""
    sides = [_compared(layer_of(path)) for path in (source, target)]
    if sides[0] != sides[1]:
        target.unlink()
        got = f"an experiment with paths relative to {source.parent}"
        raise InputError([Problem(str(source), "", got, "a new file in the same folder, or absolute paths")])


def _compared(layer: Layer) -> Json:
    # Paths from variables start in the current folder for either file, whatever the variables say.
    variables = {name: f"/{name}" for name in re.findall(r"\$\{env:(\w+)\}", json.dumps(layer.data))}
    placed = absolute_paths(fill_variables(layer, variables, Path.cwd()), Path.cwd())
    return {field: value for field, value in placed.data.items() if field != "name"}
