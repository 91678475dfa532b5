"""Workers whose driver is gone: seen by its process here, by its beats elsewhere."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from rcflab.execute import orphans
from rcflab.execute.batch import FILE, Batch
from rcflab.execute.job import Job
from rcflab.execute.notices import Halt, Paced, stop_of
from rcflab.execute.orphans import SILENCE_S, DriverWatch, sweep
from rcflab.ledger.files import replace_json
from rcflab.ledger.lease import ProcessId, this_process

MakeBatch = Callable[..., Batch]
ELSEWHERE = ProcessId("elsewhere", 1, "x")


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def dead() -> ProcessId:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return replace(this_process(), pid=child.pid, started="long ago")


def silent_for(batch: Batch, seconds: float) -> None:
    beat = (batch.folder / FILE).stat().st_mtime - seconds
    os.utime(batch.folder / FILE, (beat, beat))


def led_by(batch: Batch, driver: ProcessId) -> Batch:
    """The same batch of another driver, also on the disk."""
    value = json.loads((batch.folder / FILE).read_text())
    value["driver"] = {"host": driver.host, "pid": driver.pid, "started": driver.started}
    replace_json(batch.folder / FILE, value)
    return replace(batch, driver=driver)


def test_a_driver_on_this_host_is_gone_with_its_process(toy_batch: MakeBatch, toy_job: Callable[..., Job]) -> None:
    batch, clock = toy_batch(toy_job()), Clock()
    alive, gone = DriverWatch(batch, clock), DriverWatch(replace(batch, driver=dead()), clock)
    assert not gone.is_gone(), "it is too early to look"
    clock.now = 6
    assert gone.is_gone() and not alive.is_gone()


def test_a_driver_on_another_host_is_gone_once_no_beat_comes_for_a_while(
    toy_batch: MakeBatch, toy_job: Callable[..., Job]
) -> None:
    batch, clock = led_by(toy_batch(toy_job()), ELSEWHERE), Clock()
    watch = DriverWatch(batch, clock)
    for clock.now in (6, SILENCE_S, SILENCE_S + 6):
        assert not watch.is_gone()
    silent_for(batch, -5)  # a beat, by a clock that is not ours
    clock.now += SILENCE_S
    assert not watch.is_gone()
    clock.now += SILENCE_S - 6
    assert not watch.is_gone()
    clock.now += 12
    assert watch.is_gone()


def test_a_batch_that_is_gone_is_no_matter_of_its_driver(toy_batch: MakeBatch, toy_job: Callable[..., Job]) -> None:
    batch, clock = led_by(toy_batch(toy_job()), ELSEWHERE), Clock()
    watch = DriverWatch(batch, clock)
    batch.delete()
    clock.now = 2 * SILENCE_S
    assert not watch.is_gone() and batch.stop_requested()


def test_what_a_dead_driver_left_is_deleted(toy_batch: MakeBatch, toy_job: Callable[..., Job]) -> None:
    ours, left = toy_batch(toy_job()), led_by(toy_batch(toy_job()), dead())
    sweep(ours.storage)
    assert ours.folder.is_dir() and not left.folder.exists()
    assert [path.name for path in (ours.storage / "ray").iterdir()] == [ours.name]


def test_what_a_driver_on_another_host_left_is_deleted_once_it_is_silent(
    toy_batch: MakeBatch, toy_job: Callable[..., Job]
) -> None:
    batch = led_by(toy_batch(toy_job()), ELSEWHERE)
    silent_for(batch, SILENCE_S - 60)
    sweep(batch.storage)
    assert batch.folder.is_dir()
    silent_for(batch, SILENCE_S)
    sweep(batch.storage)
    assert not batch.folder.exists()


def test_a_beat_is_seen(toy_batch: MakeBatch, toy_job: Callable[..., Job]) -> None:
    batch = toy_batch(toy_job())
    silent_for(batch, 1000)
    before = batch.last_beat()
    batch.beat()
    assert batch.last_beat() > before + 900


def test_a_worker_is_stopped_by_the_operator_before_all_else(
    toy_batch: MakeBatch, toy_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = toy_batch(toy_job())
    leaves = Halt("its machine goes", "preempted")
    stop = stop_of(batch, lambda: leaves)
    assert stop() == leaves
    monkeypatch.setattr(orphans.DriverWatch, "is_gone", lambda watch: True)
    assert stop() == Halt("its driver is gone")
    batch.request_stop()
    assert stop() == Halt("asked to stop")


def test_what_costs_something_is_asked_now_and_then() -> None:
    clock, asked = Clock(), []
    paced = Paced(lambda: asked.append(clock.now), clock)  # type: ignore[func-returns-value]
    for clock.now in (1, 2.5, 3, 4, 5):
        paced()
    assert asked == [2.5, 5]
