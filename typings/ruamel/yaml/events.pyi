from ruamel.yaml.error import StringMark

class Event:
    start_mark: StringMark

class AliasEvent(Event): ...

class NodeEvent(Event):
    tag: str | None

class ScalarEvent(NodeEvent): ...
class CollectionStartEvent(NodeEvent): ...
class CollectionEndEvent(Event): ...

class DocumentStartEvent(Event):
    version: tuple[int, int] | None
    tags: dict[str, str] | None
