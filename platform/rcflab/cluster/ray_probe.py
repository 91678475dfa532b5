"""Runs on a cluster before an experiment does: what each node would train with, and what it reaches from there.

    question (JSON) --one task on each node--> examined --> one line of the job's log: MARK and JSON

This file is sent by itself and imports nothing of ours at its head: what the nodes have of ours is what it looks for.
"""

import configparser
import json
import os
import platform
import sys
import tempfile
import uuid
from base64 import b64encode
from collections.abc import Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import TypedDict
from urllib.error import HTTPError
from urllib.request import Request, urlopen

MARK = "RCFLAB-PROBE "
_TIMEOUT_S = 10.0
_WRITTEN = 2**20
"""Bytes into a folder, for a moment."""


class Question(TypedDict):
    """What is to be looked for."""

    packages: list[str]
    storage: str
    """A folder that all nodes share, or the address of a store of objects."""
    tracking: str | None
    """The address of MLflow; None for a store that no worker speaks to."""
    data: list[str]
    """Folders and addresses that are read."""


class Examined(TypedDict):
    """One node."""

    node: str
    versions: dict[str, str]
    """Of Python and of each package that is there."""
    code_digest: str | None
    """Of our sources there; None where there are none."""
    faults: dict[str, str]
    """Storage, tracking or a folder of data -> what is wrong with it from there."""


class Probed(TypedDict):
    """A cluster."""

    nodes: list[Examined]
    resources: list[dict[str, float]]
    """Of each node: CPU, GPU. A worker lies on one of them, so that their sum says little."""


def examined(question: Question, node: str = "") -> Examined:
    """This machine."""
    versions = {"python": platform.python_version()}
    for name in question["packages"]:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    storage = question["storage"]
    faults = {storage: _unwritable_store(storage) if "://" in storage else _unwritable(Path(storage))}
    if question["tracking"] is not None:
        faults[question["tracking"]] = _unreached(question["tracking"])
    faults |= {root: _unreadable(root) for root in question["data"]}
    told = {place: fault for place, fault in faults.items() if fault is not None}
    return Examined(node=node or platform.node(), versions=versions, code_digest=_code_digest(), faults=told)


def _code_digest() -> str | None:
    try:
        from rcflab.provenance import code_digest  # what is looked for may not be there
    except ImportError:
        return None
    return code_digest()


def _unwritable(folder: Path) -> str | None:
    """Why nothing can be written there; the folder is made, as a training would.

    A full disk makes files and a full quota opens them: only bytes that are on the disk show that there is room.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".rcflab-probe-") as file:
            file.write(b"\0" * _WRITTEN)
            file.flush()
            os.fsync(file.fileno())
            return None
    except OSError as error:
        return error.strerror or str(error)


def _unwritable_store(url: str) -> str | None:
    """Why a store takes no objects, or makes one twice: then two machines could train the same cell."""
    try:
        from fsspec.core import url_to_fs

        system, path = url_to_fs(f"{url}/.rcflab-probe-{uuid.uuid4().hex}", use_listings_cache=False)
        system.pipe_file(path, b"", mode="create")
        try:
            system.pipe_file(path, b"", mode="create")
        except OSError:
            return None
        finally:
            system.rm(path)
    except Exception as error:  # the libraries of stores raise errors of many kinds
        return f"{type(error).__name__}: {error}"
    return "makes an object twice where it was asked not to (If-None-Match)"


def _unreadable(root: str) -> str | None:
    if "://" not in root:
        return None if Path(root).is_dir() else "no such folder"
    try:
        from fsspec.core import url_to_fs

        system, path = url_to_fs(root)
        return None if system.exists(path) else "nothing is there"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _unreached(uri: str) -> str | None:
    """Why MLflow does not answer a question that needs no more than to be let in."""
    body = json.dumps({"max_results": 1}).encode()
    headers = {"Content-Type": "application/json"}
    user, password = _login()
    if user is not None and password is not None:
        headers["Authorization"] = f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"
    request = Request(f"{uri.rstrip('/')}/api/2.0/mlflow/experiments/search", body, headers)
    try:
        with urlopen(request, timeout=_TIMEOUT_S):
            return None
    except HTTPError as error:
        said = error.read(200).decode(errors="replace").strip()
        return f"answers {error.code}" + (f": {said}" if said else "")
    except OSError as error:
        return f"does not answer: {getattr(error, 'reason', error)}"


def _login() -> tuple[str | None, str | None]:
    """Name and password as MLflow's client finds them: the environment first, then its file."""
    file = configparser.ConfigParser(interpolation=None)
    with suppress(configparser.Error, OSError):
        file.read(Path.home() / ".mlflow" / "credentials")
    user, password = (
        os.environ.get(name) or file.get("mlflow", name.lower(), fallback=None)
        for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
    )
    return user, password


def main(arguments: Sequence[str]) -> None:
    """Ask all nodes that are alive."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    question: Question = json.loads(arguments[0])
    ray.init("auto", log_to_driver=False)
    ask = ray.remote(num_cpus=0, max_retries=0)(examined)
    nodes = [node for node in ray.nodes() if node["Alive"]]
    answers = [
        ask.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)).remote(
            question, node["NodeManagerAddress"]
        )
        for node in nodes
    ]
    found = Probed(nodes=ray.get(answers), resources=[node["Resources"] for node in nodes])
    sys.stdout.write(f"{MARK}{json.dumps(found)}\n")  # the log is how a job answers


if __name__ == "__main__":
    main(sys.argv[1:])
