"""What a storage root is kept in besides its folder: nothing more, or an object store that has the last word.

    PlainFolder    the folder is all there is: every call does nothing
    ObjectMirror   the folder is this machine's cache of a store
                   keep    a file counts as written once the store has it, a folder's manifest last of all
                   fetch   the folder becomes like the store; exactly so where its owner takes it over
                   drop    gone from the store, a manifest first of all

A folder that holds a manifest is a whole that appears and vanishes with it: without it in the store, it is not there.
"""

import re
import uuid
from collections.abc import Callable, Container, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeVar

from rcflab.errors import InputError, Problem
from rcflab.ledger.files import file_lock, replace_bytes, storage_errors
from rcflab.storage.claims import Claims, ObjectClaims, SoleClaims, token_of
from rcflab.storage.marks import Marks
from rcflab.storage.remote import Remote, bytes_in

MANIFEST = "manifest.json"
_AT_ONCE = 16
"""Requests: a store answers each after tens of milliseconds, however many there are."""
_CHECKPOINT = re.compile(r"(cells/[^/]+/checkpoints/(?:best/)?step-\d+)/")
_LOCK_S = 600.0
"""For another process of this machine that fetches the same folder."""
Item = TypeVar("Item")
Result = TypeVar("Result")


class Mirror(Protocol):
    """See the figure above. Names are relative to the storage root; every call may raise StorageError."""

    def fetch(self, *folders: str) -> None:
        """Bring what the store has below each folder; what the store had, and has no more, goes."""
        ...

    def take_over(self, key: str) -> None:
        """Bring all of one training, for its owner: what did not reach the store as a whole goes on both sides."""
        ...

    def fetch_ledgers(self, keys: Iterable[str]) -> None:
        """Bring the valid segments of each key, and who holds it."""
        ...

    def write(self, path: Path, content: bytes) -> None:
        """Make the file `path`, whose folder is there; a reader sees all of it or nothing."""
        ...

    def keep(self, *paths: Path) -> None:
        """Bring files and folders, below the storage root, to the store."""
        ...

    def drop(self, *paths: Path) -> None:
        """Remove files and folders from the store alone."""
        ...

    def check(self) -> None:
        """Raises InputError for a store that cannot keep two machines apart, StorageError for one that refuses us."""
        ...

    def keys(self) -> list[str]:
        """Of every training in the store."""
        ...

    def bytes_of(self, folder: str) -> int:
        """Size of what is kept below a folder."""
        ...

    def claims(self, key: str) -> Claims:
        """Who may write under a key, over all machines."""
        ...

    @property
    def is_remote(self) -> bool:
        """Whether there is a store at all."""
        ...


class PlainFolder:
    """A storage root that is a folder, which all nodes share."""

    is_remote = False

    def fetch(self, *folders: str) -> None:
        """It is there."""

    def take_over(self, key: str) -> None:
        """It is there."""

    def fetch_ledgers(self, keys: Iterable[str]) -> None:
        """They are there."""

    def write(self, path: Path, content: bytes) -> None:
        """See Mirror."""
        replace_bytes(path, content)

    def keep(self, *paths: Path) -> None:
        """They are kept."""

    def drop(self, *paths: Path) -> None:
        """They are gone."""

    def check(self) -> None:
        """Its leases are files with locks."""

    def keys(self) -> list[str]:
        """Nobody has to fetch them."""
        return []

    def bytes_of(self, folder: str) -> int:
        """Nobody asks whom the folder can answer."""
        return 0

    def claims(self, key: str) -> Claims:
        """The lease in the folder says it all."""
        return SoleClaims()


PLAIN = PlainFolder()


