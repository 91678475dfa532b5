"""What this machine has of a store: the mark of each object when it was fetched or sent.

<cache>/.marks/<two parts of the name>.json   name -> mark: equal to the store's, so nothing has to come again
"""

import json
from pathlib import Path

from rcflab.ledger.files import replace_json, storage_errors


class Marks:
    """Of the objects in one group: those whose names begin with the same two parts, say cells/<key>."""

    def __init__(self, root: Path, name: str) -> None:
        self._path = root / ".marks" / ("-".join(name.split("/")[:2]) + ".json")

    @property
    def lock(self) -> Path:
        """To be held from `read` to `write`. Raises StorageError where its folder cannot be made."""
        with storage_errors(self._path.parent, "create"):
            self._path.parent.mkdir(parents=True, exist_ok=True)
        return self._path.with_suffix(".lock")

    def read(self) -> dict[str, str]:
        """None known is as good as all lost: they come again."""
        try:
            return dict(json.loads(self._path.read_text()))
        except (OSError, ValueError, TypeError):
            return {}

    def write(self, marks: dict[str, str]) -> None:
        """Raises StorageError."""
        replace_json(self._path, marks)
