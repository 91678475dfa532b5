"""What rcflab uses of Ray's utilities."""

from typing import TypedDict

class _Group(TypedDict):
    placement_group_id: str
    bundles: dict[int, dict[str, float]]
    state: str

def placement_group_table() -> dict[str, _Group]: ...
