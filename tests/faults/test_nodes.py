"""A cluster of machines that come and go: a cell on two nodes of them ends as if nothing had happened.

One cluster for all of it: a head without CPUs, and nodes with one CPU and a host name each. First a network, whose node
is killed in the middle; then the hard life of one toy cell.
"""

import hashlib
import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from mlflow import MlflowClient

from rcflab.ledger.events import AttemptStarted, StateChanged
from rcflab.ledger.fold import KeyState
from rcflab.ledger.lease import LeaseInfo, _read  # pyright: ignore
from rcflab.ledger.reader import read_events, read_key

pytestmark = pytest.mark.timeout(2400)  # each new group of workers costs ten seconds on an idle machine
NETWORK = """
name: lost-node
baseline: small
arms: {small: {}}
input: {height: 64, width: 96}
model:
  backbone: {name: resnet10t}
  width: 16
  encoder: {layers: 1, heads: 2, feedforward: 16}
  decoder: {layers: 1, heads: 2, feedforward: 16}
  queries: 4
  mask: {fpn_width: 16, filter_width: 8}
data: {kind: synthetic, train_clips: 8, val_clips: 4, frames: 3, root: DATA}
training: {steps: 60, clips_per_step: 2, lr: 1.0e-3, ema: 0.9, clip_norm: 1.0, log_every: 1, checkpoint_every: 10}
evaluation: {class_threshold: 0.1, lipschitz_bound: false}
resources: {workers: 2}
tracking: {uri: none}
"""
TOY = """
name: hard-life
task: toy
baseline: plain
arms: {plain: {}}
training: {steps: 400, step_ms: 100, checkpoint_every: 50}
resources: {workers: 2}
"""


class Cell:
    """The only cell of an experiment, on the cluster and as a pair of processes that is left alone."""

    def __init__(self, lab: Any, whole: Path, steps: int) -> None:
        self.lab, self.whole, self.steps = lab, whole, steps
        lab.patience_s = 900.0
        (self.cell,) = lab.session().plan.cells
        self.key = self.cell.train_key
        self._pair = [
            lab.start_script("pair.py", str(lab.yaml), str(whole), str(whole / "group"), rank) for rank in "01"
        ]

    @property
    def state(self) -> KeyState:
        return read_key(self.lab.storage, self.key)

    def lease(self) -> LeaseInfo:
        """Who trains it."""
        found = _read(self.lab.storage / "ledger" / self.key)
        assert found is not None
        return found

    def started(self, steps: int) -> Any:
        """A driver whose cell has gone on by so many steps."""
        before, aim = self.state.attempts, self.state.step + steps
        driver = self.lab.start()
        self.lab.wait_for(f"step {aim}", lambda: self.state.attempts > before and self.state.step >= aim, driver)
        return driver

    def reaches(self, step: int, driver: Any) -> None:
        self.lab.wait_for(f"step {step}", lambda: self.state.step >= step, driver)

    def ends(self) -> list[tuple[str, str]]:
        """How each attempt ended."""
        events = read_events(self.lab.storage, self.key)
        return [(event.reason, event.failure) for event in events if isinstance(event, StateChanged)]

    def starts(self) -> list[int]:
        return [each.step for each in read_events(self.lab.storage, self.key) if isinstance(each, AttemptStarted)]

    def left_alone(self) -> None:
        """Wait for those who train it without Ray."""
        assert [process.wait(600) for process in self._pair] == [0, 0], self.lab.log(1) + self.lab.log(2)

    def digests(self, storage: Path) -> dict[str, str]:
        """Of the files of the last checkpoint."""
        folder = storage / "cells" / self.key / "checkpoints" / f"step-{self.steps:08d}"
        files = sorted(path for path in folder.iterdir() if path.name != "manifest.json")
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def cluster(machines: Any) -> Any:
    machines.up(**{"node-a": 1, "node-b": 1})
    return machines


