"""Every field of an experiment with its default, as comments of a YAML file: generated, so it is what the schema says.

schema --field_docs--> `#: what it means`
       --defaults----> `# field: default  # allowed values`      without the first `# ` a line of YAML
Pure.
"""

import json
import textwrap
from collections.abc import Iterator

from pydantic.fields import FieldInfo

from rcflab.field_docs import about, allowed, docs_of, may_be_none, parts_of
from rcflab.schema import EXPERIMENTS, Config

_WIDTH = 118
_WRITTEN = ("name", "baseline", "arms", "task", "seeds")
"""Fields that stand in every experiment, above its reference."""


def reference_lines(task: str) -> Iterator[str]:
    """All fields of an experiment of `task` but those that every experiment has written out."""
    model = EXPERIMENTS[task]
    docs = docs_of(model)
    single = [name for name, field in model.model_fields.items() if not _is_section(field) and name not in _WRITTEN]
    sections = [name for name, field in model.model_fields.items() if _is_section(field)]
    for name in single:
        yield "#"
        yield from _field(name, model.model_fields[name], docs.get(name, ""), "")
    for name in sections:
        yield "#"
        yield from _field(name, model.model_fields[name], docs.get(name, ""), "")


def _is_section(field: FieldInfo) -> bool:
    return isinstance(field.default, Config)


def _field(name: str, field: FieldInfo, doc: str, indent: str) -> Iterator[str]:
    if isinstance(field.default, Config):
        yield from _words(doc or about(type(field.default)), indent)
        yield f"# {indent}{name}:"
        yield from _fields(type(field.default), indent + "  ")
    else:
        limits = allowed(field) + (", or null" if allowed(field) and may_be_none(field) else "")
        yield from _words(doc, indent)
        yield f"# {indent}{name}: {_value(field)}{f'  # {limits}' if limits else ''}"
    for part in parts_of(field):
        if not isinstance(field.default, part):
            yield from _alternative(part, indent + "  ")


def _fields(model: type[Config], indent: str) -> Iterator[str]:
    docs = docs_of(model)
    for name, field in model.model_fields.items():
        yield from _field(name, field, docs.get(name, ""), indent)


def _alternative(model: type[Config], indent: str) -> Iterator[str]:
    """What may stand there instead: as words, since a file can have one of them only."""
    yield from _words(f"Or: {about(model)}", indent)
    for line in _fields(model, indent + "  "):
        yield f"#: {line[2:]}" if line.startswith("# ") else line


def _value(field: FieldInfo) -> str:
    if field.is_required():
        return "(needed)"
    return json.dumps(field.default, ensure_ascii=False)


def _words(text: str, indent: str) -> Iterator[str]:
    for line in textwrap.wrap(text, _WIDTH - len(indent) - 3):
        yield f"#: {indent}{line}"