class ObjectMirror:
    """The folder `root` as cache of a store. Safe to use from several threads and processes."""

    is_remote = True

    def __init__(self, root: Path, remote: Remote) -> None:
        self._root, self._remote = root, remote

    def fetch(self, *folders: str) -> None:
        """See Mirror."""
        _all_of(self._fetch, folders)

    def take_over(self, key: str) -> None:
        """See Mirror."""
        folder = f"cells/{key}"
        self.fetch_ledgers((key,))
        there = self._fetch(folder)
        self._remote.delete(name for name in self._remote.marks(folder) if name not in there)
        with storage_errors(self._root / folder, "clear"):
            for path in sorted((self._root / folder).rglob("*"), reverse=True):
                name = path.relative_to(self._root).as_posix()
                if path.is_file() and name not in there:
                    path.unlink(missing_ok=True)
                elif path.is_dir() and not any(path.iterdir()):
                    path.rmdir()

    def fetch_ledgers(self, keys: Iterable[str]) -> None:
        """See Mirror."""
        _all_of(self._fetch_ledger, keys)

    def write(self, path: Path, content: bytes) -> None:
        """See Mirror: first into the store, so that no reader of this machine knows more than those of the others."""
        self._remote.write(self._name(path), content)
        replace_bytes(path, content)

    def keep(self, *paths: Path) -> None:
        """See Mirror."""
        for path in paths:
            self._keep(path)

    def drop(self, *paths: Path) -> None:
        """See Mirror."""
        for path in paths:
            names = sorted(self._remote.marks(self._name(path))) or [self._name(path)]
            self._remote.delete([name for name in names if name.endswith(f"/{MANIFEST}")])
            self._remote.delete([name for name in names if not name.endswith(f"/{MANIFEST}")])

    def check(self) -> None:
        """See Mirror."""
        name = f".probe-{uuid.uuid4().hex}"
        self._remote.create(name, b"")
        try:
            again = self._remote.create(name, b"")
        finally:
            self._remote.delete([name])
        if again:
            wanted = "a store that makes an object once where it is asked to (If-None-Match on S3)"
            hint = "Without it two machines could train one cell; take a newer version of the store, or a shared folder"
            raise InputError([Problem("storage.root", "", self._remote.url, wanted, hint)])

    def keys(self) -> list[str]:
        """See Mirror."""
        return sorted({name.split("/")[1] for name in self._remote.marks("ledger")})

    def bytes_of(self, folder: str) -> int:
        """See Mirror."""
        return sum(bytes_in(mark) for mark in self._remote.marks(folder).values())

    def claims(self, key: str) -> Claims:
        """See Mirror."""
        return self._claims(key)

    def _claims(self, key: str) -> ObjectClaims:
        return ObjectClaims(self._remote, key, self._root / "ledger" / key / "lease.json")

    def _keep(self, path: Path) -> None:
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        names = {self._name(each): each for each in found if each.is_file() and not _is_hidden(self._name(each))}
        manifests = [name for name in names if name.endswith(f"/{MANIFEST}")]
        if manifests:
            self._remote.delete(manifests)  # of an elder whole in the same place: it must not vouch for these
        _all_of(lambda name: self._remote.send(names[name], name), [n for n in names if n not in manifests])
        _all_of(lambda name: self._remote.send(names[name], name), manifests)
        sent = self._remote.marks(self._name(path if path.is_dir() else path.parent))
        marks = Marks(self._root, self._name(path))
        with file_lock(marks.lock, _LOCK_S):
            marks.write(marks.read() | {name: sent[name] for name in names if name in sent})

    def _fetch(self, folder: str) -> Mapping[str, str]:
        """Bring what is below `folder`; returns names and marks, without the parts of what is not whole."""
        before = Marks(self._root, folder).read()
        found = self._remote.marks(folder)
        there = {name: mark for name, mark in found.items() if _is_vouched_for(name, found)}
        self._bring(folder, there, before)
        return there

    def _fetch_ledger(self, key: str) -> None:
        folder = f"ledger/{key}"
        before = Marks(self._root, folder).read()
        found = self._claims(key).look()
        if found.newest is None:
            return
        valid = {f"{folder}/{name}": mark for name, mark in found.segments.items()}
        self._bring(folder, valid, before)
        with storage_errors(self._root / folder, "clear"):
            for path in (self._root / folder).glob("*-*.jsonl"):
                # Of an elder owner, and in no list: written after it had lost the key.
                if token_of(path.name) < found.newest.token and self._name(path) not in valid:
                    path.unlink(missing_ok=True)
        found.newest.write_lease(self._root / folder / "lease.json")

    def _bring(self, folder: str, there: Mapping[str, str], before: Mapping[str, str]) -> None:
        """Make `folder` like `there`: fetch what has another mark, remove what was here `before` that and is gone."""
        if not there and not before:
            return
        marks = Marks(self._root, folder)
        with file_lock(marks.lock, _LOCK_S):
            known = marks.read()
            new = [n for n, mark in there.items() if known.get(n) != mark or not (self._root / n).is_file()]
            came = {name for name, is_there in zip(new, _all_of(self._get, new), strict=True) if is_there}
            gone = [name for name in before if name not in there and _is_below(name, folder)]
            with storage_errors(self._root / folder, "remove"):
                for name in gone:
                    (self._root / name).unlink(missing_ok=True)
            if came or gone:
                rest = {name: mark for name, mark in known.items() if name not in gone}
                marks.write(rest | {name: there[name] for name in came})

    def _get(self, name: str) -> bool:
        path = self._root / name
        hidden = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        with storage_errors(path, "write"):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                if not self._remote.fetch(name, hidden):
                    return False
                hidden.replace(path)
            finally:
                hidden.unlink(missing_ok=True)
        return True

    def _name(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()


def _all_of(act: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Each of them, many at once; raises what the first of them raised."""
    waiting = list(items)
    if len(waiting) < 2:
        return [act(item) for item in waiting]
    with ThreadPoolExecutor(min(_AT_ONCE, len(waiting))) as pool:
        return list(pool.map(act, waiting))


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))


def _is_vouched_for(name: str, there: Container[str]) -> bool:
    """Whether it is no part of a checkpoint, or of one that is whole."""
    checkpoint = _CHECKPOINT.match(name)
    return checkpoint is None or f"{checkpoint[1]}/{MANIFEST}" in there


def _is_below(name: str, folder: str) -> bool:
    return name == folder or name.startswith(f"{folder}/")
