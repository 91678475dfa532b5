"""Whether this MLflow can use a store, asked before anything starts and without loading MLflow.

    sqlite file --alembic_version--> a revision that MLflow's own migrations know and end at? --> fine
                                                                   `--> one clear InputError

A store that does not answer is no fault here: a run goes on without it, and sends later.
"""

import importlib.util
import re
import sqlite3
from contextlib import closing
from pathlib import Path

from rcflab.errors import InputError, Problem

_SQLITE = "sqlite:///"
_PARENT = re.compile(r"""^down_revision\s*(?::[^=]*)?=\s*["']([0-9a-f]+)["']""", re.MULTILINE)
_OWN = re.compile(r"""^revision\s*(?::[^=]*)?=\s*["']([0-9a-f]+)["']""", re.MULTILINE)


def refuse_other_schema(uri: str) -> None:
    """Raise InputError where `uri` is an SQLite file that another version of MLflow wrote."""
    if not uri.startswith(_SQLITE):
        return
    path = Path(uri.removeprefix(_SQLITE))
    found = _revision(path)
    if found is None:
        return
    known, last = _migrations()
    if not last or found == last:
        return
    if found in known:
        wanted = f"the schema {last} of the installed MLflow"
        hint = f"Back the file up, then upgrade it with: mlflow db upgrade {uri}"
    else:
        wanted = f"a schema that the installed MLflow knows (its newest is {last})"
        hint = "A newer MLflow wrote it: install that version, or set tracking.uri to another store"
    raise InputError([Problem(str(path), "tracking.uri", f"an MLflow database of schema {found}", wanted, hint)])


def _revision(path: Path) -> str | None:
    """The schema of a database file; None where there is none, or none that can be read."""
    if not path.is_file():
        return None
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1.0)) as database:
            row = database.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error:
        return None
    return None if row is None else str(row[0])


def _migrations() -> tuple[frozenset[str], str]:
    """All revisions of the installed MLflow and the last one; empty where they cannot be told."""
    spec = importlib.util.find_spec("mlflow")
    if spec is None or not spec.submodule_search_locations:
        return frozenset(), ""
    folder = Path(spec.submodule_search_locations[0]) / "store" / "db_migrations" / "versions"
    texts = [path.read_text(encoding="utf-8") for path in folder.glob("*.py")]
    known = frozenset(match[1] for text in texts if (match := _OWN.search(text)))
    parents = {match[1] for text in texts if (match := _PARENT.search(text))}
    ends = known - parents
    return known, next(iter(ends)) if len(ends) == 1 else ""
