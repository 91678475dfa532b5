"""A laptop and two hosts with sshd, in namespaces of this machine: see machines.sh."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

_START_S = 60.0
_WANTED = "RCF_RAY_UP"
_APART = ["unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc"]
HOME = Path("/mnt/home")


@dataclass(frozen=True)
class Machine:
    """One of the three, as it is seen from inside."""

    process: int
    """Its first one."""
    environment: dict[str, str]

    def run(
        self, *command: str, timeout_s: float = 300.0, cwd: Path | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """With both outputs in `stdout`, as a terminal shows them."""
        enter = ["nsenter", f"--target={self.process}", "--all", f"--wdns={cwd or HOME}"]
        return subprocess.run(
            [*enter, *command], env=self.environment, text=True, timeout=timeout_s, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip


@dataclass(frozen=True)
class Machines:
    """All three, with a folder that the hosts share at /mnt/shared."""

    laptop: Machine
    head: Machine
    worker: Machine
    folder: Path


def why_not() -> str | None:
    """What this machine lacks for machines within it."""
    needed = ("unshare", "nsenter", "ip", "rsync", "ssh", "ssh-keygen")
    missing = [name for name in needed if shutil.which(name) is None]
    if not Path("/usr/sbin/sshd").exists():
        missing.append("sshd (Debian: openssh-server)")
    if missing:
        return f"not here: {', '.join(missing)}"
    if os.geteuid() != 0:
        return "namespaces with a network between them need root"
    tried = subprocess.run([*_APART, "ip", "link", "add", "lan", "type", "bridge"], capture_output=True, text=True)
    return None if tried.returncode == 0 else f"no namespaces with a bridge here: {tried.stderr.strip()}"


@pytest.fixture(scope="module")
def machines(repository: Path) -> Generator[Machines]:
    """Started once for a file; everything that was started on them ends with them."""
    if not os.environ.get(_WANTED):
        pytest.skip(f"takes minutes: set {_WANTED}=1 (and have root, openssh-server, rsync)")
    if reason := why_not():
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="machines"))
    seen = {str(repository), sys.prefix, sys.base_prefix}
    script = Path(__file__).with_name("machines.sh")
    with (folder / "log").open("w") as log:
        outer = subprocess.Popen([*_APART, "bash", str(script), str(folder), *seen], stdout=log, stderr=log)
    try:
        limit = time.monotonic() + _START_S
        while not (folder / "ready").exists():
            if outer.poll() is not None or time.monotonic() > limit:
                pytest.fail(f"the machines did not start:\n{(folder / 'log').read_text()}")
            time.sleep(0.1)
        (laptop,) = psutil.Process(outer.pid).children()
        apart = [each for each in laptop.children() if each.name() == "unshare"]
        head, worker = (each.children()[0] for each in apart)
        path = f"{Path(sys.executable).parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        environment = {"HOME": str(HOME), "USER": "lab", "PATH": path, "RAY_USAGE_STATS_ENABLED": "0"}
        yield Machines(*(Machine(each.pid, environment) for each in (laptop, head, worker)), folder)
    finally:
        outer.kill()
        outer.wait()
        shutil.rmtree(folder, ignore_errors=True)
