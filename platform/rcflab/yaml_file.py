"""Read a YAML file that may have been written by anyone.

    bytes --size, UTF-8--> text --events: tags, aliases, depth, count--> nodes --keys--> Layer(data, origins)

Nothing is constructed before the events have passed, and only null, bool, int, float, text, lists and mappings ever
are. Each value keeps its line and column, so that a later fault can point at it.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeGuard

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StringMark, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, DocumentStartEvent, NodeEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from rcflab.errors import InputError, Problem
from rcflab.records import Json

MAX_BYTES, MAX_DEPTH, MAX_EVENTS, MAX_ALIASES = 1_000_000, 32, 20_000, 16
_TAG = "tag:yaml.org,2002:"
_FLOAT_WORDS = {".inf": "inf", "+.inf": "inf", "-.inf": "-inf", ".nan": "nan"}

Loc = tuple[str | int, ...]


def is_mapping(value: Json) -> TypeGuard[dict[str, Json]]:
    """Whether a value read from YAML is a mapping."""
    return isinstance(value, dict)


def is_list(value: Json) -> TypeGuard[list[Json]]:
    """Whether a value read from YAML is a list."""
    return isinstance(value, list)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was written."""

    place: str
    """`file:line:column`, or the command line option."""
    folder: Path
    """Folder that a relative path in this value starts from."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Plain data with the origin of each of its values."""

    data: dict[str, Json]
    origins: dict[Loc, Origin]

    def origin(self, loc: Loc) -> Origin:
        """The origin of the value at `loc`, or of the nearest value around it."""
        while loc and loc not in self.origins:
            loc = loc[:-1]
        return self.origins[loc]


def read_layer(path: Path) -> Layer:
    """Read the mapping in the file `path`; raises InputError naming file, line and column."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _fault(str(path), error.strerror or "an unreadable file", "a readable YAML file") from error
    if len(raw) > MAX_BYTES:
        raise _fault(str(path), f"more than {MAX_BYTES} bytes", f"at most {MAX_BYTES} bytes")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _fault(str(path), f"byte 0x{raw[error.start]:02x} at offset {error.start}", "UTF-8 text") from error
    return parse_layer(text, str(path), path.parent.absolute())


def parse_layer(text: str, name: str, folder: Path) -> Layer:
    """Parse `text` into a mapping with origins; `name` stands for the file in faults."""
    reader = _Reader(name, folder)
    value = reader.read(text)
    if not is_mapping(value):
        raise _fault(name, _kind(value), "a mapping of fields at the top level")
    return Layer(value, reader.origins)


def parse_value(text: str, name: str, folder: Path) -> Json:
    """Parse one YAML value, as `--set` takes it."""
    return _Reader(name, folder).read(text)


def _fault(place: str, got: str, wanted: str, hint: str = "") -> InputError:
    return InputError([Problem(place, "", got, wanted, hint)])


def _kind(value: Json) -> str:
    return "a list" if is_list(value) else "nothing" if value is None else f"{value!r}"[:80]


@dataclass
class _Reader:
    """One document on its way from text to plain data."""

    name: str
    folder: Path
    origins: dict[Loc, Origin] = field(default_factory=dict[Loc, Origin])
    nodes: int = 0

    def read(self, text: str) -> Json:
        try:
            self._scan(text)
            root = YAML(typ="safe", pure=True).compose(text)
        except MarkedYAMLError as error:
            parts = [part for part in (error.context, error.problem) if part]
            raise self._at(error.problem_mark, ", ".join(parts) or "broken YAML", "valid YAML 1.2") from error
        except YAMLError as error:
            raise _fault(self.name, " ".join(str(error).split()), "valid YAML 1.2") from error
        return None if root is None else self._build(root, ())

    def _at(self, mark: StringMark | None, got: str, wanted: str, hint: str = "") -> InputError:
        return _fault(self._place(mark), got, wanted, hint)

    def _place(self, mark: StringMark | None) -> str:
        return self.name if mark is None else f"{self.name}:{mark.line + 1}:{mark.column + 1}"

    def _scan(self, text: str) -> None:
        """Refuse what is dangerous or surprising while it is still a stream of events."""
        depth = documents = aliases = 0
        for count, event in enumerate(YAML(typ="safe", pure=True).parse(text)):
            mark = event.start_mark
            if count > MAX_EVENTS:
                raise self._at(mark, "too many values", f"at most {MAX_EVENTS} YAML events in a file")
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1 or event.version or event.tags:
                    raise self._at(mark, "a directive or a second document", "one plain YAML document")
            elif isinstance(event, AliasEvent):
                aliases += 1
                if aliases > MAX_ALIASES:
                    raise self._at(mark, "too many aliases", f"at most {MAX_ALIASES} aliases in a file")
            elif isinstance(event, NodeEvent) and event.tag:
                raise self._at(mark, f"the tag {event.tag!r}", "a value without a tag", "Remove the tag")
            depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise self._at(mark, "too deep nesting", f"at most {MAX_DEPTH} levels")

    def _build(self, node: Node, loc: Loc) -> Json:
        self.nodes += 1
        if len(loc) > MAX_DEPTH or self.nodes > MAX_EVENTS:
            raise self._at(node.start_mark, "aliases that grow without end", "plain values", "Write the values out")
        self.origins[loc] = Origin(self._place(node.start_mark), self.folder)
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        if isinstance(node, SequenceNode):
            return [self._build(item, (*loc, index)) for index, item in enumerate(node.value)]
        assert isinstance(node, MappingNode)
        built: dict[str, Json] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            if key in built:
                raise self._at(key_node.start_mark, f"the key {key!r} a second time", "each key once")
            built[key] = self._build(value_node, (*loc, key))
        return built

    def _key(self, node: Node) -> str:
        if isinstance(node, ScalarNode) and node.tag == f"{_TAG}merge":
            raise self._at(node.start_mark, "the merge key '<<'", "fields written out", "Use `extends:`")
        if isinstance(node, ScalarNode) and node.tag == f"{_TAG}str":
            return node.value
        got = f"the key {node.value!r}" if isinstance(node, ScalarNode) else "a list or mapping as key"
        raise self._at(node.start_mark, got, "a name made of text", "Put it in quotes")

    def _scalar(self, node: ScalarNode) -> Json:
        text, kind = node.value, node.tag.removeprefix(_TAG)
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind == "int" and len(text) > 40:
            raise self._at(node.start_mark, f"a number of {len(text)} digits", "at most 40 digits")
        if kind == "int":
            base = {"0x": 16, "0o": 8, "0b": 2}.get(re.sub(r"^[+-]", "", text)[:2], 10)
            return int(text, base)
        if kind == "float":
            return float(_FLOAT_WORDS.get(text.lower(), text))
        return text