def running(machines: Any) -> set[str]:
    """Actors that live on the cluster and room that is given away, by Ray's own list."""
    found = set[str]()
    for kind, name, state in (("actors", "class_name", "ALIVE"), ("placement_groups", "placement_group_id", "CREATED")):
        with urlopen(f"{machines.variables['RAY_API_SERVER_ADDRESS']}/api/v0/{kind}?limit=1000") as answer:
            rows = json.load(answer)["data"]["result"]["result"]
        found |= {row[name] for row in rows if row["state"] == state}
    return {name for name in found if name != "_AutoscalingCoordinatorActor"}  # one for all jobs of a cluster


class LostNode:
    """The node that leads the training is killed in mid-epoch, and there is no other one until a while later."""

    def __init__(self, cell: Cell, machines: Any) -> None:
        self.cell = cell
        driver = cell.started(25)
        before = cell.lease().owner
        self.drivers_host = cell.lease().driver.host
        machines.ask("kill", name=before.host)
        cell.lab.wait_for("a line that says why", lambda: "waiting for room" in cell.lab.log(), driver)
        machines.add("node-c")
        cell.lab.wait_for("a second attempt", lambda: cell.state.attempts == 2, driver)
        self.hosts = (before.host, cell.lease().owner.host)
        self.code = driver.wait(600)
        cell.left_alone()


