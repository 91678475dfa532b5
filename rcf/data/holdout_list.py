"""The list of a hold-out as a file, so that others get the same one.

Holdout --write_list--> holdout.json: digest of the source, seed, share, names of the videos of each part
        <--read_list--  all that is wrong with it at once, and whether it is of this source
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from rcf.data.contents import Contents
from rcf.data.fields import Row
from rcf.data.json_file import describe, read_json
from rcf.data.problems import Collector, refuse

LIST = "holdout.json"
_FORM = 1


@dataclass(frozen=True, slots=True)
class Holdout:
    """A split of a training set."""

    source: str
    """Digest of its contents (contents.py)."""
    share: float
    seed: int
    train: tuple[str, ...]
    """Names of videos, sorted."""
    val: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """What the file holds."""
        return {"form": _FORM, **asdict(self)}


def read_list(path: Path, contents: Contents) -> Holdout:
    """A stored list, which must be of these contents.

    Raises rcf.errors.InputError when it is no such list, was made of other contents, or does not name each video once.
    """
    document = read_json(path)
    if not isinstance(document, dict):
        refuse(path, "", describe(document), "a list of a hold-out")
    problems = Collector(str(path))
    row = Row(problems, "", document)
    if document.get("form") != _FORM:
        row.fault("form", f"{_FORM}, the form of {LIST}")
    source, share, seed = row.text("source"), row.measure("share"), row.integer("seed", 0)
    train, val = _names(row, "train"), _names(row, "val")
    if source is not None and source != contents.digest:
        hint = "Its videos or masks are not those that the list was made of: fetch the same release"
        problems.add("/source", source[:60], f"{contents.digest}, the digest of this set", hint)
    _compare(problems, (*train, *val), contents.objects)
    problems.raise_if_any()
    return Holdout(source or "", share or 0.0, seed or 0, train, val)


def _names(row: Row, key: str) -> tuple[str, ...]:
    values = row.array(key) or []
    if not all(isinstance(value, str) for value in values):
        row.fault(key, "a list of names of videos")
    return tuple(value for value in values if isinstance(value, str))


def _compare(problems: Collector, listed: tuple[str, ...], there: Iterable[str]) -> None:
    known, seen = set(there), set[str]()
    for name in listed:
        if name not in known:
            problems.add("", f"{name[:80]!r}, which the set does not have", "videos of the set")
        elif name in seen:
            problems.add("", f"{name[:80]!r} a second time", "each video once")
        seen.add(name)
    for name in sorted(known - seen):
        problems.add("", f"no {name[:80]!r}", "each video of the set, in one of the parts")
