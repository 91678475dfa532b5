"""What torch keeps for the whole process and one cell may leave behind for the next: each with the value that we want.

    settings(threads) -> [Setting(name, read, write, wanted)] --> process_state.py writes all, then reads all back

Deterministic algorithms only warn where an operation has none (some backward passes on a GPU); on a CPU all are exact.
Filling of uninitialised memory is off: it costs time in each allocation and hides nothing that we rely on.
"""

import gc
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.utils.deterministic as deterministic


@dataclass(frozen=True, slots=True)
class Setting:
    """One value of the process: how to read it, how to write it, and what a cell must find."""

    name: str
    read: Callable[[], object]
    write: Callable[[Any], object]
    wanted: object


def settings(threads: int) -> list[Setting]:
    """Every setting of torch that can change a result, its speed or its memory."""
    return [
        Setting("threads", torch.get_num_threads, torch.set_num_threads, threads),
        Setting("default dtype", torch.get_default_dtype, torch.set_default_dtype, torch.float32),
        Setting("default device", _device, torch.set_default_device, "cpu"),
        Setting("deterministic algorithms", _deterministic, _set_deterministic, (True, True)),
        Setting("gradients", torch.is_grad_enabled, torch.set_grad_enabled, True),
        Setting("inference mode", torch.is_inference_mode_enabled, _cannot_write, False),
        Setting("anomaly detection", torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly, False),
        Setting("matmul precision", torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "highest"),
        Setting("flush denormals", _flushes_denormals, torch.set_flush_denormal, False),
        *[_autocast(device) for device in ("cpu", "cuda")],
        *[_attribute(torch.backends.cudnn, f"cudnn {name}", name, value) for name, value in _CUDNN.items()],
        _attribute(torch.backends.cuda.matmul, "cuda tf32", "allow_tf32", False),
        _attribute(torch.backends.mkldnn, "mkldnn", "enabled", True),
        _attribute(deterministic, "fill uninitialised memory", "fill_uninitialized_memory", False),
    ]


_CUDNN = {"enabled": True, "benchmark": False, "deterministic": True, "allow_tf32": False}


def seed_torch(seed: int) -> None:
    """Set the global generators: a safety net, tasks use generators of their own."""
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_available():
        torch.cuda.manual_seed_all(seed)


def set_interop_threads(threads: int) -> None:
    """Try to set the pool between operations; torch refuses once it runs, and it can't change a result."""
    if torch.get_num_interop_threads() != threads:
        try:
            torch.set_num_interop_threads(threads)
        except RuntimeError:
            return


def empty_caches() -> None:
    """Give the memory of finished tensors back to the devices."""
    gc.collect()
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def _attribute(owner: Any, label: str, name: str, wanted: object) -> Setting:
    return Setting(label, partial(getattr, owner, name), partial(setattr, owner, name), wanted)


def _autocast(device: str) -> Setting:
    read, write = partial(torch.is_autocast_enabled, device), partial(torch.set_autocast_enabled, device)
    return Setting(f"autocast {device}", read, write, False)


def _device() -> str:
    return torch.get_default_device().type


def _deterministic() -> tuple[bool, bool]:
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()


def _set_deterministic(wanted: tuple[bool, bool]) -> None:
    torch.use_deterministic_algorithms(wanted[0], warn_only=wanted[1])


def _flushes_denormals() -> bool:
    """Torch has no getter: try it, 1e-40 is denormal in float32."""
    return float(torch.full((1,), 1e-40, dtype=torch.float32, device="cpu").mul(1.0).item()) == 0.0


def _cannot_write(wanted: object) -> None:
    """Inference mode ends with its block; only reading tells."""


def gpu_load() -> dict[str, float]:
    """Use of the GPU that this process trains on, 0 being the first that it may see; empty on a CPU."""
    if not torch.cuda.is_initialized():
        return {}
    free, total = torch.cuda.mem_get_info()
    found = {"system/gpu_0_memory_usage_megabytes": (total - free) / 10**6}
    with suppress(ModuleNotFoundError, RuntimeError):  # it needs the package nvidia-ml-py and a driver that tells
        found["system/gpu_0_utilization_percentage"] = float(torch.cuda.utilization())
    return found
