"""Typed adapter over fsspec: an object store as names and whole objects below one address.

    Remote(s3://bucket/runs)   marks    name -> a mark that changes with the content, of all below a folder
                               read, write, fetch, send, delete      one object, never a part of one
                               create   only where there is none: one of all writers hears True

Credentials come from the environment or the machine's role, as the library of each store finds them; none is in an
address. Every refusal of a store, of the network or of a missing library is a StorageError that names the address.
"""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rcflab.errors import LabError, StorageError, first_line
from rcflab.faults import fault_point

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_MARKS = ("ETag", "etag", "md5Hash", "generation", "mtime", "created")
"""What stores call that which changes with an object's content."""
_CREDENTIALS = "Set the store's credentials in the environment (S3: AWS_ACCESS_KEY_ID .. or a role; AWS_ENDPOINT_URL)"


class Remote:
    """All objects below one address. Safe to use from several threads; opened at the first use."""

    def __init__(self, url: str) -> None:
        self.url = url

    def marks(self, folder: str) -> dict[str, str]:
        """Name, relative to the address, -> mark of every object below `folder`. Raises StorageError."""
        with self._told("list", folder):
            found = self._system.find(self._path(folder), detail=True)
        start = len(self._root) + 1
        return {path[start:]: _mark(info) for path, info in found.items() if not path.endswith("/")}

    def read(self, name: str) -> bytes | None:
        """Its content; None where there is no such object. Raises StorageError."""
        with self._told("read", name):
            try:
                return self._system.cat_file(self._path(name))
            except FileNotFoundError:
                return None

    def write(self, name: str, content: bytes) -> None:
        """Make or replace an object. Raises StorageError."""
        with self._told("write", name):
            self._system.pipe_file(self._path(name), content)

    def create(self, name: str, content: bytes) -> bool:
        """Make an object where there is none; False where there is one already. Raises StorageError."""
        with self._told("create", name):
            try:
                self._system.pipe_file(self._path(name), content, mode="create")
            except OSError as error:
                if isinstance(error, FileExistsError) or _is_refused_as_there(error):
                    return False
                raise
        return True

    def send(self, path: Path, name: str) -> None:
        """Make or replace an object with the content of a file. Raises StorageError."""
        with self._told("write", name):
            self._system.put_file(str(path), self._path(name))
        fault_point("store.sent")

    def fetch(self, name: str, path: Path) -> bool:
        """Write an object into the file `path`, whose folder is there; False where it is gone. Raises StorageError."""
        with self._told("read", name):
            try:
                self._system.get_file(self._path(name), str(path))
            except FileNotFoundError:
                return False
        return True

    def delete(self, names: Iterable[str]) -> None:
        """Remove objects; those that are gone already do not matter. Raises StorageError."""
        paths = [self._path(name) for name in names]
        with self._told("delete", paths[0] if paths else ""):
            if paths:
                try:
                    self._system.rm(paths)
                except FileNotFoundError:
                    return

    def written(self, name: str) -> datetime | None:
        """When an object was written last, on the store's clock; None where it is gone. Raises StorageError."""
        with self._told("look at", name):
            try:
                return self._system.modified(self._path(name))
            except FileNotFoundError:
                return None

    @cached_property
    def _opened(self) -> "tuple[AbstractFileSystem, str]":
        from fsspec.core import url_to_fs  # the library of a store is slow to import

        return url_to_fs(self.url, use_listings_cache=False)

    @property
    def _system(self) -> "AbstractFileSystem":
        return self._opened[0]

    @property
    def _root(self) -> str:
        return self._opened[1].rstrip("/")

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    @contextmanager
    def _told(self, action: str, name: str) -> Generator[None]:
        """The libraries of stores raise errors of many kinds."""
        try:
            yield
        except LabError:
            raise
        except (ImportError, ValueError) as error:
            hint = "Install the library of this store: pip install 'rcflab[s3]' or 'rcflab[gs]'"
            raise StorageError(f"{self.url}: cannot be opened: {first_line(error)}. {hint}") from error
        except Exception as error:
            told = f"{self.url}: could not {action} {name or 'it'}: {type(error).__name__}: {first_line(error)}"
            raise StorageError(f"{told}. {_CREDENTIALS}, check the address, then run the same command again") from error


def bytes_in(mark: str) -> int:
    """The size of the object that has this mark."""
    return int(mark.partition(":")[0])


def _mark(info: dict[str, Any]) -> str:
    known = next((str(info[name]) for name in _MARKS if info.get(name) is not None), "")
    return f"{info.get('size')}:{known}"


def _is_refused_as_there(error: OSError) -> bool:
    """S3's answers to If-None-Match: 412 where the object is there, 409 where another writer is at it."""
    return any(word in str(error) for word in ("PreconditionFailed", "pre-conditions", "ConditionalRequestConflict"))
