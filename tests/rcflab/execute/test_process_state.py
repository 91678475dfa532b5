"""A reused process is as good as a fresh one."""

import os
import random
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rcflab.execute import torch_state
from rcflab.execute.process_state import DirtyProcessError, ProcessState

DIRT: dict[str, Callable[[], Any]] = {
    "threads": lambda: torch.set_num_threads(2),
    "default dtype": lambda: torch.set_default_dtype(torch.float64),
    "default device": lambda: torch.set_default_device("meta"),
    "deterministic algorithms": lambda: torch.use_deterministic_algorithms(False),
    "gradients": lambda: torch.set_grad_enabled(False),
    "anomaly detection": lambda: torch.autograd.set_detect_anomaly(True),
    "matmul precision": lambda: torch.set_float32_matmul_precision("medium"),
    "flush denormals": lambda: torch.set_flush_denormal(True),
    "autocast cpu": lambda: torch.set_autocast_enabled("cpu", True),
    "cudnn benchmark": lambda: setattr(torch.backends.cudnn, "benchmark", True),
    "cudnn deterministic": lambda: setattr(torch.backends.cudnn, "deterministic", False),
    "mkldnn": lambda: setattr(torch.backends.mkldnn, "enabled", False),
}


@pytest.fixture
def process() -> Generator[ProcessState]:
    state = ProcessState()
    state.begin(threads=1, seed=7)
    yield state
    state.begin(threads=1, seed=7)


def read(name: str) -> object:
    return next(each.read() for each in torch_state.settings(1) if each.name == name)


@pytest.mark.parametrize("name", DIRT)
def test_what_a_dirty_cell_set_is_seen_and_set_back(process: ProcessState, name: str) -> None:
    clean = read(name)
    DIRT[name]()
    assert read(name) != clean
    process.begin(threads=1, seed=7)
    assert read(name) == clean


def test_environment_and_folder_are_those_of_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # pytest itself changes it between set-up and call
    process = ProcessState()
    before, folder = dict(os.environ), Path.cwd()
    monkeypatch.setenv("RCFLAB_LEFT_BEHIND", "1")
    monkeypatch.delenv("PATH")
    monkeypatch.chdir(tmp_path)
    process.begin(threads=1, seed=7)
    assert (dict(os.environ), Path.cwd()) == (before, folder)


def test_global_random_numbers_depend_on_the_seed_alone(process: ProcessState) -> None:
    def draw(seed: int) -> tuple[float, float, float]:
        process.begin(threads=1, seed=seed)
        return random.random(), float(np.random.rand()), float(torch.rand(()))

    first = draw(7)
    assert draw(8) != first
    assert draw(7) == first


def test_the_number_of_threads_is_the_one_asked_for(process: ProcessState) -> None:
    process.begin(threads=2, seed=7)
    assert torch.get_num_threads() == 2


def test_a_state_that_cannot_be_reset_is_an_error(process: ProcessState) -> None:
    with torch.inference_mode(), pytest.raises(DirtyProcessError, match="inference mode is True, expected False"):
        process.begin(threads=1, seed=7)


def test_a_clean_process_goes_on(process: ProcessState) -> None:
    assert process.end(retire_after=50) == ""


def test_a_process_retires_after_its_number_of_cells(process: ProcessState) -> None:
    process.begin(threads=1, seed=7)
    assert "2 cells" in process.end(retire_after=2)


def test_a_process_retires_when_a_cell_left_a_thread(process: ProcessState) -> None:
    done = threading.Event()
    thread = threading.Thread(target=done.wait, name="left-behind")
    thread.start()
    try:
        assert "left-behind" in process.end(retire_after=50)
    finally:
        done.set()
        thread.join()


def test_a_process_retires_when_its_memory_grew(process: ProcessState, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rcflab.execute.process_state.resident_bytes", lambda: 2**40)
    assert "memory grew" in process.end(retire_after=50)
