"""Scores of trials on resampled videos, kept so that a table is made again in seconds.

    <storage>/cache/scores/<trial>-<digest of the key>.scores     a JSON line: key, videos, sha256; then float64, exact

The key names all that a score depends on: trial, content of its match records, metric, weights of the videos, and the
code that scores. A file that is damaged, cut or of another key is as good as none: scores are made again from the
records. Anything below `cache` may be deleted at any time; the numbers are the same with it and without.
"""

import hashlib
import importlib.util
import json
import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from rcflab.identity import digest
from rcflab.records import Json
from rcflab.stats.resamples import Floats

logger = logging.getLogger(__name__)

_ENDING = ".scores"
_KIND = np.dtype("<f8")


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """Scores of one trial, and the number of videos they were made from."""

    scores: Floats
    videos: int


@dataclass(frozen=True, slots=True)
class ScoreCache:
    """The files below one storage root."""

    folder: Path

    @classmethod
    def below(cls, storage: Path) -> "ScoreCache":
        """That of a storage root; nothing is made before something is kept."""
        return cls(storage / "cache" / "scores")

    def get(self, key: Mapping[str, Json]) -> Kept | None:
        """What was kept under `key`, or None."""
        try:
            head, _, content = self._path(key).read_bytes().partition(b"\n")
            said = json.loads(head)
            if said["key"] != key or said["sha256"] != hashlib.sha256(content).hexdigest():
                return None
            return Kept(np.frombuffer(content, _KIND).astype(np.float64), int(said["videos"]))
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def put(self, key: Mapping[str, Json], kept: Kept) -> None:
        """Keep it, whole or not at all; a storage that cannot be written only costs time.

        Not forced to the disk: after a power cut a damaged file is made again.
        """
        path, content = self._path(key), kept.scores.astype(_KIND).tobytes()
        head = {"key": key, "videos": kept.videos, "sha256": hashlib.sha256(content).hexdigest()}
        hidden = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            hidden.write_bytes(json.dumps(head).encode() + b"\n" + content)
            hidden.replace(path)
        except OSError as error:
            logger.warning("event=scores_not_kept path=%s reason=%s", path, error)

    def _path(self, key: Mapping[str, Json]) -> Path:
        return self.folder / f"{key['trial']}-{digest(key)[:16]}{_ENDING}"


def code_of(modules: Iterable[str]) -> str:
    """sha256 over the sources of `modules`, with the version of numpy: other code may round elsewhere."""
    return _code_of(tuple(modules))


@cache
def _code_of(modules: tuple[str, ...]) -> str:
    found = hashlib.sha256(np.__version__.encode())
    for name in modules:
        spec = importlib.util.find_spec(name)
        assert spec is not None, "modules of a task are there"
        assert spec.origin is not None, "they are files"
        found.update(name.encode() + b"\0" + Path(spec.origin).read_bytes() + b"\0")
    return found.hexdigest()
