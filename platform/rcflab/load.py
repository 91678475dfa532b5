"""Step 1: a file becomes an experiment, or every fault in it is named at once.

experiment.yaml + extends or --base + --set --> one layer --validate--> ExperimentSpec
                                                  + each arm --validate--> resolved configuration of the arm
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from rcflab.bases import layer_of
from rcflab.errors import InputError, Problem
from rcflab.field_faults import Fault, faults_of
from rcflab.overrides import absolute_paths, dotted, fill_variables, merge, nest, set_layer, with_default
from rcflab.paper import paper_tables
from rcflab.records import Json
from rcflab.schema import EXPERIMENTS, RESERVED, SECTIONS, TASK_CONFIGS, ExperimentSpec
from rcflab.suggest import nearest
from rcflab.yaml_file import Layer, is_mapping


@dataclass(frozen=True, slots=True)
class LoadedExperiment:
    """An experiment that passed every check which needs no data."""

    path: Path
    spec: ExperimentSpec
    """With absolute paths."""
    configs: Mapping[str, Mapping[str, Json]]
    """Arm -> its fully resolved task configuration, in table order."""


def load_experiment(path: Path, options: Sequence[str] = (), base: str | None = None) -> LoadedExperiment:
    """Read the experiment in `path` with `--set` options applied; raises InputError with every problem.

    `base` (`--base`) names the file that takes the place of the one that the experiment extends; see rcflab.bases.
    """
    folder = Path.cwd()
    layer = layer_of(path, base)
    arms = layer.data.get("arms")
    layer = merge(layer, set_layer(options, list(arms) if is_mapping(arms) else [], folder))
    layer = fill_variables(layer, os.environ, folder)
    layer = with_default(with_default(layer, ("task",), "rcf"), ("storage", "root"), "runs")
    _refuse_unknown_task(layer)
    resolved = _with_places(layer, folder)
    model = EXPERIMENTS[layer.data["task"]]
    problems: list[Problem] = []
    spec: ExperimentSpec | None = None
    faults: list[Fault] = []
    try:
        spec = model.model_validate(resolved.data)
    except ValidationError as error:
        faults = faults_of(error, model, resolved.data)
        problems += [_problem(layer, fault) for fault in faults]
    problems += _baseline_problems(layer) + _paper_problems(layer)
    configs, more = _arm_configs(resolved, faults)
    problems += more
    if problems:
        raise InputError(problems)
    assert spec is not None
    return LoadedExperiment(path.absolute(), spec, configs)


def _with_places(layer: Layer, folder: Path) -> Layer:
    """Absolute paths; a synthetic set without a place of its own is kept below the storage root."""
    layer = absolute_paths(layer, folder)
    data, storage = layer.data.get("data", {}), layer.data.get("storage")
    generated = layer.data["task"] == "rcf" and is_mapping(data) and data.get("kind", "synthetic") == "synthetic"
    if generated and is_mapping(storage) and isinstance(storage["root"], str):
        layer = with_default(layer, ("data", "kind"), "synthetic")
        layer = with_default(layer, ("data", "root"), str(Path(storage["root"]) / "data"))
    return layer


def _refuse_unknown_task(layer: Layer) -> None:
    task = layer.data["task"]
    if not isinstance(task, str) or task not in EXPERIMENTS:
        wanted = f"one of {', '.join(EXPERIMENTS)}{nearest(str(task), EXPERIMENTS)}"
        raise InputError([Problem(layer.origin(("task",)).place, "task", repr(task), wanted)])


def _problem(layer: Layer, fault: Fault) -> Problem:
    place = layer.origin(fault.loc).place
    if fault.loc[0] in RESERVED and len(fault.loc) == 1:
        return Problem(
            place,
            dotted(fault.loc),
            "a field that is reserved for a later version",
            "`arms`",
            "Write each combination as an arm",
        )
    return Problem(place, dotted(fault.loc), fault.got, fault.wanted, fault.hint)


def _baseline_problems(layer: Layer) -> list[Problem]:
    baseline, arms = layer.data.get("baseline"), layer.data.get("arms")
    if not isinstance(baseline, str) or not is_mapping(arms) or baseline in arms:
        return []
    wanted = f"one of the arms {', '.join(arms)}{nearest(baseline, arms)}"
    return [Problem(layer.origin(("baseline",)).place, "baseline", repr(baseline), wanted)]


def _paper_problems(layer: Layer) -> list[Problem]:
    """A table of the paper in which no arm has a row: the two would stand side by side without a word in common."""
    table, arms = layer.data.get("table"), layer.data.get("arms")
    name = table.get("paper") if is_mapping(table) else None
    if not isinstance(name, str) or name not in paper_tables() or not is_mapping(arms):
        return []
    rows = [row.arm for row in paper_tables()[name].rows if row.arm]
    if not rows or set(rows) & set(arms):
        return []
    got = f"{name!r}, whose rows no arm is called after"
    wanted = f"an arm with the name of a row: {', '.join(rows)}"
    return [Problem(layer.origin(("table", "paper")).place, "table.paper", got, wanted, "Or leave `paper` out")]


def _arm_configs(layer: Layer, known: Sequence[Fault]) -> tuple[dict[str, Mapping[str, Json]], list[Problem]]:
    """The resolved configuration of each arm, and the faults that the arms add to the `known` ones."""
    configs: dict[str, Mapping[str, Json]] = {}
    problems: list[Problem] = []
    arms = layer.data.get("arms")
    for name, fields in arms.items() if is_mapping(arms) else ():
        if not is_mapping(fields):
            continue
        try:
            configs[name] = _arm_config(layer, name, fields, known)
        except InputError as error:
            problems += error.problems
    return configs, problems


def _arm_config(layer: Layer, arm: str, fields: Mapping[str, Json], known: Sequence[Fault]) -> Mapping[str, Json]:
    task = layer.data["task"]
    sections = SECTIONS[task]
    origins = {path: layer.origin(("arms", arm, path)) for path in fields}
    outside = [path for path in fields if path.split(".")[0] not in sections]
    if outside:
        wanted = f"a path below {', '.join(sections)}"
        raise InputError(
            [
                Problem(
                    origins[path].place,
                    f"arms.{arm}.{path}",
                    f"the path {path!r}",
                    wanted,
                    nearest(path.split(".")[0], sections).removeprefix("; "),
                )
                for path in outside
            ]
        )
    over = nest(fields, origins, f"arms.{arm}.")
    merged = _with_places(merge(layer, over), Path.cwd())
    data = {section: merged.data[section] for section in sections if section in merged.data}
    try:
        return TASK_CONFIGS[task].model_validate(data).model_dump(mode="json")
    except ValidationError as error:
        faults = [fault for fault in faults_of(error, TASK_CONFIGS[task], data) if fault not in known]
        if not faults:
            return {}
        raise InputError([_arm_problem(layer, merged, arm, fault, over) for fault in faults]) from error


def _arm_problem(layer: Layer, merged: Layer, arm: str, fault: Fault, over: Layer) -> Problem:
    loc = fault.loc
    while loc and loc not in over.origins:
        loc = loc[:-1]
    origin = merged.origin(loc) if loc else layer.origin(("arms", arm))
    return Problem(origin.place, f"arms.{arm}.{dotted(fault.loc)}", fault.got, fault.wanted, fault.hint)
