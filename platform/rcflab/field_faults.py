"""Turn what pydantic says into problems that a person can act on.

ValidationError --each error: loc, type, input--> Fault(loc, got, wanted, hint) --origins--> Problem
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from rcflab.records import Json
from rcflab.suggest import nearest
from rcflab.yaml_file import Loc, is_list, is_mapping


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault in plain data, at a location of that data."""

    loc: Loc
    got: str
    wanted: str
    hint: str = ""


def faults_of(error: ValidationError, model: type[BaseModel], data: Mapping[str, Json]) -> list[Fault]:
    """All faults of `error`, which came from validating `data` as `model`."""
    return [_fault(detail, model, data) for detail in error.errors(include_url=False)]


def _fault(detail: ErrorDetails, model: type[BaseModel], data: Mapping[str, Json]) -> Fault:
    loc = _data_loc(detail["loc"], data)
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        name = str(loc[-1])
        known = sorted(_fields_around(model, detail["loc"]))
        hint = nearest(name, known) or elsewhere(name, model)
        return Fault(loc, f"the unknown field {name!r}", f"one of {', '.join(known)}", hint.removeprefix("; "))
    if kind == "missing":
        return Fault(loc, "nothing", "a value")
    if kind == "union_tag_not_found":
        return Fault((*loc, "kind"), "nothing", "the kind of data, 'synthetic' or 'ytvis'")
    if kind == "union_tag_invalid":
        return Fault((*loc, "kind"), repr(context.get("tag")), f"one of {context.get('expected_tags')}")
    wanted = detail["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    if kind == "dict_type":
        wanted = "a mapping; {} stands for no change"
    return Fault(loc, "a value that may be secret" if _may_be_secret(loc) else _shown(detail["input"]), wanted)


def _may_be_secret(loc: Loc) -> bool:
    """Addresses and commands of hooks; what they are told of is no secret. An address of MLflow may hold a password."""
    return loc[:2] == ("tracking", "uri") or (loc[:1] == ("notify",) and "on" not in loc)


def _shown(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _data_loc(loc: Loc, data: Json) -> Loc:
    """Drop the tags of unions and the markers of keys, which pydantic puts between the names of fields."""
    kept: list[str | int] = []
    for part in loc:
        tagged = is_mapping(data) and part not in data and part == data.get("kind")
        if tagged or part == "[key]":
            continue
        kept.append(part)
        if is_mapping(data):
            data = data.get(str(part))
        elif is_list(data) and isinstance(part, int) and part < len(data):
            data = data[part]
    return tuple(kept)


def _fields_around(model: type[BaseModel], loc: Loc) -> Iterator[str]:
    """The names of the fields beside the last part of pydantic's `loc`."""
    current: type[BaseModel] | None = model
    options: dict[str, type[BaseModel]] = {}
    for part in loc[:-1]:
        if str(part) in options:
            current, options = options[str(part)], {}
        elif current and str(part) in current.model_fields:
            models = list(_models_in(current.model_fields[str(part)].annotation))
            current = models[0] if len(models) == 1 else None
            options = {str(item.model_fields["kind"].default): item for item in models if "kind" in item.model_fields}
    yield from current.model_fields if current else ()


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The configuration classes that a field's annotation allows."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (Annotated, Union, UnionType, tuple):
        for item in get_args(annotation):
            yield from _models_in(item)


def elsewhere(name: str, model: type[BaseModel]) -> str:
    """A hint at the full path of a field that has this name in another place."""
    found = [path for path in field_paths(model) if path.rpartition(".")[2] == name]
    return f"did you mean {' or '.join(repr(path) for path in found[:3])}?" if found else ""


def field_paths(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The dotted path of every field of `model` and of its parts; one that several kinds have, more than once."""
    for name, info in model.model_fields.items():
        yield f"{prefix}{name}"
        for inner in _models_in(info.annotation):
            yield from field_paths(inner, f"{prefix}{name}.")
