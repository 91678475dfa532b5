"""What is left of a Ray when it goes down: nothing that another thread could drop meanwhile."""

import gc
from typing import Any

import pytest

from rcflab.execute import ray_session
from rcflab.execute.batch import Resources

NARROW = Resources(False, 1, 1, 0, None, True, 50)


class Handle:
    """As Tune leaves them: in a cycle, so that only the garbage collector finds them."""

    def __init__(self, dropped: list[str]) -> None:
        self.itself, self._dropped = self, dropped

    def __del__(self) -> None:
        self._dropped.append("dropped")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happened, in order; no Ray is started."""
    found: list[str] = []

    def shutdown() -> None:
        found.append(f"down, collector {'on' if gc.isenabled() else 'off'}")

    monkeypatch.setattr(ray_session.ray, "init", lambda *given, **named: found.append("up"))
    monkeypatch.setattr(ray_session.ray, "shutdown", shutdown)
    return found


def test_handles_in_cycles_are_dropped_before_ray_goes_down(told: list[str]) -> None:
    gc.disable()  # so that nothing but the end of Ray can collect
    try:
        with ray_session.ray_started(NARROW):
            Handle(told)
        assert told == ["up", "dropped", "down, collector off"]
        assert not gc.isenabled(), "left as it was"
    finally:
        gc.enable()


def test_the_collector_rests_while_ray_goes_down_and_works_again_after_it(told: list[str]) -> None:
    with pytest.raises(KeyboardInterrupt), ray_session.ray_started(NARROW):
        raise KeyboardInterrupt
    assert told[-1] == "down, collector off"
    assert gc.isenabled()


def test_a_ray_that_does_not_start_ends_the_same_way(told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: Any, **named: Any) -> None:
        raise RuntimeError("no port is free")

    monkeypatch.setattr(ray_session.ray, "init", refuse)
    with pytest.raises(ray_session.ServiceDownError, match="no port is free"), ray_session.ray_started(NARROW):
        pass
    assert told == ["down, collector off"]
    assert gc.isenabled()
