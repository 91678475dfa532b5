"""Addresses of object stores, and where the cache of each lies on this machine.

    runs, /shared/runs    a folder, and nothing of this package has to do with it
    s3://bucket/runs  <--cache_of, url_of-->  <cache>/storage/s3/bucket/runs
    s3://bucket/avis  <--cache_of, url_of-->  <cache>/data/s3/bucket/avis

<cache> is RCFLAB_CACHE, else ~/.cache/rcflab, and may be deleted whenever nothing runs. Each machine has its own, and
where it lies is nobody else's business: what one machine tells another has a mark in its place.

    {root: <cache>/data/s3/bucket/avis}  --unplaced--> {root: "<rcflab cache>/data/..."} --placed, there--> {root: ...}
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from rcflab.records import Json
from rcflab.yaml_file import is_list, is_mapping

Kind = Literal["storage", "data"]

_MARK = "<rcflab cache>/"
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://(.*)")


def is_url(text: str) -> bool:
    """Whether it names an object store, and no folder."""
    return _URL.match(text) is not None


def fault_of_url(text: str) -> str | None:
    """Why an address cannot be used, for people; None for one that can, and for a folder."""
    if not is_url(text):
        return None
    parts = urlsplit(text)
    if parts.scheme == "file":
        return "a folder, without file://"
    if parts.username or parts.password or parts.query or parts.fragment:
        return "an address without name, password or options, which come from the environment"
    if not parts.netloc or {"", ".", ".."} & set(_normal(text).partition("://")[2].split("/")):
        return "an address such as s3://bucket/folder"
    return None


def cache_of(text: str, kind: Kind, environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of this machine that stands for an address, or the folder that is none. It need not be there."""
    found = _URL.match(_normal(text))
    return Path(text) if found is None else cache_root(kind, environment) / found[1] / found[2]


def url_of(path: Path, kind: Kind, environment: Mapping[str, str] = os.environ) -> str | None:
    """The address that the folder `path` stands for; None for a folder that is none of ours."""
    root = cache_root(kind, environment)
    if not path.is_relative_to(root):
        return None
    scheme, *rest = path.relative_to(root).parts or ("",)
    return f"{scheme}://{'/'.join(rest)}" if rest else None


def cache_root(kind: Kind, environment: Mapping[str, str] = os.environ) -> Path:
    """Below which the folders of all addresses lie."""
    return _cache(environment) / kind


def unplaced(value: Json, environment: Mapping[str, str] = os.environ) -> Json:
    """`value` for other machines: paths in this one's cache begin with a mark."""
    return _begun(value, f"{_cache(environment)}/", _MARK)


def placed(value: Json, environment: Mapping[str, str] = os.environ) -> Json:
    """The inverse of `unplaced`, with the cache of this machine."""
    return _begun(value, _MARK, f"{_cache(environment)}/")


def _begun(value: Json, was: str, to: str) -> Json:
    """All texts that begin with `was` begin with `to`."""
    if is_list(value):
        return [_begun(each, was, to) for each in value]
    if is_mapping(value):
        return {name: _begun(each, was, to) for name, each in value.items()}
    return to + value.removeprefix(was) if isinstance(value, str) and value.startswith(was) else value


def _cache(environment: Mapping[str, str]) -> Path:
    named = environment.get("RCFLAB_CACHE")
    return Path(named).absolute() if named else Path.home() / ".cache" / "rcflab"


def _normal(text: str) -> str:
    return text.rstrip("/") if is_url(text) else text
