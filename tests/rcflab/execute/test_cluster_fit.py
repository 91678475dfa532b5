"""How many cells a connected Ray can hold, and which it cannot hold at all."""

from collections.abc import Mapping

import pytest

from rcflab.errors import InputError
from rcflab.execute import ray_tune
from rcflab.execute.batch import Resources


def cells(
    monkeypatch: pytest.MonkeyPatch, cluster: Mapping[str, float], workers: int, threads: int, gpus: float
) -> int:
    monkeypatch.setenv("RAY_ADDRESS", "somewhere:1")
    monkeypatch.setattr(ray_tune.ray, "cluster_resources", lambda: cluster)
    return ray_tune.concurrency(Resources(True, workers, threads, gpus, None, True, 50))


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
