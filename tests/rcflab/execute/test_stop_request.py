"""What ends a run: signals of the operator, and a cluster that is gone."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator

import pytest

from rcflab.errors import InterruptedRunError, ServiceDownError
from rcflab.execute import driver
from rcflab.execute.batch import Batch
from rcflab.execute.driver import StopRequest, run_on_ray
from rcflab.execute.job import Job

MakeBatch = Callable[..., Batch]
GONE = ServiceDownError("the head is gone")


@pytest.fixture
def batch(toy_batch: MakeBatch, toy_job: Callable[..., Job]) -> Batch:
    return toy_batch(toy_job())


@pytest.fixture
def _hangup_kept() -> Generator[None]:
    before = signal.getsignal(signal.SIGHUP)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_signal_asks_the_jobs_to_stop(batch: Batch, number: int) -> None:
    stop = StopRequest(batch)
    with stop.listening():
        os.kill(os.getpid(), number)
    assert stop() and stop.signal == number and batch.stop_requested()


@pytest.mark.usefixtures("_hangup_kept")
def test_under_nohup_a_closed_terminal_stops_nothing(batch: Batch) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stop = StopRequest(batch)
    with stop.listening():
        os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    assert not stop()


def test_a_lost_head_takes_the_main_thread_out_of_whatever_it_waits_for(batch: Batch) -> None:
    stop = StopRequest(batch)
    stop.over.set()
    thread = threading.Timer(0.2, stop.abandon, [GONE])
    with stop.listening(), pytest.raises(ServiceDownError, match="the head is gone"):
        thread.start()
        time.sleep(60)
    thread.join()
    assert stop()


def run_as(monkeypatch: pytest.MonkeyPatch, batch: Batch, change: Callable[[StopRequest], None]) -> None:
    def run(given: Batch, stop: StopRequest, *others: object) -> dict[str, object]:
        change(stop)
        raise RuntimeError("what Tune makes of it")

    monkeypatch.setattr(driver, "_run_on_ray", run)
    run_on_ray(batch)


def test_a_lost_head_is_told_in_our_words_whatever_tune_makes_of_it(
    monkeypatch: pytest.MonkeyPatch, batch: Batch
) -> None:
    with pytest.raises(ServiceDownError, match="the head is gone"):
        run_as(monkeypatch, batch, lambda stop: setattr(stop, "lost", GONE))
    assert not batch.folder.exists()


def test_a_fault_of_its_own_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch, batch: Batch) -> None:
    with pytest.raises(RuntimeError, match="what Tune makes of it"):
        run_as(monkeypatch, batch, lambda stop: None)


def test_a_closed_terminal_is_an_interruption(monkeypatch: pytest.MonkeyPatch, batch: Batch) -> None:
    def run(given: Batch, stop: StopRequest, *others: object) -> dict[str, object]:
        stop.signal = signal.SIGHUP
        return {}

    monkeypatch.setattr(driver, "_run_on_ray", run)
    with pytest.raises(InterruptedRunError, match="the same command goes on from here"):
        run_on_ray(batch)


DEAF = """
import signal, sys, threading, time
from pathlib import Path
from rcflab.errors import ServiceDownError
from rcflab.execute import driver
from rcflab.execute.batch import Batch

driver._LAST_RESORT_S = 0.2
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # as in a call of Ray that waits for its head
stop = driver.StopRequest(Batch.read(Path(sys.argv[1])))
with stop.listening():
    threading.Thread(target=stop.abandon, args=[ServiceDownError("the head is gone")], daemon=True).start()
    time.sleep(120)
"""


def test_a_main_thread_that_hears_nothing_is_ended_with_the_exit_code_of_the_fault(batch: Batch) -> None:
    done = subprocess.run([sys.executable, "-c", DEAF, str(batch.folder)], capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr) == (69, "error: the head is gone\n")
    assert not batch.folder.exists(), "workers that still live see it and end"
