"""How many cells a connected Ray can hold, and which it cannot hold at all."""

import socket

import pytest

from rcflab.errors import InputError, ServiceDownError
from rcflab.execute import ray_session
from rcflab.execute.batch import Resources
from rcflab.execute.room import Node


def connected(monkeypatch: pytest.MonkeyPatch, *cpus: float) -> None:
    """As if Ray were a cluster of nodes with so many CPUs."""
    nodes = [Node("10.0.0.1", {"CPU": count}, {"CPU": count}) for count in cpus]
    monkeypatch.setenv("RAY_ADDRESS", "somewhere:1")
    monkeypatch.setattr(ray_session, "living_nodes", lambda: nodes)


def wide(most: int | None, grows: bool = False) -> Resources:
    return Resources(True, 2, 1, 0, most, True, 50, grows=grows)


@pytest.mark.parametrize(("most", "wanted"), [(None, 3), (2, 2), (9, 3)])
def test_no_more_cells_than_fit_and_than_the_file_allows_run_side_by_side(
    monkeypatch: pytest.MonkeyPatch, most: int | None, wanted: int
) -> None:
    connected(monkeypatch, 3, 4)
    assert ray_session.concurrency(wide(most)) == wanted


def test_a_cell_that_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    connected(monkeypatch, 1)
    with pytest.raises(InputError, match="workers of one cell, each of 1 CPU: got 2, expected at most 1, on 1 nodes"):
        ray_session.concurrency(wide(4))


def test_a_cluster_that_grows_is_asked_for_what_the_file_says(monkeypatch: pytest.MonkeyPatch) -> None:
    connected(monkeypatch)
    assert ray_session.concurrency(wide(40, grows=True)) == 40


def test_this_machine_does_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    connected(monkeypatch, 2)
    monkeypatch.delenv("RAY_ADDRESS")
    assert ray_session.concurrency(wide(40, grows=True)) == 1


def test_an_address_where_nothing_listens_is_a_service_that_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:  # bound and not listening: nobody else can answer there
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        monkeypatch.setenv("RAY_ADDRESS", address)
        with (
            pytest.raises(ServiceDownError, match=rf"Ray at {address} \(RAY_ADDRESS\) does not answer: .*refused"),
            ray_session.ray_started(Resources(False, 1, 1, 0, None, True, 50)),
        ):
            pytest.fail("the block must not begin")


def test_a_ray_that_does_not_come_up_here_is_a_service_that_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    def time_out(address: str | None, **options: object) -> None:
        raise Exception("The current node timed out during startup.")  # what Ray 2.60 raises, _private/node.py

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(ray_session.ray, "init", time_out)
    with (
        pytest.raises(ServiceDownError, match="does not start on this machine: The current node timed out"),
        ray_session.ray_started(Resources(False, 1, 1, 0, None, True, 50)),
    ):
        pytest.fail("the block must not begin")


def test_a_fault_of_the_block_is_not_taken_for_one_of_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_session.ray, "init", lambda address, **options: None)
    with pytest.raises(KeyError, match="ours"), ray_session.ray_started(Resources(False, 1, 1, 0, None, True, 50)):
        raise KeyError("ours")
