"""How far a cell was shipped, on disk, written only after the store has acknowledged.

    <storage>/ship/<digest of the store's address>/<eval_key>.json

A cursor may be lost or stale without harm: what is sent again is stored once.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from rcflab.ledger.files import storage_errors

FORM = 1
"""Of what a run says. A cell that was described in an older form is described again, without sending rows twice."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """What the store has acknowledged for one cell."""

    run_id: str
    generation: int = 0
    events: int = 0
    """Ledger events of the train_key that are shipped, counted from its beginning."""
    ledger_bytes: int = -1
    """Size of the ledger at which nothing was left to do; -1 while something is."""
    described: str = ""
    """Digest of params and tags."""
    uploaded: tuple[str, ...] = ()
    """Marks of files that the store has."""
    status: str = ""
    form: int = 0


def ship_folder(storage: Path, uri: str) -> Path:
    """Where the cursors for the store at `uri` lie."""
    return storage / "ship" / hashlib.sha256(uri.encode()).hexdigest()[:16]


def read_cursor(folder: Path, eval_key: str) -> Cursor | None:
    """The cursor of a cell; None where there is none or it cannot be read."""
    try:
        value = json.loads((folder / f"{eval_key}.json").read_text(encoding="utf-8"))
        return Cursor(**(value | {"uploaded": tuple(value["uploaded"])}))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write_cursor(folder: Path, eval_key: str, cursor: Cursor) -> None:
    """Replace the cursor in one step; not fsynced, since an older one only costs a repetition. Raises StorageError."""
    path = folder / f"{eval_key}.json"
    hidden = folder / f".{eval_key}.json.tmp"
    with storage_errors(path, "write"):
        hidden.write_text(json.dumps(asdict(cursor)), encoding="utf-8")
        hidden.replace(path)


def run_ids(storage: Path, uri: str | None, eval_keys: Iterable[str]) -> dict[str, str]:
    """eval_key -> id of the run in the store at `uri`, of the cells that were shipped to it."""
    folder = ship_folder(storage, uri or "none")
    known = {key: read_cursor(folder, key) for key in eval_keys} if uri else {}
    return {key: cursor.run_id for key, cursor in known.items() if cursor is not None}
