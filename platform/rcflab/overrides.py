"""Layers of fields, one over the other.

    base file <-- experiment file <-- --set options        deep merge, the later one wins
                                 <-- one arm's {dotted.path: value}

Pure: layers in, a new layer out. A mapping with another `kind` replaces its elder, since it is another type.
"""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from rcflab.errors import InputError, Problem
from rcflab.records import Json
from rcflab.storage.address import cache_of, fault_of_url, is_url
from rcflab.yaml_file import Layer, Loc, Origin, is_list, is_mapping, parse_value

_VARIABLE = re.compile(r"\$\{(?:env:([A-Za-z_][A-Za-z0-9_]*)|[^}]*)\}?")
_PATH_FIELDS: tuple[Loc, ...] = (
    ("data", "root"),
    ("data", "images", "root"),
    ("training", "start_from"),
    ("storage", "root"),
)
_FILE_FIELDS: tuple[Loc, ...] = (
    ("model", "backbone", "weights"),
    ("model", "audio", "weights"),
    ("data", "images", "category_map"),
)
"""What may be `file:PATH`, or the name of something that is no file."""


def merge(base: Layer, over: Layer) -> Layer:
    """`over` laid on `base`: mappings merge, everything else is replaced."""
    data = dict(base.data)
    origins = dict(base.origins)
    _merge_into(data, over.data, (), origins, over.origins)
    return Layer(data, origins)


def _merge_into(
    base: dict[str, Json], over: Mapping[str, Json], loc: Loc, origins: dict[Loc, Origin], new: Mapping[Loc, Origin]
) -> None:
    for key, value in over.items():
        here, old = (*loc, key), base.get(key)
        if is_mapping(old) and is_mapping(value) and _same_kind(old, value) and not _is_domain(here):
            base[key] = merged = dict(old)
            _merge_into(merged, value, here, origins, new)
            continue
        for stale in [path for path in origins if path[: len(here)] == here]:
            del origins[stale]
        origins |= {path: origin for path, origin in new.items() if path[: len(here)] == here}
        base[key] = value


def _is_domain(loc: Loc) -> bool:
    """What a field of a search may be: a range over a choice is no range with a choice in it."""
    return loc[:2] == ("search", "space") and len(loc) == 3


def _same_kind(old: Mapping[str, Json], new: Mapping[str, Json]) -> bool:
    return new.get("kind", old.get("kind")) == old.get("kind")


def nest(fields: Mapping[str, Json], origins: Mapping[str, Origin], place: str) -> Layer:
    """Turn {dotted path: value} into a layer; raises InputError when two paths write the same field.

    `origins` has the origin of each dotted path; `place` is where the fields stand, for faults.
    """
    data: dict[str, Json] = {}
    found: dict[Loc, Origin] = {}
    problems: list[Problem] = []
    for path, value in fields.items():
        parts = tuple(path.split("."))
        fault = _put(data, parts, value)
        if fault:
            problems.append(Problem(origins[path].place, f"{place}{path}", fault, "a field that is written once"))
        found |= {parts[: length + 1]: origins[path] for length in range(len(parts))}
    if problems:
        raise InputError(problems)
    return Layer(data, found)


def _put(data: dict[str, Json], parts: tuple[str, ...], value: Json) -> str:
    """Put `value` at `parts`; returns what is wrong with that, or nothing."""
    if not all(parts):
        return "a path with an empty part"
    for part in parts[:-1]:
        inner: Json = data.setdefault(part, {})
        if not is_mapping(inner):
            return "a path through a value that the same mapping sets"
        data = inner
    if parts[-1] in data:
        return "a field that the same mapping sets already"
    data[parts[-1]] = value
    return ""


def set_layer(options: Sequence[str], arms: Sequence[str], folder: Path) -> Layer:
    """The layer of `--set dotted.path=value` options; the last one wins. Values are YAML, paths start in `folder`.

    `arms` are the known arm names: a path `arms.NAME.rest` keeps its rest dotted, as arms are written; so does a path
    below `factors`, `when` or `generators`, and one below `search.space`, `search.when` or `search.objective`.
    """
    layer = Layer({}, {})
    problems: list[Problem] = []
    for option in options:
        path, equals, text = option.partition("=")
        place = f"--set {path}"
        if not equals or not all(path.split(".")):
            problems.append(Problem("--set", "", repr(option), "dotted.path=value", "Say --set training.steps=100"))
            continue
        parts = _set_parts(path, arms)
        origin = Origin(place, folder)
        data: dict[str, Json] = {}
        _put(data, parts, parse_value(text, place, folder))
        origins: dict[Loc, Origin] = {parts[: length + 1]: origin for length in range(len(parts))}
        layer = merge(layer, Layer(data, origins))
    if problems:
        raise InputError(problems)
    return layer


