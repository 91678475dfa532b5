"""Fault points: inert without the wish, exact with it."""

import signal
import subprocess
import sys

import pytest

from rcflab.faults import FAULT_VARIABLE, InjectedFault, fault_point, reset_faults


@pytest.fixture(autouse=True)
def fresh_counts():
    reset_faults()


def test_a_point_does_nothing_without_the_variable(monkeypatch):
    monkeypatch.delenv(FAULT_VARIABLE, raising=False)
    fault_point("train.step")


def test_a_fault_strikes_at_the_asked_hit_and_at_no_other(monkeypatch):
    monkeypatch.setenv(FAULT_VARIABLE, "train.step:raise:3")
    struck = []
    for hit in range(1, 6):
        try:
            fault_point("train.step")
        except InjectedFault:
            struck.append(hit)
    assert struck == [3]


def test_another_point_is_left_alone(monkeypatch):
    monkeypatch.setenv(FAULT_VARIABLE, "train.step:raise:1")
    fault_point("train")
    fault_point("ledger.append")


def test_kill_ends_the_process_by_sigkill(monkeypatch):
    monkeypatch.setenv(FAULT_VARIABLE, "train.step:kill:2")
    code = "from rcflab.faults import fault_point as f; f('train.step'); print('one', flush=True); f('train.step')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "one\n")


@pytest.mark.parametrize("wish", ["train.step:raise", "train.step:raise:x", "train.step:explode:1"])
def test_a_wish_that_cannot_be_read_is_an_error(monkeypatch, wish):
    monkeypatch.setenv(FAULT_VARIABLE, wish)
    with pytest.raises(ValueError, match=FAULT_VARIABLE):
        fault_point("train.step")
