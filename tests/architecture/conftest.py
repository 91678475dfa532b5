"""The files that the rules of the tree are checked on."""

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

Sources = dict[str, ast.Module]


def python_files(root: Path, *folders: str) -> list[Path]:
    """All Python files below the folders, sorted, caches left out."""
    return sorted(
        path for folder in folders for path in (root / folder).rglob("*.py") if "__pycache__" not in path.parts
    )


@pytest.fixture(scope="session")
def packages(repository: Path) -> Sources:
    """Syntax trees of the two packages, by path from the root."""
    files = python_files(repository, "rcf", "platform/rcflab")
    return {str(path.relative_to(repository)): ast.parse(path.read_text()) for path in files}


@pytest.fixture(scope="session")
def everything(repository: Path) -> Sources:
    """Syntax trees of packages, tests and benchmarks, by path from the root."""
    files = python_files(repository, "rcf", "platform", "cluster", "tests", "benchmarks")
    return {str(path.relative_to(repository)): ast.parse(path.read_text()) for path in files}


@pytest.fixture(scope="session")
def files_below(repository: Path) -> Callable[..., list[Path]]:
    """The files of some folders of the checkout."""
    return lambda *folders: python_files(repository, *folders)
