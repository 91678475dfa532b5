"""Whether an experiment means the same on a cluster as here: no path of it may depend on where it is read.

sent files --staged elsewhere--> load_experiment there --> Portable: name, storage, tracking, folders of data
                                      `-- a path below the staged folder was a relative one: refused
"""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rcflab.cluster.sent_files import SentFiles
from rcflab.errors import InputError, Problem
from rcflab.load import LoadedExperiment, load_experiment
from rcflab.records import Json
from rcflab.schema import ResourcesConfig
from rcflab.storage.address import url_of
from rcflab.yaml_file import is_list, is_mapping


@dataclass(frozen=True, slots=True)
class Portable:
    """What a cluster must have for an experiment."""

    name: str
    storage: str
    tracking: str | None
    """MLflow's address; None for none, and for a file below the storage."""
    data: tuple[str, ...]
    """Folders and addresses that trainings read."""
    resources: ResourcesConfig


def portable(sent: SentFiles, options: Sequence[str] = ()) -> Portable:
    """Read the experiment as a cluster will. Raises InputError, with all relative paths at once."""
    with tempfile.TemporaryDirectory(prefix="rcflab-sent-") as text:
        folder = Path(text).resolve()
        sent.stage(folder)
        with contextlib.chdir(folder):
            loaded = load_experiment(folder / sent.experiment, options, sent.base and str(folder / sent.base))
        data = sorted({url_of(Path(root), "data") or root for root in _roots(loaded)})
        places = {"storage.root": [loaded.spec.storage.root], "data.root": data}
        problems = [
            Problem(sent.experiment, field, str(Path(path).relative_to(folder)), "an absolute path",
                    "A job's folder is gone when it ends")
            for field, paths in places.items()
            for path in paths
            if Path(path).is_relative_to(folder)
        ]  # fmt: skip
    if problems:
        raise InputError(problems)
    uri = loaded.spec.tracking.uri
    tracking = uri if uri.startswith(("http://", "https://")) else None
    return Portable(loaded.spec.name, loaded.spec.storage.root, tracking, tuple(data), loaded.spec.resources)


def _roots(loaded: LoadedExperiment) -> Iterator[str]:
    for config in loaded.configs.values():
        yield from _read_folders(config.get("data"))


def _read_folders(data: Json) -> Iterator[str]:
    """Every `root` of a part that is not made by a training itself, as synthetic sets are."""
    if is_list(data):
        for part in data:
            yield from _read_folders(part)
    elif is_mapping(data):
        root = data.get("root")
        if isinstance(root, str) and data.get("kind") != "synthetic":
            yield root
        for name, part in data.items():
            if name != "root":
                yield from _read_folders(part)


def arguments(options: Sequence[str], arms: str | None, seeds: int | None, base: str | None) -> list[str]:
    """Of `rcflab run` on the cluster, behind the experiment."""
    given: Mapping[str, str | None] = {"--arms": arms, "--seeds": None if seeds is None else str(seeds), "--base": base}
    sets = [text for option in options for text in ("--set", option)]
    return [*sets, *(text for name, value in given.items() if value is not None for text in (name, value))]
