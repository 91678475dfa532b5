"""The load of machine and process beside the loss: sampled seldom, and never in the way."""

import psutil
import pytest

from rcflab.execute.system_load import EVERY_S, SystemLoad
from rcflab.metrics import METRICS


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_the_first_step_the_last_one_and_few_between_are_sampled(clock):
    load = SystemLoad(clock)
    sampled = []
    for step in range(1, 31):
        clock.now += EVERY_S / 4
        if load.sample(last=step == 30):
            sampled.append(step)
    assert sampled == [1, 5, 9, 13, 17, 21, 25, 29, 30]


def test_every_key_is_declared_and_every_value_is_sane(clock):
    values = SystemLoad(clock).sample(last=True)
    assert set(values) <= set(METRICS)
    assert 0 < values["system/system_memory_usage_percentage"] < 100
    assert 1 < values["system/process_memory_megabytes"] < 1e6


@pytest.mark.parametrize("error", [psutil.Error(), OSError("no /proc")])
def test_a_system_that_does_not_tell_is_no_fault(clock, monkeypatch, error):
    def refuse(*arguments):
        raise error

    load = SystemLoad(clock)
    monkeypatch.setattr(psutil, "cpu_percent", refuse)
    assert load.sample(last=True) == {}


def test_a_gpu_that_is_in_use_is_told_with_or_without_its_driver_library(clock, monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (6 * 10**9, 8 * 10**9))
    monkeypatch.setattr(torch.cuda, "utilization", lambda: 87)
    values = SystemLoad(clock).sample(last=True)
    assert values["system/gpu_0_memory_usage_megabytes"] == 2000
    assert values["system/gpu_0_utilization_percentage"] == 87

    def missing():
        raise ModuleNotFoundError("pynvml")

    monkeypatch.setattr(torch.cuda, "utilization", missing)
    values = SystemLoad(clock).sample(last=True)
    assert "system/gpu_0_utilization_percentage" not in values and "system/gpu_0_memory_usage_megabytes" in values
