"""From the layer of an experiment to the resolved configuration of each arm.

layer + {dotted path: value} of an arm    --nest, merge, validate--> configuration | faults below `arms.NAME`
layer + one level of a factor             --nest, merge, validate--> faults below `factors.PATH.INDEX`
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from rcflab.errors import InputError, Problem
from rcflab.field_faults import Fault, elsewhere, faults_of, field_paths
from rcflab.overrides import absolute_paths, dotted, merge, nest, with_default
from rcflab.records import Json
from rcflab.schema import SECTIONS, TASK_CONFIGS
from rcflab.storage.address import cache_of
from rcflab.suggest import nearest
from rcflab.yaml_file import Layer, Loc, Origin, is_list, is_mapping

MAX_LEVELS = 1000
"""Levels of all factors together that are tried before a design that is refused anyway."""


def with_places(layer: Layer, folder: Path) -> Layer:
    """Absolute paths; a synthetic set without a place of its own is kept below the storage root."""
    layer = absolute_paths(layer, folder)
    data, storage = layer.data.get("data", {}), layer.data.get("storage")
    generated = layer.data["task"] == "rcf" and is_mapping(data) and data.get("kind", "synthetic") == "synthetic"
    if generated and is_mapping(storage) and isinstance(storage["root"], str):
        if is_mapping(data) and data.get("root") == "":  # its default, written out, means the same as nothing
            layer = Layer({**layer.data, "data": {key: data[key] for key in data if key != "root"}}, layer.origins)
        layer = with_default(layer, ("data", "kind"), "synthetic")
        layer = with_default(layer, ("data", "root"), str(cache_of(storage["root"], "storage") / "data"))
    return layer


def arm_configs(layer: Layer, known: Sequence[Fault]) -> tuple[dict[str, Mapping[str, Json]], list[Problem]]:
    """The resolved configuration of each arm, and the faults that the arms add to the `known` ones."""
    configs: dict[str, Mapping[str, Json]] = {}
    problems: list[Problem] = []
    arms = layer.data.get("arms")
    # Each arm is merged without the others: with thousands of arms their origins would be copied thousands of times.
    own = {loc: origin for loc, origin in layer.origins.items() if loc[:1] != ("arms",)}
    alone = Layer({field: value for field, value in layer.data.items() if field != "arms"}, own)
    for name, fields in arms.items() if is_mapping(arms) else ():
        if not is_mapping(fields):
            continue
        origins = {path: layer.origin(("arms", name, path)) for path in fields}
        try:
            configs[name] = _arm_config(alone, name, fields, origins, known)
        except InputError as error:
            problems += error.problems
    return configs, problems


def _arm_config(
    layer: Layer, arm: str, fields: Mapping[str, Json], origins: Mapping[str, Origin], known: Sequence[Fault]
) -> Mapping[str, Json]:
    sections = SECTIONS[layer.data["task"]]
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
    merged = with_places(merge(layer, over), Path.cwd())
    config, faults = _resolved(merged)
    faults = [fault for fault in faults if fault not in known]
    if faults:
        raise InputError([_arm_problem(layer, merged, arm, fault, over) for fault in faults])
    return config


def _resolved(merged: Layer) -> tuple[Mapping[str, Json], list[Fault]]:
    """The configuration in the task's sections of a layer, empty where there are faults."""
    task = merged.data["task"]
    data = {section: merged.data[section] for section in SECTIONS[task] if section in merged.data}
    try:
        return TASK_CONFIGS[task].model_validate(data).model_dump(mode="json"), []
    except ValidationError as error:
        return {}, faults_of(error, TASK_CONFIGS[task], data)


def _arm_problem(layer: Layer, merged: Layer, arm: str, fault: Fault, over: Layer) -> Problem:
    loc = fault.loc
    while loc and loc not in over.origins:
        loc = loc[:-1]
    origin = merged.origin(loc) if loc else layer.origin(("arms", arm))
    return Problem(origin.place, f"arms.{arm}.{dotted(fault.loc)}", fault.got, fault.wanted, fault.hint)


def one_for_all(problems: Sequence[Problem]) -> list[Problem]:
    """The arms of a design repeat a fault as often as they repeat a level: the first one speaks for the others."""
    groups: dict[tuple[str, str], list[Problem]] = {}
    for problem in problems:
        groups.setdefault((problem.place.rpartition(".")[2], problem.wanted), []).append(problem)
    return [
        replace(group[0], hint=f"The same in {len(group) - 1} more arms") if len(group) > 1 else group[0]
        for group in groups.values()
    ]


def factor_faults(layer: Layer) -> list[Fault]:
    """Factors that are no field of the task, and levels that their field cannot have."""
    written = layer.data.get("factors")
    if not is_mapping(written):
        return []
    known = set(field_paths(TASK_CONFIGS[layer.data["task"]]))
    task = layer.data["task"]
    faults = [unknown_path(task, ("factors", path), path) for path in written if path not in known]
    factors = {path: levels for path, levels in written.items() if path in known and is_list(levels)}
    if sum(map(len, factors.values())) > MAX_LEVELS:
        return faults
    for path, levels in factors.items():
        for index, level in enumerate(levels):
            faults += _level_faults(layer, path, index, level)
    return faults


def unknown_path(task: str, loc: Loc, path: str) -> Fault:
    """The fault at `loc` of a dotted path that is no field of the task, with the nearest one."""
    model = TASK_CONFIGS[task]
    hint = nearest(path, field_paths(model)) or elsewhere(path.rpartition(".")[2], model)
    wanted = f"the dotted path of a field below {', '.join(SECTIONS[task])}"
    return Fault(loc, f"the unknown path {path!r}", wanted, hint.removeprefix("; "))


def _level_faults(layer: Layer, path: str, index: int, level: Json) -> list[Fault]:
    """What the field itself says of the level; rules between fields are for the arms, which set all of them."""
    loc = ("factors", path, index)
    field = tuple(path.split("."))
    over = nest({path: level}, {path: layer.origin(loc)}, "factors.")
    _, faults = _resolved(with_places(merge(layer, over), Path.cwd()))
    own = [fault for fault in faults if fault.loc[: len(field)] == field]
    return [Fault((*loc, *fault.loc[len(field) :]), fault.got, fault.wanted, fault.hint) for fault in own]
