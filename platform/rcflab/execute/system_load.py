"""How busy machine and process are while a cell trains, as metrics beside the loss.

    first logged step, then every 10 s, last step --sample--> {"system/...": value} --> the step's row of the ledger

MLflow's own monitor would be a thread in each worker that speaks with the server: here only the driver does. The keys
are MLflow's where it has one, so that its page shows them on the tab for system metrics. Nothing is waited for, and no
random number is drawn: training is the same, bit for bit, with or without.
"""

import sys
import time
from collections.abc import Callable

import psutil

EVERY_S = 10.0
_MB = 10**6


class SystemLoad:
    """The load since the last sample, of one training in this process (rank 0, where many train together)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next_s = clock()
        self._process: psutil.Process | None = None
        self._read()  # percentages are over the time since the call before

    def sample(self, *, last: bool) -> dict[str, float]:
        """The metrics if it is time for them or if this is the last step, otherwise nothing; empty where the system
        does not tell.
        """
        now = self._clock()
        if now < self._next_s and not last:
            return {}
        self._next_s = now + EVERY_S
        return self._read()

    def _read(self) -> dict[str, float]:
        try:
            if self._process is None:
                self._process = psutil.Process()
            memory = psutil.virtual_memory()
            return {
                "system/cpu_utilization_percentage": psutil.cpu_percent(None),
                "system/system_memory_usage_percentage": memory.percent,
                "system/process_cpu_percentage": self._process.cpu_percent(None),
                "system/process_memory_megabytes": self._process.memory_info().rss / _MB,
                **_graphics(),
            }
        except (psutil.Error, OSError):  # what cannot be read must not end a training
            return {}


def _graphics() -> dict[str, float]:
    """Of the GPU that this process trains on; torch is looked at only where it is loaded."""
    if "torch" not in sys.modules:
        return {}
    from rcflab.execute import torch_state

    return torch_state.gpu_load()
