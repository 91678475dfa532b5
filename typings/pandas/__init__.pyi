"""Only what rcflab makes with pandas: tables from rows."""

from collections.abc import Mapping, Sequence
from typing import Any

class DataFrame:
    def __init__(self, data: Sequence[Mapping[str, Any]], *, columns: Sequence[str] | None = None) -> None: ...
