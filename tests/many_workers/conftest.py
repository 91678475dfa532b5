"""Groups of two and three processes over gloo, started once, for all tests of this folder."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from types import ModuleType
from typing import IO, Any

import pytest

from rcf.config import RcfConfig
from rcflab.execute.batch import Batch, Resources
from rcflab.execute.job import Evaluation, Job
from rcflab.ledger.lease import this_process
from rcflab.rcf_task import TASK
from rcflab.records import Provenance
from rcflab.toy_config import ToyConfig

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


class Servers:
    """Processes that take part in a group when asked; more are started when a larger group is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._groups = folder, 0
        self._processes: list[subprocess.Popen[str]] = []

    def __call__(self, name: str, size: int = 2, **arguments: Any) -> list[dict[str, Any]]:
        """The answers of all ranks to one call."""
        while len(self._processes) < size:
            self._start()
        self._groups += 1
        store = self._folder / f"group-{self._groups}"
        for rank, process in enumerate(self._processes[:size]):
            request = {"call": name, "store": str(store), "rank": rank, "size": size, **arguments}
            _pipe(process.stdin).write(json.dumps(request) + "\n")
            _pipe(process.stdin).flush()
        return [json.loads(_pipe(process.stdout).readline()) for process in self._processes[:size]]

    def results(self, name: str, size: int = 2, **arguments: Any) -> list[Any]:
        """The same where no rank may fail."""
        answers = self(name, size, **arguments)
        assert all("result" in answer for answer in answers), answers
        return [answer["result"] for answer in answers]

    def stop(self) -> None:
        """End the processes."""
        for process in self._processes:
            _pipe(process.stdin).close()
            process.wait(30)
            _pipe(process.stdout).close()

    def _start(self) -> None:
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'platform'}", "OMP_NUM_THREADS": "1"}
        number = len(self._processes)
        with (self._folder / f"rank-{number}.log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, str(HERE / "rank_server.py")],
                env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        self._processes.append(process)


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Generator[Servers]:
    """`servers("call", size, ...)`: let `size` ranks answer a call of rank_server.py."""
    started = Servers(tmp_path_factory.mktemp("ranks"))
    yield started
    started.stop()


@pytest.fixture(scope="session")
def rank_server() -> ModuleType:
    """The calls of rank_server.py, for what one process alone would answer."""
    spec = importlib.util.spec_from_file_location("rank_server", HERE / "rank_server.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def data_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where synthetic sets are written."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def network(data_root: Path) -> Callable[..., dict[str, Any]]:
    """Configuration of a small network on eight synthetic clips; keywords change fields of `training`."""

    def make(**training: Any) -> dict[str, Any]:
        attention = {"layers": 1, "heads": 2, "feedforward": 16, "dropout": 0.0}
        settings = RcfConfig.model_validate(
            {
                "input": {"height": 64, "width": 96},
                "model": {
                    "backbone": {"name": "resnet10t", "norm": "frozen"},
                    "width": 16,
                    "encoder": attention,
                    "decoder": attention,
                    "queries": 4,
                    "mask": {"fpn_width": 16, "filter_width": 8},
                },
                "data": {"kind": "synthetic", "train_clips": 8, "val_clips": 5, "frames": 3, "root": str(data_root)},
                "training": {"steps": 20, "clips_per_step": 2, "lr": 1e-3, **training},
                "evaluation": {"class_threshold": 0.1, "overlays": 3, "jacobian_points": 1, "lipschitz_bound": False},
            }
        ).model_dump(mode="json")
        TASK.prepare(settings)
        return settings

    return make


KEY, TRIAL = "a" * 16, "b" * 16


@pytest.fixture
def toy_batch(tmp_path: Path) -> Callable[..., Batch]:
    """Make a batch with one toy job of 12 steps for two workers; keywords change fields of `training`."""

    def make(storage: Path = tmp_path, workers: int = 2, **training: Any) -> Batch:
        config = ToyConfig.model_validate(
            {"model": {"memory": 3}, "training": {"steps": 12, "checkpoint_every": 5, **training}}
        ).model_dump(mode="json")
        job = Job(KEY, "arm/0", "toy", config, 0, (Evaluation(TRIAL, config),))
        resources = Resources(True, workers, 1, 0, None, True, 50)
        provenance = Provenance("code-1", None, None, {}, "host", "processor")
        return Batch.create(storage, this_process(), provenance, resources, [job])

    return make
