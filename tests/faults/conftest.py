"""A laboratory for crashes: start `rcflab run` as a process, strike it, run the same command again, audit.

Every process that a test starts, and all that those start, carry a mark in their environment: what is left at the end
is found by it and ended by its process id.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Generator, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from rcflab.execute.batch import Batch, Resources
from rcflab.execute.job import jobs_of
from rcflab.execute.local import run_locally
from rcflab.ledger.lease import this_process
from rcflab.session import Session, open_experiment

ROOT = Path(__file__).resolve().parents[2]
_MARK = "RCFLAB_TEST_MARK"
_PATIENCE_S = 280.0


class Laboratory:
    """One experiment file with a storage of its own."""

    def __init__(self, folder: Path, experiment: str, variables: Mapping[str, str] = MappingProxyType({})) -> None:
        """`variables` are in the environment of all of its processes."""
        self.folder, self.variables = folder, variables
        self.yaml = folder / "experiment.yaml"
        self.yaml.write_text(experiment)
        self.patience_s = _PATIENCE_S
        self._mark = uuid.uuid4().hex
        self._runs = 0

    @property
    def storage(self) -> Path:
        """Where the runs go: beside the experiment file, which is the current folder of the processes."""
        return self.folder / "runs"

    def session(self) -> Session:
        """The experiment as the command sees it."""
        return open_experiment(self.yaml, [f"storage.root={self.storage}"])

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of a process of this laboratory."""
        more = {**self.variables, **more}
        paths = os.pathsep.join([str(ROOT), str(ROOT / "platform"), *filter(None, [more.pop("path", "")])])
        return {**os.environ, "PYTHONPATH": paths, _MARK: self._mark, **more}

    def start(self, fault: str = "", *arguments: str) -> "subprocess.Popen[bytes]":
        """Start `rcflab run` with a fault or without."""
        return self._start(["-m", "rcflab.cli", "run", str(self.yaml), *arguments], _fault(fault))

    def start_script(self, name: str, *arguments: str, fault: str = "") -> "subprocess.Popen[bytes]":
        """Start a script of this folder."""
        return self._start([str(Path(__file__).parent / name), *arguments], _fault(fault))

    def run(self, *arguments: str, command: str = "run", environment: Mapping[str, str] = MappingProxyType({})) -> int:
        """Run a command on the experiment to its end; returns its exit code."""
        process = self._start(["-m", "rcflab.cli", command, str(self.yaml), *arguments], environment)
        return process.wait(self.patience_s)

    def _start(self, arguments: list[str], environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        self._runs += 1
        with (self.folder / f"run-{self._runs}.log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, *arguments],
                env=self.environment(**environment),
                cwd=self.folder, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def log(self, run: int = 0) -> str:
        """What the last run printed, or the run with number `run`, counted from 1."""
        return (self.folder / f"run-{run or self._runs}.log").read_text()

    def wait_for(self, what: str, happened: Callable[[], bool], process: "subprocess.Popen[bytes] | None") -> None:
        """Wait until something happened while `process` runs, or at all where it is None."""
        deadline = time.monotonic() + self.patience_s
        while not happened():
            assert process is None or process.poll() is None, f"the run ended before {what}:\n{self.log()}"
            assert time.monotonic() < deadline, f"no {what} within {self.patience_s:.0f} s:\n{self.log()}"
            time.sleep(0.05)

    def end_leftovers(self) -> None:
        """End every process that still carries this laboratory's mark."""
        end_marked(self._mark)

    def uninterrupted(self, folder: Path) -> Path:
        """Run the same cells without Ray and without faults in another storage; returns that storage."""
        session = self.session()
        resources = Resources(False, 1, 1, 0, None, True, 50)
        jobs = jobs_of(session.plan, {cell.eval_key for cell in session.plan.cells})
        last = run_locally(Batch.create(folder, this_process(), session.provenance, resources, jobs))
        assert {each.phase for each in last.values()} == {"finished"}
        return folder


def _fault(fault: str) -> dict[str, str]:
    return {"RCFLAB_FAULT": fault} if fault else {}


def marked(mark: str) -> Iterable[int]:
    """Processes whose environment holds `mark`, but this one."""
    wanted = f"{_MARK}={mark}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found = wanted in (folder / "environ").read_bytes()
        except OSError:
            continue
        if found and int(folder.name) != os.getpid():
            yield int(folder.name)


def end_marked(mark: str) -> None:
    """End every process that carries `mark`."""
    for pid in marked(mark):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Generator[Callable[[str], Laboratory]]:
    """Open a laboratory for an experiment; all its processes are gone at the end of the module."""
    opened: list[Laboratory] = []

    def open_laboratory(experiment: str, **variables: str) -> Laboratory:
        opened.append(Laboratory(tmp_path_factory.mktemp("lab"), experiment, variables))
        return opened[-1]

    yield open_laboratory
    for each in opened:
        each.end_leftovers()


class Machines:
    """A Ray cluster of a head and worker nodes; see cluster_nodes.py."""

    def __init__(self, folder: Path, mark: str) -> None:
        (folder / "sitecustomize.py").write_text(
            "import os, socket\nname = os.environ.get('RCFLAB_TEST_HOST')\n"
            "if name:\n    socket.gethostname = lambda: name\n"
        )
        self.variables = {"RCFLAB_TEST_HOST": "head", "path": str(folder)}
        paths = os.pathsep.join([str(ROOT), str(ROOT / "platform"), str(folder)])
        environment = {**os.environ, "PYTHONPATH": paths, _MARK: mark, "OMP_NUM_THREADS": "1"}
        environment["RAY_raylet_start_wait_time_s"] = "180"  # on a machine that has much else to do
        self.temporary = Path(tempfile.mkdtemp(prefix="ray"))  # sockets have short paths
        self.log = folder / "cluster.log"
        with self.log.open("wb") as log:
            self._server = subprocess.Popen(
                [sys.executable, str(Path(__file__).parent / "cluster_nodes.py"), str(self.temporary)],
                env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
                start_new_session=True,
            )  # fmt: skip

    def ask(self, do: str, **wish: Any) -> dict[str, Any]:
        """Have something done to the cluster."""
        assert self._server.stdin is not None and self._server.stdout is not None
        self._server.stdin.write(json.dumps({"do": do, **wish}) + "\n")
        self._server.stdin.flush()
        answer = self._server.stdout.readline()
        assert answer, self.log.read_text()
        return json.loads(answer)

    def up(self, **cpus: int) -> None:
        """A head without CPUs and with a job server, and nodes by their names."""
        head = self.ask("head", dashboard=True)
        self.variables |= {"RAY_ADDRESS": head["address"], "RAY_API_SERVER_ADDRESS": f"http://{head['dashboard']}"}
        self.ids = {name: self.ask("add", name=name, cpus=count)["node_id"] for name, count in cpus.items()}

    def add(self, name: str, cpus: int = 1) -> None:
        """One node more."""
        self.ids[name] = self.ask("add", name=name, cpus=cpus)["node_id"]


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Generator[Machines]:
    """A cluster that is not up yet; all its processes are gone at the end of the module."""
    mark = uuid.uuid4().hex
    found = Machines(tmp_path_factory.mktemp("site"), mark)
    yield found
    end_marked(mark)
    shutil.rmtree(found.temporary, ignore_errors=True)
