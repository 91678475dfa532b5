"""What the schema says of its fields, read from its own sources: documentation that cannot be another's.

model --source, ast--> text below each field        annotation, metadata --> allowed values
"""

import ast
import inspect
import textwrap
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from rcflab.schema import Config


def docs_of(model: type[Config]) -> dict[str, str]:
    """Field -> its docstring as one line; fields without one are left out. Inherited fields are in it."""
    found: dict[str, str] = {}
    for each in reversed(model.__mro__):
        if issubclass(each, Config):
            found |= _own_docs(each)
    return found


def about(model: type[Config]) -> str:
    """The docstring of `model` as one line."""
    return _one_line(model.__doc__ or "")


def allowed(field: FieldInfo) -> str:
    """The values that `field` takes, where they are few or bounded: `one of "a", "b"`, `1 to 12`; else nothing."""
    choices = [_shown(value) for value in _literals(field.annotation)]
    if len(choices) > 1:
        return f"one of {', '.join(choices)}"
    low, high = _bound(field, "ge", "gt", "above "), _bound(field, "le", "lt", "below ")
    if low and high:
        return f"{low} to {high}"
    return f"at least {low}".replace("at least above", "above") if low else f"at most {high}" if high else ""


def parts_of(field: FieldInfo) -> list[type[Config]]:
    """The configurations that the value of `field` may be."""
    return list(dict.fromkeys(_configs(field.annotation)))


def may_be_none(field: FieldInfo) -> bool:
    """Whether null is a value of `field`."""
    return NoneType in get_args(field.annotation)


def _own_docs(model: type[Config]) -> dict[str, str]:
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    assert isinstance(node, ast.ClassDef)
    found: dict[str, str] = {}
    for field, below in zip(node.body, node.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
            found[field.target.id] = _one_line(below.value.value)
    return found


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _literals(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return [value for inner in get_args(annotation) if not isinstance(inner, str) for value in _literals(inner)]


def _configs(annotation: Any) -> list[type[Config]]:
    if isinstance(annotation, type) and issubclass(annotation, Config):
        return [annotation]
    return [found for inner in get_args(annotation) for found in _configs(inner)]


def _bound(field: FieldInfo, closed: str, opened: str, word: str) -> str:
    """The bound among the metadata of `field`, wherever in its annotation they stand."""
    for each in _metadata(field):
        if (value := getattr(each, closed, None)) is not None:
            return f"{value}"
        if (value := getattr(each, opened, None)) is not None:
            return f"{word}{value}"
    return ""


def _metadata(field: FieldInfo) -> list[Any]:
    found: list[Any] = list(field.metadata)
    for inner in get_args(field.annotation):
        of_inner = getattr(inner, "__metadata__", ())
        for each in of_inner:
            found += each.metadata if isinstance(each, FieldInfo) else [each]
    return found


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else f"{value}"
