"""How many cells a cluster holds, counted node by node."""

import pytest

from rcflab.execute.batch import Resources
from rcflab.execute.room import Node, cells_at_once, largest, room_problems, worker_needs


def node(cpus: float, gpus: float = 0, leaving: bool = False) -> Node:
    total = {"CPU": cpus, "GPU": gpus}
    return Node("10.0.0.1", total, total, leaving)


def wide(workers: int, threads: int, gpus: float = 0) -> Resources:
    return Resources(True, workers, threads, gpus, None, True, 50)


@pytest.mark.parametrize(
    ("workers", "threads", "gpus", "nodes", "wanted"),
    [
        (1, 3, 0, [(2, 0), (2, 0)], 0),  # four CPUs, and no node with three
        (1, 3, 0, [(4, 0), (4, 0)], 2),  # one CPU is left over on each
        (2, 1, 0, [(1, 0), (1, 0)], 1),  # a cell over two nodes
        (2, 3, 0, [(4, 0), (8, 0)], 1),  # one place and two places: three workers are one cell and a half
        (4, 1, 1, [(64, 8), (64, 8)], 4),
        (1, 8, 1, [(16, 8)], 2),  # GPUs are left over
        (1, 1, 0.5, [(8, 2)], 4),
        (1, 1, 0.4, [(8, 2)], 4),  # two on each GPU: five would need one that lies on both
        (1, 1, 1 / 3, [(8, 1)], 3),
        (1, 1, 0, [], 0),
    ],
)
def test_as_many_cells_run_side_by_side_as_nodes_hold(
    workers: int, threads: int, gpus: float, nodes: list[tuple[float, float]], wanted: int
) -> None:
    assert cells_at_once([node(*each) for each in nodes], wide(workers, threads, gpus)) == wanted


def test_a_node_that_is_about_to_leave_holds_nothing() -> None:
    assert cells_at_once([node(4), node(4, leaving=True)], wide(1, 2)) == 2


def test_a_worker_that_no_node_can_hold_is_refused_with_the_largest() -> None:
    (problem,) = room_problems([node(2), node(2)], wide(1, 3))
    assert str(problem).startswith("Ray: one worker of a cell: got 3 CPUs, expected what one node has: 2 CPUs")


def test_a_cell_that_all_nodes_together_cannot_hold_is_refused_with_what_they_hold() -> None:
    (problem,) = room_problems([node(2), node(1)], wide(4, 1))
    assert "workers of one cell, each of 1 CPU: got 4, expected at most 3, on 2 nodes" in str(problem)
    assert "resources.grows" in str(problem)


def test_a_cluster_of_no_nodes_says_so() -> None:
    (problem,) = room_problems([node(8, leaving=True)], wide(1, 1))
    assert "expected what one node has: there is none" in str(problem)


def test_where_no_node_has_most_of_all_each_best_one_is_named() -> None:
    nodes = [node(64, 0), node(8, 4), node(4, 4)]
    assert largest(nodes, worker_needs(wide(1, 16, 1))) == "64 CPUs, 0 GPUs or 8 CPUs, 4 GPUs"


def test_a_cell_that_fits_is_no_problem() -> None:
    assert room_problems([node(1), node(1)], wide(2, 1)) == []
