"""Events with made-up numbers, and a lease of this process."""

import subprocess
import sys

import pytest

from rcflab.ledger.events import AttemptStarted, CheckpointSaved, Evaluated, Metrics, StateChanged
from rcflab.ledger.lease import acquire, this_process

KEY = "0123456789abcdef"


class Make:
    """Events whose time follows from their step and attempt."""

    key = KEY

    @staticmethod
    def attempt(number=1, step=0, code="code-a"):
        return AttemptStarted(1000 * number, number, step, {"code_digest": code, "packages": {"torch": "2"}}, 42)

    @staticmethod
    def metrics(step, loss, attempt=1, **others):
        return Metrics(1000 * attempt + step, step, {"train/loss": loss, **others})

    @staticmethod
    def checkpoint(step):
        return CheckpointSaved(2000 + step, step, f"cells/{KEY}/checkpoints/step-{step:08d}", "ab" * 32)

    @staticmethod
    def evaluation(step, score, *, eval_key="e" * 16, final=True, code="code-a"):
        values = {"toy/score": score}
        return Evaluated(3000 + step, step, eval_key, final, values, "videos", "r.npz", ("a.json",), code)

    @staticmethod
    def state(state, step=0, reason="", failure=""):
        return StateChanged(4000 + step, step, state, reason, failure)


@pytest.fixture
def make():
    return Make


@pytest.fixture
def lease(tmp_path):
    return acquire(tmp_path, KEY, this_process())


@pytest.fixture
def spawn(tmp_path):
    """Run Python code in a process of its own that is killed at the end of the test; `storage` is defined for it."""
    children = []

    def start(code):
        head = f"from pathlib import Path\nstorage = Path({str(tmp_path)!r})\nkey = {KEY!r}\n"
        child = subprocess.Popen(
            [sys.executable, "-c", head + code], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
        )
        children.append(child)
        return child

    yield start
    for child in children:
        child.kill()
        child.wait()
        child.stdout.close()
        child.stdin.close()
