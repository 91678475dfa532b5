"""Sets of data that lie in a store of objects: fetched once per machine, and known by the digest of every file.

    s3://bucket/avis --fetch_data--> <cache>/data/s3/bucket/avis/...       new and changed files only
                                     <cache>/data/.digests/<set>.json      name -> mark, bytes, sha256
                                     --> digest of the whole set: every node must come to the driver's

A set is used like any folder, and its content, not its address, is part of a key.
"""

import hashlib
import json
import socket
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rcflab.errors import StorageError
from rcflab.ledger.files import file_lock, replace_json, storage_errors
from rcflab.records import Json
from rcflab.storage.address import cache_of, cache_root, url_of
from rcflab.storage.remote import Remote, bytes_in
from rcflab.yaml_file import is_list, is_mapping

_AT_ONCE = 16
_LOCK_S = 24 * 3600.0
"""Another process of this machine fetches the set: however large it is."""
Heard = Callable[[int, int], None]
"""Bytes that came, and bytes in all."""
Digest = dict[str, Json]
"""`mark` in the store, `sha256` here."""


def addresses_in(configs: Iterable[Mapping[str, Json]]) -> list[str]:
    """The addresses of all data that these configurations read from this machine's cache."""
    roots = {root for config in configs for root in _roots(config.get("data"))}
    return sorted(url for root in roots if (url := url_of(Path(root), "data")) is not None)


def fetch_data(url: str, heard: Heard = lambda done, total: None) -> str:
    """Bring the set at `url` to this machine and return the digest of its content. Raises StorageError."""
    folder = cache_of(url, "data")
    record = _record_of(folder)
    with storage_errors(record.parent, "create"):
        record.parent.mkdir(parents=True, exist_ok=True)
    with file_lock(record.with_suffix(".lock"), _LOCK_S):
        remote, known = Remote(url), _read(record)
        there = remote.marks("")
        if not there:
            raise StorageError(f"{url}: nothing is there. Check data.root, and that these credentials may list it")
        new = [name for name in there if not _is_known(folder / name, there[name], known.get(name))]
        digests: dict[str, Digest] = {name: known[name] for name in there if name not in new}
        for name, sha256 in _fetched(remote, {name: bytes_in(there[name]) for name in new}, folder, heard):
            digests[name] = {"mark": there[name], "sha256": sha256}
        for name in known:
            if name not in there:
                (folder / name).unlink(missing_ok=True)
        if digests != known:
            replace_json(record, digests)
    lines = [f"{name} {digests[name]['sha256']}" for name in sorted(digests)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def check_data(wanted: Mapping[str, str]) -> None:
    """Fetch each address and compare its content with the digest that the driver has. Raises StorageError."""
    for url, digest in wanted.items():
        found = fetch_data(url)
        if found != digest:
            raise StorageError(
                f"{url}: node {socket.gethostname()} has content {found[:12]}, the driver {digest[:12]}: it was "
                "changed while the run started. Leave a set as it is once it is used; run the same command again"
            )


def _fetched(remote: Remote, sizes: Mapping[str, int], folder: Path, heard: Heard) -> Iterator[tuple[str, str]]:
    """Name and sha256 of each file, as they come."""

    def fetch(name: str) -> str:
        return _fetch(remote, name, folder / name)

    done, total = 0, sum(sizes.values())
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for name, sha256 in zip(sizes, pool.map(fetch, sizes), strict=True):
            yield name, sha256
            done += sizes[name]
            heard(done, total)


def _fetch(remote: Remote, name: str, path: Path) -> str:
    hidden = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    with storage_errors(path, "write"):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            if not remote.fetch(name, hidden):
                raise StorageError(f"{remote.url}/{name}: it was removed while it was fetched. Run the command again")
            with hidden.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            hidden.replace(path)
        finally:
            hidden.unlink(missing_ok=True)
    return digest


def _is_known(path: Path, mark: str, known: Digest | None) -> bool:
    """Whether the file is here as the store has it; a file that was cut off or removed here comes again."""
    return known is not None and known["mark"] == mark and path.is_file() and path.stat().st_size == bytes_in(mark)


def _record_of(folder: Path) -> Path:
    root = cache_root("data")
    return root / ".digests" / ("-".join(folder.relative_to(root).parts) + ".json")


def _read(record: Path) -> dict[str, Digest]:
    try:
        return dict(json.loads(record.read_text()))
    except (OSError, ValueError, TypeError):
        return {}


def _roots(data: Json) -> Sequence[str]:
    """Every `root` of a set and of its parts."""
    if is_list(data):
        return [root for part in data for root in _roots(part)]
    if not is_mapping(data):
        return []
    own = data.get("root")
    below = [root for name, part in data.items() if name != "root" for root in _roots(part)]
    return [*([own] if isinstance(own, str) else []), *below]
