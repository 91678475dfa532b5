"""Experiments as files, for tests of the platform."""

from collections.abc import Callable
from pathlib import Path

import pytest

TOY = """
name: toy-test
task: toy
baseline: plain
arms:
  plain: {}
  fast: {training.lr: 0.2}
seeds: 2
"""


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Write an experiment file below `tmp_path`, which becomes the current folder; returns its path."""
    monkeypatch.chdir(tmp_path)

    def write(text: str = TOY, name: str = "experiment.yaml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write
