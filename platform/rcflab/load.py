"""Step 1: a file becomes an experiment, or every fault in it is named at once.

experiment.yaml + extends or --base + --set --> one layer --design?--> its arms --validate--> ExperimentSpec
                                                                 each arm --validate--> resolved configuration
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from rcflab.arm_configs import arm_configs, factor_faults, one_for_all, with_places
from rcflab.arms_elsewhere import (
    ArmSource,
    OtherExperiment,
    arms_elsewhere,
    in_table_order,
    passed_on,
    refuse_circle,
    taken_arms,
    without,
)
from rcflab.bases import extends, layer_of
from rcflab.design.arms import too_many, with_arms
from rcflab.design.names import BASELINE
from rcflab.design.read import FIELDS, is_designed, read_design
from rcflab.errors import InputError, Problem
from rcflab.field_faults import Fault, faults_of
from rcflab.overrides import dotted, fill_variables, merge, set_layer, with_default
from rcflab.paper import paper_tables
from rcflab.records import Json
from rcflab.schema import EXPERIMENTS, MOST_CELLS, ExperimentSpec
from rcflab.search.checks import checked_faults, written_faults
from rcflab.suggest import nearest
from rcflab.table_faults import table_faults
from rcflab.yaml_file import Layer, Loc, is_list, is_mapping


@dataclass(frozen=True, slots=True)
class LoadedExperiment:
    """An experiment that passed every check which needs no data."""

    path: Path
    spec: ExperimentSpec
    """With absolute paths."""
    configs: Mapping[str, Mapping[str, Json]]
    """Arm -> its fully resolved task configuration, in table order."""
    sources: Mapping[str, ArmSource] = field(default_factory=dict[str, ArmSource])
    """Where the arms that are taken from other experiments were written."""


def load_experiment(path: Path, options: Sequence[str] = (), base: str | None = None) -> LoadedExperiment:
    """Read the experiment in `path` with `--set` options applied; raises InputError with every problem.

    `base` (`--base`) names the file that takes the place of the one that the experiment extends; see rcflab.bases.
    """
    return _load(path, options, base, ())


def _load(path: Path, options: Sequence[str], base: str | None, within: tuple[Path, ...]) -> LoadedExperiment:
    """`within` are the files that are being read for the sake of this one's arms."""
    refuse_circle(path, within)
    folder = Path.cwd()
    layer = layer_of(path, base)
    arms = layer.data.get("arms")
    layer = merge(layer, set_layer(options, list(arms) if is_mapping(arms) else [], folder))
    layer = fill_variables(layer, os.environ, folder)
    layer = with_default(with_default(layer, ("task",), "rcf"), ("storage", "root"), "runs")
    _refuse_unknown_task(layer)
    layer = _with_baselines(layer)
    layer, problems = _with_design(layer)
    resolved = with_places(layer, folder)
    model = EXPERIMENTS[layer.data["task"]]
    spec: ExperimentSpec | None = None
    faults: list[Fault] = []
    try:
        spec = model.model_validate(resolved.data)
    except ValidationError as error:
        faults = faults_of(error, model, resolved.data)
        problems += [_problem(layer, fault) for fault in faults if not _is_said(layer, fault, problems)]
    problems += _baseline_problems(layer) + _paper_problems(layer)
    said = {fault.loc for fault in faults}
    problems += [_problem(layer, fault) for fault in written_faults(layer.data) if fault.loc not in said]
    problems += [_problem(layer, fault) for fault in (table_faults(spec) if spec else ())]
    taken, sources, more = _taken_arms(resolved, options, base, (*within, path.resolve()))
    problems += more
    configs, more = arm_configs(without(resolved, arms_elsewhere(resolved)), faults)
    problems += one_for_all(more) if is_designed(layer.data) else more
    if problems:
        raise InputError(problems)
    assert spec is not None
    every = in_table_order(resolved, configs | taken)
    problems = [_problem(layer, fault) for fault in checked_faults(spec, every)]
    if problems:
        raise InputError(problems)
    return LoadedExperiment(path.absolute(), spec, every, sources)


