"""A cell gives the same weights, bit for bit: after a dirty predecessor in its actor, in a fresh one, by Ray Train."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
REGISTER = "import rcflab.task; rcflab.task._MODULES['sensitive'] = 'sensitive_task'\n"
"""As sitecustomize.py it runs at the start of each process, also of Ray's workers."""


class Ways:
    """Where the weights of each way lie, and the processes that made them."""

    def __init__(self, storage: Path, pids: dict[str, list[int]]) -> None:
        self.storage, self.pids = storage, pids

    def weights(self, way: str, key: str = "clean") -> bytes:
        return (self.storage / way / "cells" / key / "checkpoints" / "step-00000005" / "weights.npy").read_bytes()

    def state(self, way: str, key: str = "clean") -> list[Any]:
        path = self.storage / way / "cells" / key / "checkpoints" / "step-00000005" / "state.json"
        return json.loads(path.read_text())


@pytest.fixture(scope="module")
def ways(laboratory: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory) -> Ways:
    lab = laboratory("")
    folder = tmp_path_factory.mktemp("site")
    (folder / "sitecustomize.py").write_text(REGISTER)
    environment = lab.environment(path=f"{folder}:{HERE}")
    done = subprocess.run(
        [sys.executable, str(HERE / "batches.py"), str(lab.storage)],
        env=environment, cwd=lab.folder, capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return Ways(lab.storage, json.loads(done.stdout.splitlines()[-1]))


def test_the_clean_cell_ran_in_the_process_of_the_dirty_one(ways: Ways) -> None:
    dirty, clean = ways.pids["reused"]
    assert dirty == clean


def test_the_predecessor_was_dirty(ways: Ways) -> None:
    assert ways.state("reused", "dirty") == [5, 2, "torch.float32", "1", True]


@pytest.mark.parametrize("way", ["reused", "fresh", "train"])
def test_the_cell_found_a_clean_process(ways: Ways, way: str) -> None:
    assert ways.state(way) == [5, 1, "torch.float32", "", False]


@pytest.mark.parametrize("way", ["reused", "train"])
def test_weights_are_those_of_a_fresh_process(ways: Ways, way: str) -> None:
    assert ways.weights(way) == ways.weights("fresh")
