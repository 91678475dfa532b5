"""What is wrong with a search, before anything starts.

search --read_space--> paths known? --> metrics reported? --> set by an arm as well? --> each corner a configuration?

Pure: no data is looked at.
"""

from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from rcflab.arm_configs import unknown_path
from rcflab.design.levels import shown
from rcflab.field_faults import Fault, faults_of, field_paths
from rcflab.metrics import METRICS
from rcflab.records import Json
from rcflab.schema import TASK_CONFIGS, ExperimentSpec
from rcflab.search.cells import put_values
from rcflab.search.config import WilcoxonPruner
from rcflab.search.space import MAX_GRID, Point, Space, read_space
from rcflab.suggest import nearest
from rcflab.yaml_file import is_mapping

_REPORTED = {
    "rcf": ("val/", "order/", "lipschitz/", "cost/params_m", "cost/latency_ms"),
    "toy": ("toy/",),
}
"""What the final evaluation of each task reports; all else is of the training."""
_BY_VIDEO = ("val/", "toy/")
"""Metrics that match records can give for one video."""


def written_faults(data: Mapping[str, Json]) -> list[Fault]:
    """Faults that the file alone shows, before it is known to be a valid experiment."""
    search = data.get("search")
    if not is_mapping(search):
        return []
    space, faults = read_space(search.get("space"), search.get("when"))
    task = data["task"]
    faults += list(_path_faults(task, search.get("space")))
    faults += list(_objective_faults(task, search.get("objective")))
    faults += list(_set_twice(data.get("arms"), search.get("space")))
    return faults + (list(_unfit_sampler(search, space)) if space is not None else [])


def _path_faults(task: str, space: Json) -> Iterator[Fault]:
    known = set(field_paths(TASK_CONFIGS[task]))
    for path in space if is_mapping(space) else ():
        if path not in known:
            yield unknown_path(task, ("search", "space", path), path)
        elif path.startswith("data."):
            got = f"the field {path!r} of the data"
            yield Fault(("search", "space", path), got, "a field of another section: trials share their videos")


def _objective_faults(task: str, objective: Json) -> Iterator[Fault]:
    for key, direction in objective.items() if is_mapping(objective) else ():
        loc = ("search", "objective", key)
        reported = [name for name in METRICS if name.startswith(_REPORTED[task])]
        if key not in METRICS:
            yield Fault(loc, f"the unknown metric {key!r}", f"one of {', '.join(reported)}{nearest(key, reported)}")
        elif key not in reported:
            got = f"{key!r}, which no evaluation of the task {task} reports"
            yield Fault(loc, got, f"one of {', '.join(reported)}")
        elif (METRICS[key].better, direction) in (("higher", "min"), ("lower", "max")):
            got = f"{direction}, though {METRICS[key].better} is better"
            yield Fault(loc, got, {"min": "max", "max": "min"}[direction])


def _set_twice(arms: Json, space: Json) -> Iterator[Fault]:
    """An arm that sets what is searched: one of the two would win silently."""
    if not is_mapping(arms) or not is_mapping(space):
        return
    for arm, fields in arms.items():
        for path in fields if is_mapping(fields) else ():
            rivals = [each for each in space if f"{each}.".startswith(f"{path}.") or path.startswith(f"{each}.")]
            if rivals:
                hint = "Remove one of the two; with per_arm: true each arm still finds its own value"
                yield Fault(("arms", arm, path), f"a field of the search ({rivals[0]})", "a field of its own", hint)