def _taken_arms(
    layer: Layer, options: Sequence[str], base: str | None, within: tuple[Path, ...]
) -> tuple[dict[str, Mapping[str, Json]], dict[str, ArmSource], list[Problem]]:
    """Arms of other experiments; what the command line says of the task holds for these too."""
    passed = passed_on(options, layer.data["task"])

    def load(path: Path) -> OtherExperiment:
        found = _load(path, passed, base if extends(path) else None, within)
        return OtherExperiment(found.spec.task, found.spec.storage.root, found.spec.baseline, found.configs)

    storage = layer.data.get("storage")
    return taken_arms(layer, str(storage.get("root")) if is_mapping(storage) else "", load)


def _with_baselines(layer: Layer) -> Layer:
    """`baseline: [a, b]` as `baseline: a` and `more_baselines: [b]`; what is no list of names is left to the schema."""
    written = layer.data.get("baseline")
    if not is_list(written) or not written:
        return layer
    origins = {loc: origin for loc, origin in layer.origins.items() if loc[0:1] != ("baseline",)}
    origins[("baseline",)] = layer.origin(("baseline", 0))
    origins |= {("more_baselines", place): layer.origin(("baseline", place + 1)) for place in range(len(written) - 1)}
    return Layer({**layer.data, "baseline": written[0], "more_baselines": written[1:]}, origins)


def _with_design(layer: Layer) -> tuple[Layer, list[Problem]]:
    """`layer` with the arms of its design, if it has one and nothing is wrong with it."""
    design, faults = read_design(layer.data)
    if not is_designed(layer.data):
        return layer, [_problem(layer, fault) for fault in faults]
    said = {fault.loc for fault in faults}
    faults += [fault for fault in factor_faults(layer) if fault.loc not in said]
    layer = with_default(layer, ("baseline",), BASELINE)
    if design is not None:
        faults += too_many(design, _whole(layer, "seeds", 1), _whole(layer, "most_cells", MOST_CELLS))
    if design is not None and not faults:
        layer = with_arms(layer, design)
    return layer, [_problem(layer, fault) for fault in faults]


def _whole(layer: Layer, field: str, default: int) -> int:
    """The positive whole number in a field of the envelope; `default` for what the schema will refuse."""
    value = layer.data.get(field)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else default


def _is_said(layer: Layer, fault: Fault, problems: Sequence[Problem]) -> bool:
    """Whether a fault of the schema follows from one that was found in the design."""
    field = str(fault.loc[0])
    of_design = field in (*FIELDS, "arms") and is_designed(layer.data)
    return of_design and any(problem.place.split(".")[0] in (*FIELDS, "table") for problem in problems)


def _refuse_unknown_task(layer: Layer) -> None:
    task = layer.data["task"]
    if not isinstance(task, str) or task not in EXPERIMENTS:
        wanted = f"one of {', '.join(EXPERIMENTS)}{nearest(str(task), EXPERIMENTS)}"
        raise InputError([Problem(layer.origin(("task",)).place, "task", repr(task), wanted)])


def _problem(layer: Layer, fault: Fault) -> Problem:
    place = layer.origin(fault.loc).place
    if fault.loc == ("arms",) and fault.got == "nothing":
        return Problem(place, "arms", fault.got, "`arms: {name: {dotted.path: value}}`, or `factors` with `design`")
    return Problem(place, dotted(fault.loc), fault.got, fault.wanted, fault.hint)


def _baseline_problems(layer: Layer) -> list[Problem]:
    """Baselines that are no arm, or that are named twice."""
    arms, more = layer.data.get("arms"), layer.data.get("more_baselines")
    named: list[tuple[Loc, Json]] = [(("baseline",), layer.data.get("baseline"))]
    named += [(("more_baselines", place), name) for place, name in enumerate(more)] if is_list(more) else []
    problems: list[Problem] = []
    for place, (loc, name) in enumerate(named):
        if not isinstance(name, str) or not is_mapping(arms):
            continue
        if name not in arms:
            wanted = f"one of the arms {', '.join(arms)}{nearest(name, arms)}"
            problems.append(Problem(layer.origin(loc).place, "baseline", repr(name), wanted))
        elif name in [earlier for _, earlier in named[:place]]:
            problems.append(Problem(layer.origin(loc).place, "baseline", f"{name!r} a second time", "each arm once"))
    return problems


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