@pytest.fixture(scope="module")
def lost(cluster: Any, laboratory: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> LostNode:
    text = NETWORK.replace("DATA", str(tmp_path_factory.mktemp("data")))
    lab = laboratory(text, **cluster.variables)
    return LostNode(Cell(lab, tmp_path_factory.mktemp("whole"), 60), cluster)


def test_a_cell_goes_on_where_another_node_is_found(lost: LostNode) -> None:
    assert lost.code == 0, lost.cell.lab.log(3)
    assert "Raylet" not in lost.cell.lab.log(3), "what Ray says of a node is not for the standard output"
    first, second = lost.hosts
    assert lost.drivers_host == "head" and first in ("node-a", "node-b") and second != first
    assert lost.cell.starts()[0] == 0 and lost.cell.starts()[1] >= 20


def test_a_lost_node_is_told_from_a_defect(lost: LostNode) -> None:
    (first, last) = lost.cell.ends()
    assert first[1] == "node_lost" and last == ("", "")


def test_it_ends_with_the_weights_of_a_pair_that_was_left_alone(lost: LostNode) -> None:
    assert lost.cell.digests(lost.cell.lab.storage) == lost.cell.digests(lost.cell.whole)
    assert lost.cell.state.alarms == ()


def test_a_cell_that_waits_says_for_what_and_why(lost: LostNode) -> None:
    log = lost.cell.lab.log(3)
    (line,) = [line for line in log.splitlines() if line.startswith("waiting for room")]
    assert "1 cell asks for 2 x 1 CPU; the nodes that are there hold 1 of the 2 workers of a cell" in line
    assert "free: 1 of 1 CPU on node 127.0.0.2" in line and line.endswith("1 node died since the cluster began")


class HardLife:
    """The same command five times: its driver is killed, its job is stopped, its node leaves, its head is lost."""

    def __init__(self, cell: Cell, machines: Any) -> None:
        self.cell, self.machines = cell, machines
        self.left: dict[str, set[str]] = {}
        self.kill_the_driver()
        self.stop_the_job()
        driver = self.drain_a_node()
        self.lose_the_head(driver)
        machines.up(**{"node-e": 1, "node-f": 1})
        self.code = cell.lab.run()
        cell.left_alone()

    def nothing_is_left(self, after: str) -> None:
        """Wait until nothing of the run lives on any node."""
        limit = time.monotonic() + 60
        while (found := running(self.machines)) and time.monotonic() < limit:
            time.sleep(1)
        self.left[after] = found

    def kill_the_driver(self) -> None:
        driver = self.cell.started(60)
        os.kill(driver.pid, signal.SIGKILL)
        driver.wait(30)
        self.nothing_is_left("the driver was killed")

    def stop_the_job(self) -> None:
        lab, server = self.cell.lab, self.machines.variables["RAY_API_SERVER_ADDRESS"]
        command = [sys.executable, "-m", "rcflab.cli", "run", str(lab.yaml), "--set", f"storage.root={lab.storage}"]
        body = {"entrypoint": shlex.join(command), "submission_id": "life"}
        request = Request(f"{server}/api/jobs/", json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urlopen(request):
            pass

        def reached() -> bool:
            with urlopen(f"{server}/api/jobs/life") as answer:
                assert json.load(answer)["status"] in ("PENDING", "RUNNING"), "the job ended"
            return self.cell.state.step >= 130

        lab.wait_for("step 130", reached, None)
        with urlopen(Request(f"{server}/api/jobs/life/stop", b"")):  # what `ray job stop` sends
            pass
        self.nothing_is_left("the job was stopped")
        with urlopen(f"{server}/api/jobs/life") as answer:
            self.job = json.load(answer)["status"]

    def drain_a_node(self) -> Any:
        """The node of the worker that leads leaves in a minute; there is another one."""
        lab, driver = self.cell.lab, self.cell.started(20)
        self.machines.add("node-d")
        self.drained = self.cell.lease().owner.host
        assert self.machines.ask("drain", name=self.drained, seconds=60) == {"accepted": True}
        attempts = self.cell.state.attempts
        lab.wait_for("an attempt elsewhere", lambda: self.cell.state.attempts > attempts, driver)
        self.moved_to = self.cell.lease().owner.host
        return driver

    def lose_the_head(self, driver: Any) -> None:
        self.cell.reaches(self.cell.state.step + 20, driver)
        self.machines.ask("kill_head")
        self.lost_code, self.lost_log = driver.wait(120), self.cell.lab.log()


@pytest.fixture(scope="module")
def life(
    cluster: Any, lost: LostNode, laboratory: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> HardLife:
    lab = laboratory(TOY)
    lab.variables = cluster.variables  # the address changes with the head
    return HardLife(Cell(lab, tmp_path_factory.mktemp("whole"), 400), cluster)


def test_the_same_command_goes_on_after_each_of_them(life: HardLife) -> None:
    assert life.code == 0, life.cell.lab.log()
    assert life.cell.state.state == "finished"
    starts = life.cell.starts()
    assert starts == sorted(starts) and starts[1] >= 50 and starts[2] >= 100, starts
    assert len(starts) in (4, 5), "without their head, the workers may or may not come to the end"


def test_nothing_of_a_run_outlives_its_driver_on_any_node(life: HardLife) -> None:
    assert life.left == {"the driver was killed": set(), "the job was stopped": set()}
    assert life.job == "STOPPED"


def test_a_node_that_is_announced_to_leave_is_left_with_a_checkpoint_and_without_a_failure(life: HardLife) -> None:
    (end,) = [event for event in read_events(life.cell.lab.storage, life.cell.key)
              if isinstance(event, StateChanged) and event.failure == "preempted"]  # fmt: skip
    assert end.state == "interrupted" and end.reason.startswith("preempted: its machine will be taken away in ")
    assert end.step in life.cell.starts()
    assert life.moved_to != life.drained


def test_a_lost_head_ends_the_driver_with_one_line(life: HardLife) -> None:
    assert life.lost_code == 69, life.lost_log
    errors = [line for line in life.lost_log.splitlines() if line.startswith("error:")]
    assert len(errors) == 1 and "the cluster's head at 127.0.0.2:" in errors[0], life.lost_log
    assert "run the same command again" in errors[0] and "Traceback" not in life.lost_log


def test_in_the_end_it_is_the_same_cell(life: HardLife) -> None:
    assert life.cell.digests(life.cell.lab.storage) == life.cell.digests(life.cell.whole)
    assert life.cell.state.alarms == ()
    assert list((life.cell.lab.storage / "ray").iterdir()) == []


def test_mlflow_has_one_run_of_it_with_each_step_once(life: HardLife) -> None:
    client = MlflowClient(f"sqlite:///{life.cell.lab.storage / 'mlflow.db'}")
    experiments = [each.experiment_id for each in client.search_experiments()]
    (run,) = client.search_runs(experiments, "tags.`rcflab.role` = 'cell'")
    assert run.info.status == "FINISHED"
    history = client.get_metric_history(run.info.run_id, "train/loss")
    assert sorted(point.step for point in history) == list(range(1, 401))
