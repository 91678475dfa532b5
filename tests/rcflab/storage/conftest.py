"""Machines with a cache each, of a store of our own on loopback."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from rcflab.ledger.process import ProcessId
from rcflab.storage.address import cache_of
from rcflab.storage.remote import Remote


@pytest.fixture
def remote(store: str) -> Remote:
    """The store itself."""
    return Remote(store)


@pytest.fixture
def machine(store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Become the machine of this name; returns what it has of the store."""

    def become(name: str) -> Path:
        monkeypatch.setenv("RCFLAB_CACHE", str(tmp_path / name))
        return cache_of(store, "storage")

    return become


@pytest.fixture
def elsewhere() -> ProcessId:
    """A process on another host."""
    return ProcessId("another-host", os.getpid(), "boot-1")