def _unfit_sampler(search: Mapping[str, Json], space: Space) -> Iterator[Fault]:
    sampler = search.get("sampler", "tpe")
    if sampler == "grid":
        ranges = [each.factor.name for each in space.parameters if each.kind not in ("choice", "int")]
        if ranges:
            got = f"the range of {', '.join(ranges)} in a grid"
            yield Fault(("search", "sampler"), got, "fields with `choice` or `int`")
        elif space.size() > MAX_GRID:
            hint = "Take fewer values, or another sampler"
            yield Fault(("search", "sampler"), f"a grid of {space.size()} points", f"at most {MAX_GRID}", hint)
    always = [each for each in space.parameters if each.kind != "choice" and each.factor.condition is None]
    if sampler == "cma-es" and len(always) < 2:
        got = f"{len(always)} numeric fields that always exist"
        yield Fault(("search", "sampler"), got, "at least two for cma-es", "Take tpe, which needs none")


def checked_faults(spec: ExperimentSpec, configs: Mapping[str, Mapping[str, Json]]) -> list[Fault]:
    """Faults of a valid experiment whose search has a space: what cannot be reported, points that are none."""
    search = spec.search
    if search is None:
        return []
    space, faults = read_space(search.space, search.when)
    assert space is not None and not faults, "the space was read before"
    baseline = configs[spec.baseline]
    if "cost/latency_ms" in search.objective and not baseline["evaluation"]["latency_frames"]:
        wanted = "evaluation: {latency_frames: 100}, so that it is measured"
        faults.append(Fault(("search", "objective", "cost/latency_ms"), "a metric that is not measured", wanted))
    if search.pruner is not None and not baseline["training"]["evaluate_every"]:
        wanted = "training: {evaluate_every: N}, since trials are stopped after an evaluation"
        faults.append(Fault(("search", "pruner"), f"{search.pruner.kind} without evaluations on the way", wanted))
    (metric, *_) = search.objective
    if isinstance(search.pruner, WilcoxonPruner) and not metric.startswith(_BY_VIDEO):
        got = f"{metric}, which has no value for a single video"
        faults.append(Fault(("search", "objective", metric), got, f"one of {', '.join(_BY_VIDEO)}... with wilcoxon"))
    if len(search.objective) > 1 and len(configs) > 1:
        hint = "The front becomes an experiment of its own: compare its points there"
        faults.append(Fault(("arms",), f"{len(configs)} arms with several objectives", "the baseline alone", hint))
    searched = configs if search.per_arm else {spec.baseline: baseline}
    shared = {} if search.per_arm else {arm: config for arm, config in configs.items() if arm != spec.baseline}
    for arm, config in {**searched, **shared}.items():
        faults += _point_faults(spec.task, arm, config, space)
    return list({(fault.loc, fault.wanted): fault for fault in faults}.values())


def _point_faults(task: str, arm: str, config: Mapping[str, Json], space: Space) -> list[Fault]:
    """Points that are no configuration of `arm`, one fault for each rule that they break."""
    found: dict[str, Fault] = {}
    for point in space.corners():
        changed = put_values(config, point)
        try:
            TASK_CONFIGS[task].model_validate(changed)
        except ValidationError as error:
            for fault in faults_of(error, TASK_CONFIGS[task], changed):
                found.setdefault(f"{fault.loc} {fault.wanted}", _at_point(fault, arm, point, space))
    return list(found.values())


def _at_point(fault: Fault, arm: str, point: Point, space: Space) -> Fault:
    place = ".".join(str(part) for part in fault.loc)
    own = [path for path in point if place == path or place.startswith(f"{path}.")]
    if own:
        return Fault(("search", "space", own[0]), shown(point[own[0]]), fault.wanted, fault.hint)
    names = {each.path: each.factor.name for each in space.parameters}
    told = ", ".join(f"{names[path]}={value}" for path, value in point.items())
    hint = "Narrow the space, or say with `search.when` where a field is searched"
    return Fault(("search", "space"), f"the point {told} (arm {arm}; {place})", fault.wanted, hint)


def space_of(spec: ExperimentSpec) -> Space:
    """The space of a checked experiment with a search."""
    assert spec.search is not None
    space, faults = read_space(spec.search.space, spec.search.when)
    assert space is not None and not faults, "the space of a checked experiment was read before"
    return space
