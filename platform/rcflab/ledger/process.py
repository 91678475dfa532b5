"""Which process is meant, and does it still live?

pid alone is re-used by the system --> host + pid + start time is one process, for ever
"""

import os
import socket
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_DEAD_STATES = ("Z", "X")
_FIRST_PID_SPACE = "pid:[4026531836]"
"""That of a machine itself: the number is fixed in Linux (PROC_PID_INIT_INO)."""


@dataclass(frozen=True, slots=True)
class ProcessId:
    """One process on one host, told apart from a later one with the same pid."""

    host: str
    pid: int
    started: str
    """Boot and start time as the system tells them; only compared, never read."""


def this_process() -> ProcessId:
    """The calling process."""
    return _identify(os.getpid())


@lru_cache(maxsize=4)
def _identify(pid: int) -> ProcessId:
    return ProcessId(_host(), pid, _start_of(pid) or "")


def is_alive(process: ProcessId) -> bool:
    """Whether `process` runs. A killed one that nobody has waited for is dead; one of another host counts as alive."""
    if process.host != _host():
        return True
    return _start_of(process.pid) == process.started


def _host() -> str:
    """Where a pid means the same: the host, and the container where it numbers its processes by itself.

    Containers may share the name of their machine (hostNetwork of Kubernetes), and cannot see each other's processes.
    """
    name = socket.gethostname()
    try:
        space = Path("/proc/self/ns/pid").readlink().name
    except OSError:
        return name
    return name if space == _FIRST_PID_SPACE else f"{name} {space}"


def _start_of(pid: int) -> str | None:
    """Start mark of a running process, None when there is none."""
    if Path("/proc/self/stat").exists():
        return _start_from_proc(pid)
    listing = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, started = listing.stdout.strip().partition(" ")
    return started.strip() if started and not state.startswith(_DEAD_STATES) else None


def _start_from_proc(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The command name stands in brackets and may itself hold blanks and brackets: fields count from the last one.
    fields = stat.rpartition(")")[2].split()
    state, ticks = fields[0], fields[19]
    return None if state in _DEAD_STATES else f"{_boot()}-{ticks}"


@lru_cache(maxsize=1)
def _boot() -> str:
    """Start times count from the boot: two boots must not be mixed up."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]
    except OSError:
        return ""
