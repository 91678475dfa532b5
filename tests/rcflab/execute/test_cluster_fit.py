"""How many cells a connected Ray can hold, and which it cannot hold at all."""

import socket
from collections.abc import Mapping

import pytest

from rcflab.errors import InputError, ServiceDownError
from rcflab.execute import ray_session
from rcflab.execute.batch import Resources


def cells(
    monkeypatch: pytest.MonkeyPatch, cluster: Mapping[str, float], workers: int, threads: int, gpus: float
) -> int:
    monkeypatch.setenv("RAY_ADDRESS", "somewhere:1")
    monkeypatch.setattr(ray_session.ray, "cluster_resources", lambda: cluster)
    return ray_session.concurrency(Resources(True, workers, threads, gpus, None, True, 50))


@pytest.mark.parametrize(
    ("workers", "threads", "gpus", "wanted"), [(1, 1, 0, 8), (2, 2, 0, 2), (2, 1, 1.0, 1), (1, 1, 0.5, 4)]
)
def test_as_many_cells_run_side_by_side_as_fit(
    monkeypatch: pytest.MonkeyPatch, workers: int, threads: int, gpus: float, wanted: int
) -> None:
    assert cells(monkeypatch, {"CPU": 8.0, "GPU": 2.0}, workers, threads, gpus) == wanted


def test_a_cell_that_no_part_of_the_cluster_can_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="GPUs of one cell: got 4, expected at most 2"):
        cells(monkeypatch, {"CPU": 8.0, "GPU": 2.0}, 4, 1, 1.0)


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
