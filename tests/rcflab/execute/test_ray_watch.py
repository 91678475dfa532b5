"""The driver's look at its cluster: why cells wait, and whether the head is still there. No Ray is started."""

import socket
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from rcflab.errors import ServiceDownError
from rcflab.execute import ray_watch
from rcflab.execute.waiting import Asked, Snapshot

WAITS = Snapshot((), (), (Asked(({"CPU": 1.0},), None, given=False),))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_watch, "_EVERY_S", 0.01)
    monkeypatch.setattr(ray_watch, "HEAD_LOST_S", 0.1)
    monkeypatch.setattr(ray_watch, "Patience", lambda clock: lambda line: line)


def watch(
    monkeypatch: pytest.MonkeyPatch, head: socket.socket, snapshot: Callable[[], Snapshot]
) -> tuple[list[str], threading.Event, list[ServiceDownError]]:
    """What is told while `head` listens, and, once it does not, the fault that ends the block."""
    address = f"127.0.0.1:{head.getsockname()[1]}"
    monkeypatch.setattr(ray_watch.ray, "get_runtime_context", lambda: SimpleNamespace(gcs_address=address))
    monkeypatch.setattr(ray_watch, "snapshot", snapshot)
    told: list[str] = []
    faults: list[ServiceDownError] = []
    over = threading.Event()

    def lost(fault: ServiceDownError) -> None:
        faults.append(fault)
        over.set()

    with ray_watch.cluster_watched(told.append, lost):
        limit = time.monotonic() + 60
        while not any(told) and time.monotonic() < limit:
            time.sleep(0.01)
        assert not over.is_set()
        head.close()
        over.wait(60)
    return told, over, faults


def listening() -> socket.socket:
    head = socket.socket()
    head.bind(("127.0.0.1", 0))
    head.listen(1000)
    return head


def test_it_tells_why_cells_wait_and_in_the_end_that_they_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    told, _, _ = watch(monkeypatch, listening(), lambda: WAITS)
    assert told[0].startswith("waiting for room: 1 cell asks for 1 x 1 CPU; there is no node")
    assert told[-1] == ""


def test_a_head_that_does_not_answer_for_a_while_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "somewhere")
    _, over, (fault,) = watch(monkeypatch, listening(), lambda: WAITS)
    assert over.is_set() and "the cluster's head at 127.0.0.1:" in str(fault)
    assert "run the same command again once it is up" in str(fault) and fault.exit_code == 69


def test_a_question_that_is_never_answered_hides_no_lost_head(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def snapshot() -> Snapshot:
        asked.append(1)
        if len(asked) > 1:  # as Ray waits for a head that died in the middle of it
            time.sleep(2)
        return WAITS

    _, over, _ = watch(monkeypatch, listening(), snapshot)
    assert over.is_set()


def test_a_look_that_fails_ends_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def snapshot() -> Snapshot:
        asked.append(1)
        if len(asked) == 1:
            raise RuntimeError("Ray is busy")
        return WAITS

    told, _, _ = watch(monkeypatch, listening(), snapshot)
    assert any(told)


def test_a_host_that_is_no_host_answers_nothing() -> None:
    assert not ray_watch.answers("nowhere.invalid:1")
