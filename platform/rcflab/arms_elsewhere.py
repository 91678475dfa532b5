"""Arms that another experiment has: taken as they are resolved there, so their keys are equal and nothing trains twice.

arms: {two-frames: {from: table_3_reference_frames.yaml:frames-2}}
      `from` --file:arm--> the other experiment, loaded --its resolved configuration--> ours, under our name

A file is named from the folder of the one that names it; without an arm its baseline is meant. Experiments that take
arms of each other in a circle are refused.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rcflab.errors import InputError, Problem
from rcflab.records import Json
from rcflab.schema import SECTIONS
from rcflab.suggest import nearest
from rcflab.yaml_file import Layer, is_mapping

FROM = "from"


@dataclass(frozen=True, slots=True)
class ArmSource:
    """Where an arm was written."""

    path: Path
    arm: str

    @property
    def label(self) -> str:
        """`file.yaml:arm`, for people."""
        return f"{self.path.name}:{self.arm}"


@dataclass(frozen=True, slots=True)
class OtherExperiment:
    """What has to be known of an experiment to take an arm of it."""

    task: str
    storage: str
    """Absolute root of its storage."""
    baseline: str
    configs: Mapping[str, Mapping[str, Json]]


Configs = dict[str, Mapping[str, Json]]


def file_and_arm(text: str, folder: Path) -> tuple[Path, str]:
    """The file and the arm that `FILE` or `FILE:ARM` means, the arm empty in the first case.

    Both may have colons: the longest file that is there counts. Where there is none, the text up to the first colon.
    """
    cuts = [len(text), *(place for place, letter in reversed(list(enumerate(text))) if letter == ":")]
    for cut in cuts:
        if (folder / text[:cut]).is_file():
            return folder / text[:cut], text[cut + 1 :]
    file, _, arm = text.partition(":")
    return folder / file, arm


def arms_elsewhere(layer: Layer) -> dict[str, Json]:
    """Arm -> what it says behind `from`, of the arms of an experiment that say so."""
    arms = layer.data.get("arms")
    return {
        name: fields[FROM]
        for name, fields in (arms.items() if is_mapping(arms) else ())
        if is_mapping(fields) and FROM in fields
    }


def without(layer: Layer, arms: Iterable[str]) -> Layer:
    """`layer` without these arms."""
    written, gone = layer.data.get("arms"), set(arms)
    if not gone or not is_mapping(written):
        return layer
    return Layer(
        {**layer.data, "arms": {name: fields for name, fields in written.items() if name not in gone}}, layer.origins
    )


def passed_on(options: Sequence[str], task: str) -> list[str]:
    """The `--set` options that hold for arms of other files too: fields of the task, and where results are kept."""
    fields = (*SECTIONS[task], "storage")
    return [option for option in options if option.split("=")[0].split(".")[0] in fields]


def taken_arms(
    layer: Layer, storage: str, load: Callable[[Path], OtherExperiment]
) -> tuple[Configs, dict[str, ArmSource], list[Problem]]:
    """Configurations and sources of the arms of `layer` that are elsewhere, and what is wrong with them.

    `storage` is the root of the experiment; `load` reads another one and raises InputError.
    """
    configs: Configs = {}
    sources: dict[str, ArmSource] = {}
    problems: list[Problem] = []
    for name, text in arms_elsewhere(layer).items():
        try:
            configs[name], sources[name] = _taken(layer, name, text, storage, load)
        except InputError as error:
            problems += [problem for problem in error.problems if problem not in problems]
    return configs, sources, problems


def _taken(
    layer: Layer, name: str, text: Json, storage: str, load: Callable[[Path], OtherExperiment]
) -> tuple[Mapping[str, Json], ArmSource]:
    origin, field = layer.origin(("arms", name, FROM)), f"arms.{name}.{FROM}"

    def refuse(got: str, wanted: str, hint: str = "") -> InputError:
        return InputError([Problem(origin.place, field, got, wanted, hint)])

    beside = [path for path in layer.data["arms"][name] if path != FROM]
    if beside:
        hint = "Write an arm of its own for a change"
        raise refuse(f"`{FROM}` beside {', '.join(beside)}", f"`{FROM}` alone: the arm is taken as it is", hint)
    if not isinstance(text, str) or not text:
        raise refuse(repr(text), "a file, or file:arm, like table_5_token_size.yaml:tokens-4")
    path, arm = file_and_arm(text, origin.folder)
    if not path.is_file():
        near = nearest(path.name, [other.name for other in path.parent.glob("*.yaml")])
        raise refuse(f"{text!r}, which names no file", f"a file at {path}{near}")
    other = load(path)
    arm = arm or other.baseline
    if arm not in other.configs:
        raise refuse(f"the arm {arm!r}", f"an arm of {path}: {', '.join(other.configs)}{nearest(arm, other.configs)}")
    if other.task != layer.data["task"]:
        raise refuse(f"an arm of the task {other.task}", f"one of the task {layer.data['task']}, as this experiment is")
    if other.storage != storage:
        hint = "Set storage.root to the same folder: what is trained there is not known here"
        raise refuse(f"an arm whose trainings are kept below {other.storage}", f"one kept below {storage}", hint)
    return other.configs[arm], ArmSource(path, arm)


def refuse_circle(path: Path, within: Sequence[Path]) -> None:
    """Raises InputError where `path` is read while it is being read, by way of the files `within`."""
    if path.resolve() in within:
        circle = [*within[within.index(path.resolve()) :], path.resolve()]
        got = f"arms that are taken in a circle: {' -> '.join(each.name for each in circle)}"
        raise InputError([Problem(str(path), f"arms.*.{FROM}", got, "an arm that is written in one of them")])


def in_table_order(layer: Layer, configs: Mapping[str, Mapping[str, Json]]) -> Configs:
    """`configs` in the order in which the arms of `layer` are written."""

    def found() -> Iterator[tuple[str, Mapping[str, Json]]]:
        arms = layer.data.get("arms")
        for name in arms if is_mapping(arms) else ():
            if name in configs:
                yield name, configs[name]

    return dict(found())
