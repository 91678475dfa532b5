"""Which file an experiment stands on: the one that it extends, or the one that `--base` puts in its place.

    experiment.yaml --extends: base/ytvis2019.yaml--> the paper's scale                 name: table-5
                    --base synth--> base/synth.yaml beside the experiment               name: table-5-synth
                    --base my/base.yaml--> any file, from the current folder            name: table-5-base

Arms are differences to the base, so one list of arms serves every scale. Another base is another experiment: its name
gets the base's name behind it, so that its tables, its plan and its MLflow experiment lie beside the others.
"""

import re
from pathlib import Path

from rcflab.errors import InputError, Problem
from rcflab.overrides import merge
from rcflab.suggest import nearest
from rcflab.yaml_file import Layer, Origin, is_mapping, read_layer

_OPTION = "--base"


def layer_of(path: Path, base: str | None = None) -> Layer:
    """The file `path` on top of the one file that it extends, or of `base`; raises InputError.

    An experiment whose arms are all taken from others stands on their files. With a `base` other than the file that
    the experiment extends, the name of the experiment ends in the base's name.
    """
    layer = read_layer(path)
    if "extends" not in layer.data:
        if base is None:
            return layer
        if _takes_all_arms(layer):
            return _renamed(layer, find_base(path, base))
        wanted = f"an experiment with `extends`, which {path} has not"
        raise InputError([Problem(_OPTION, "", repr(base), wanted, "Let it extend a file")])
    name = layer.data.pop("extends")
    place = layer.origin(("extends",)).place
    if not isinstance(name, str) or not name:
        raise InputError([Problem(place, "extends", repr(name), "the path of one YAML file")])
    extended = path.parent / name
    if base is None:
        if not extended.is_file():
            wanted = f"a file at {extended.absolute()}"
            raise InputError([Problem(place, "extends", f"{name!r}, which is no file", wanted)])
        return merge(_base_layer(extended), layer)
    chosen = find_base(path, base)
    merged = merge(_base_layer(chosen), layer)
    return merged if _same_file(chosen, extended) else _renamed(merged, chosen)


def extends(path: Path) -> bool:
    """Whether `--base` means something for the file `path`. Raises InputError."""
    layer = read_layer(path)
    return "extends" in layer.data or _takes_all_arms(layer)


def _takes_all_arms(layer: Layer) -> bool:
    """Whether every arm is one of another experiment: then the base is theirs."""
    arms = layer.data.get("arms")
    return is_mapping(arms) and bool(arms) and all(is_mapping(each) and "from" in each for each in arms.values())


def _base_layer(path: Path) -> Layer:
    layer = read_layer(path)
    if "extends" in layer.data:
        inner = layer.origin(("extends",)).place
        raise InputError([Problem(inner, "extends", "a second level", "one level of `extends`", "Merge the two files")])
    return layer


def find_base(experiment: Path, base: str) -> Path:
    """The file that `--base` means: a name in the folder `base` beside the experiment, or a path."""
    folder = experiment.parent / "base"
    if "/" in base or base.endswith((".yaml", ".yml")):
        if Path(base).is_file():
            return Path(base)
        raise InputError([Problem(_OPTION, "", f"{base!r}, which is no file", f"a YAML file, or {_known(folder)}")])
    if (folder / f"{base}.yaml").is_file():
        return folder / f"{base}.yaml"
    names = [path.stem for path in folder.glob("*.yaml")]
    wanted = f"{_known(folder)}, or the path of a YAML file{nearest(base, names)}"
    raise InputError([Problem(_OPTION, "", repr(base), wanted)])


def _known(folder: Path) -> str:
    names = sorted(path.stem for path in folder.glob("*.yaml"))
    return f"one of {', '.join(names)} (in {folder})" if names else f"a name in {folder}, which holds no YAML file"


def _same_file(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _renamed(layer: Layer, base: Path) -> Layer:
    """`layer` under its name with the base's behind it; a name that is no text is left for the schema to refuse."""
    name = layer.data.get("name")
    if not isinstance(name, str):
        return layer
    ending = re.sub(r"[^a-z0-9]+", "-", base.stem.lower()).strip("-") or "base"
    origin = Origin(f"{_OPTION} {base}", layer.origin(("name",)).folder)
    return merge(layer, Layer({"name": f"{name}-{ending}"}, {("name",): origin}))
