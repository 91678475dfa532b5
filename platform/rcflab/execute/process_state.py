"""A reused process must be as good as a fresh one: its state is set and read back before each cell.

    actor starts -> ProcessState() notes environment, folder, threads, memory
       cell: begin(threads, seed)  write every setting, read it back   ...   end() -> why to retire, or ""
       cell: begin ...

Measured in reused Ray actors: thread count, deterministic mode, default dtype, environment variables, a running thread
and 374 MB survive a cell. What cannot be undone (threads, memory) is a reason to replace the process.
"""

import ctypes
import gc
import os
import random
import sys
import threading
from pathlib import Path

import numpy as np

from rcflab.errors import LabError

RSS_GROWTH_BYTES = 512 * 2**20
"""Resident memory that a process may gain over its first cell's start."""


class DirtyProcessError(LabError):
    """The process keeps a state that a cell must not see and that cannot be reset."""


class ProcessState:
    """The baseline of this process, and the way back to it."""

    def __init__(self) -> None:
        self._environment = dict(os.environ)
        self._folder = Path.cwd()
        self._numpy_errors = np.geterr()
        self._cells = 0
        self._threads: frozenset[int | None] = frozenset()
        self._rss_bytes = 0

    def begin(self, threads: int, seed: int) -> None:
        """Set and assert all state for one cell: `threads` CPU threads, global generators from `seed`.

        Torch is touched only when it is loaded: the task has been imported by now. Raises DirtyProcessError.
        """
        self._restore_environment()
        os.chdir(self._folder)
        np.seterr(**self._numpy_errors)
        random.seed(seed)
        np.random.seed(seed % 2**32)
        if "torch" in sys.modules:
            _set_torch(threads, seed)
        if self._cells == 0:
            self._threads = frozenset(thread.ident for thread in threading.enumerate())
            self._rss_bytes = resident_bytes()
        self._cells += 1

    def end(self, retire_after: int) -> str:
        """Drop what the cell left in memory; returns why the process should be replaced, or an empty string."""
        _release_memory()
        extra = [each.name for each in threading.enumerate() if each.ident not in self._threads and each.is_alive()]
        growth = resident_bytes() - self._rss_bytes
        if self._cells >= retire_after:
            return f"{self._cells} cells were run, resources.retire_after is {retire_after}"
        if extra:
            return f"the cell left threads running: {', '.join(sorted(extra))}"
        if growth > RSS_GROWTH_BYTES:
            return f"memory grew by {growth // 2**20} MB"
        return ""

    def _restore_environment(self) -> None:
        for name in set(os.environ) - set(self._environment):
            del os.environ[name]
        for name, value in self._environment.items():
            if os.environ.get(name) != value:
                os.environ[name] = value


def resident_bytes() -> int:
    """Resident memory of this process; 0 where /proc does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _set_torch(threads: int, seed: int) -> None:
    from rcflab.execute import torch_state  # loads torch: only where a task did so before

    torch_state.set_interop_threads(1)
    wanted = torch_state.settings(threads)
    for setting in wanted:
        if setting.read() != setting.wanted:
            setting.write(setting.wanted)
    torch_state.seed_torch(seed)
    dirty = [
        f"{setting.name} is {setting.read()}, expected {setting.wanted}"
        for setting in wanted
        if setting.read() != setting.wanted
    ]
    if dirty:
        raise DirtyProcessError(f"this process cannot run a cell: {'; '.join(dirty)}. Set resources.reuse: false")


def _release_memory() -> None:
    if "torch" in sys.modules:
        from rcflab.execute import torch_state

        torch_state.empty_caches()
    else:
        gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)  # glibc keeps freed memory otherwise, and growth could not be told from use