def _set_parts(path: str, arms: Sequence[str]) -> tuple[str, ...]:
    if path.startswith("arms."):
        for name in sorted(arms, key=len, reverse=True):
            if path.startswith(f"arms.{name}."):
                return ("arms", name, path.removeprefix(f"arms.{name}."))
    field, _, rest = path.partition(".")
    if field in ("factors", "when", "generators"):  # their keys are dotted paths
        return (field, rest)
    if path.startswith(("search.space.", "search.when.", "search.objective.")):
        return tuple(path.split(".", 2))
    return tuple(path.split("."))


def fill_variables(layer: Layer, environment: Mapping[str, str], folder: Path) -> Layer:
    """Replace `${env:NAME}` in text values; a path from a variable starts in `folder`. Raises InputError.

    Those below `notify` stay: what they hold may be secret, and only who sends it fills them in (rcflab.notify).
    """
    origins = dict(layer.origins)
    problems: list[Problem] = []

    def fill(value: Json, loc: Loc) -> Json:
        if loc[:1] == ("notify",):
            return value
        if is_mapping(value):
            return {key: fill(item, (*loc, key)) for key, item in value.items()}
        if is_list(value):
            return [fill(item, (*loc, index)) for index, item in enumerate(value)]
        if not isinstance(value, str) or "${" not in value:
            return value
        origin = layer.origin(loc)
        for match in _VARIABLE.finditer(value):
            if match[1] is None or not match[0].endswith("}"):
                problems.append(Problem(origin.place, dotted(loc), repr(match[0]), "${env:NAME}"))
            elif match[1] not in environment:
                hint = f"Set it: {match[1]}=... rcflab ..."
                problems.append(Problem(origin.place, dotted(loc), f"{match[0]}, which is not set", "a variable", hint))
        origins[loc] = Origin(origin.place, folder)
        return _VARIABLE.sub(lambda match: environment.get(match[1] or "", ""), value)

    data = fill(layer.data, ())
    if problems:
        raise InputError(problems)
    return Layer(data, origins)


def absolute_paths(layer: Layer, root: Path) -> Layer:
    """Make the paths in `layer` absolute: each from the folder where it was written, `storage.root` from `root`.

    Data with an address is read from where this machine keeps a copy of it.
    """
    data = dict(layer.data)
    for loc in (*_PATH_FIELDS, *_FILE_FIELDS):
        value = _value_at(data, loc)
        if not isinstance(value, str) or not value:
            continue
        start = root if loc[0] == "storage" else layer.origin(loc).folder
        scheme = "file:" if loc in _FILE_FIELDS else ""
        if is_url(value):
            if loc[0] == "data" and fault_of_url(value) is None:
                data = _replaced(data, loc, str(cache_of(value, "data")))
        elif value.startswith(scheme):
            path = Path(os.path.normpath(start / Path(value.removeprefix(scheme)).expanduser()))
            data = _replaced(data, loc, f"{scheme}{path}")
    return Layer(data, layer.origins)


def with_default(layer: Layer, loc: Loc, value: Json) -> Layer:
    """`layer` with `value` at `loc` where nothing is written; unchanged where what is around `loc` is no mapping."""
    around = _value_at(layer.data, loc[:-1])
    if around is not None and (not is_mapping(around) or loc[-1] in around):
        return layer
    data: dict[str, Json] = {}
    _put(data, tuple(str(part) for part in loc), value)
    return merge(layer, Layer(data, {}))


def _value_at(data: Json, loc: Loc) -> Json:
    for part in loc:
        data = data.get(str(part)) if is_mapping(data) else None
    return data


def _replaced(data: dict[str, Json], loc: Loc, value: Json) -> dict[str, Json]:
    key = str(loc[0])
    return {**data, key: _replaced(data[key], loc[1:], value) if len(loc) > 1 else value}


def dotted(loc: Loc) -> str:
    """The dotted path of `loc`."""
    return ".".join(str(part) for part in loc)
