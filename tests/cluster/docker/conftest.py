"""The scripts of cluster/docker as modules, and a checkout of their own for what they write."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
# Scripts that stand alone, and modules of this folder, which is no package: the tests import both by name.
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "cluster" / "docker")]


@pytest.fixture(scope="session")
def dockerfile(repository: Path) -> Path:
    """The file of all images."""
    return repository / "cluster" / "docker" / "Dockerfile"
