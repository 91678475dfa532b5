"""From what an experiment calls its storage root to a folder, and from that folder to its mirror.

    runs               --cache_of--> runs                         --mirror_of--> PlainFolder
    s3://bucket/runs   --cache_of--> <cache>/storage/s3/bucket/runs  --mirror_of--> ObjectMirror

The folder is what every part of the platform is handed. Whoever makes others wait for what he writes, or waits for what
others write, asks for its mirror.
"""

from functools import lru_cache
from pathlib import Path

from rcflab.ledger.files import folder_bytes
from rcflab.storage.address import url_of
from rcflab.storage.mirror import PLAIN, Mirror, ObjectMirror
from rcflab.storage.remote import Remote


def mirror_of(storage: Path) -> Mirror:
    """What `storage` is kept in besides."""
    url = url_of(storage, "storage")
    return PLAIN if url is None else _object_mirror(storage, url)


@lru_cache(maxsize=16)
def _object_mirror(storage: Path, url: str) -> ObjectMirror:
    return ObjectMirror(storage, Remote(url))


def address_of(storage: Path) -> str:
    """What people call this storage root, and what every node finds it by: the store's address, or the folder."""
    return url_of(storage, "storage") or str(storage.absolute())


def uri_of(storage: Path, path: str) -> str:
    """The address of what is at `path` below the storage root."""
    url = url_of(storage, "storage")
    return (storage.absolute() / path).as_uri() if url is None else f"{url}/{path}"


def kept_bytes(storage: Path, path: str) -> int:
    """Size of what is kept at `path` below the storage root. Raises StorageError."""
    mirror = mirror_of(storage)
    return mirror.bytes_of(path) if mirror.is_remote else folder_bytes(storage / path)


def fetch_records(storage: Path) -> None:
    """Bring all that tables and lists are made of, of every experiment: no checkpoints. Raises StorageError."""
    mirror = mirror_of(storage)
    if mirror.is_remote:
        keys = mirror.keys()
        mirror.fetch_ledgers(keys)
        mirror.fetch("experiments", *(f"cells/{key}/{part}" for key in keys for part in ("eval", "job.json")))
