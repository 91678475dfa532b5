"""Node after node is killed under one cell, as often as RCF_NODE_KILLS says: half an hour for ten, so not by default.

RCF_NODE_KILLS=10 make test PYTEST_ARGS="-k many_nodes --timeout=0"
"""

import hashlib
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rcflab.ledger.events import AttemptStarted, StateChanged
from rcflab.ledger.lease import holder
from rcflab.ledger.reader import read_events, read_key

KILLS = int(os.environ.get("RCF_NODE_KILLS", "0"))
pytestmark = [
    pytest.mark.skipif(not KILLS, reason="RCF_NODE_KILLS is not set"),
    pytest.mark.timeout(600 * (KILLS + 2)),
]
EVERY = 40
TOY = f"""
name: many-nodes
task: toy
baseline: plain
arms: {{plain: {{}}}}
training: {{steps: {EVERY * (KILLS + 2)}, step_ms: 50, checkpoint_every: 10}}
resources: {{workers: 2}}
tracking: {{uri: none}}
"""


class Struck:
    """The node of one of the two workers is killed at a random moment, again and again; each time another one comes."""

    def __init__(self, lab: Any, machines: Any, whole: Path) -> None:
        lab.patience_s = 900.0
        self.lab, self.whole = lab, whole
        (cell,) = lab.session().plan.cells
        self.key, self.chance = cell.train_key, random.Random(KILLS)
        machines.up(**{"node-0": 1, "node-1": 1})
        driver = lab.start()
        for kill in range(KILLS):
            aim = read_key(lab.storage, self.key).step + EVERY // 2
            lab.wait_for(f"step {aim}", lambda aim=aim: read_key(lab.storage, self.key).step >= aim, driver)
            time.sleep(self.chance.random())
            found = holder(lab.storage, self.key)
            leads = found.owner.host if found else "node-0"
            other = next(name for name in machines.ids if name != leads)
            name = self.chance.choice([leads, other])
            machines.ask("kill", name=name)
            del machines.ids[name]
            machines.add(f"node-{kill + 2}")
        self.code = driver.wait(900)
        pair = [lab.start_script("pair.py", str(lab.yaml), str(whole), str(whole / "group"), rank) for rank in "01"]
        assert [process.wait(600) for process in pair] == [0, 0], lab.log()

    def digest(self, storage: Path) -> str:
        path = sorted((storage / "cells" / self.key / "checkpoints").glob("step-*"))[-1] / "weights.npy"
        return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def struck(machines: Any, laboratory: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Struck:
    lab = laboratory(TOY)
    lab.variables = machines.variables  # the address comes with the head
    return Struck(lab, machines, tmp_path_factory.mktemp("whole"))


def test_a_cell_outlives_many_nodes_bit_for_bit(struck: Struck) -> None:
    assert struck.code == 0, struck.lab.log(1)
    state = read_key(struck.lab.storage, struck.key)
    assert state.state == "finished" and state.alarms == ()
    assert struck.digest(struck.lab.storage) == struck.digest(struck.whole)


def test_each_lost_attempt_is_recorded_and_none_is_a_failure(struck: Struck) -> None:
    events = read_events(struck.lab.storage, struck.key)
    starts = [event.step for event in events if isinstance(event, AttemptStarted)]
    ends = [event for event in events if isinstance(event, StateChanged)]
    assert starts == sorted(starts) and len(ends) == len(starts) >= KILLS + 1
    assert {event.state for event in ends[:-1]} == {"interrupted"} and ends[-1].state == "finished"
