"""What is told of cells that wait for room: what they ask for, what is free, who has the rest."""

from rcflab.execute.room import Node
from rcflab.execute.waiting import PATIENCE_S, Asked, Patience, Snapshot, explanation

ONE = {"CPU": 1.0}


def node(name: str, total: float, free: float, leaving: bool = False, gpus: float = 0) -> Node:
    return Node(name, {"CPU": total, "GPU": gpus}, {"CPU": free, "GPU": gpus}, leaving)


def waits(*parts: dict[str, float]) -> Asked:
    return Asked(parts, None, given=False)


def has(job: str | None, *parts: dict[str, float]) -> Asked:
    return Asked(parts, job, given=True)


def test_nothing_is_told_where_nothing_of_ours_waits() -> None:
    others = Asked((ONE,), "02000000", given=False)
    trial = Asked(({},), None, given=False)  # it asks for no CPU: the actor that leads a group of workers
    assert explanation(Snapshot((node("a", 2, 0),), (), (has(None, ONE), others, trial))) == ""


def test_a_busy_cluster_is_told_with_whoever_holds_it() -> None:
    now = Snapshot(
        (node("a", 2, 0), node("b", 2, 1)), (), (waits(ONE, ONE), waits(ONE, ONE), has(None, ONE), has("07000000", ONE))
    )
    assert explanation(now) == (
        "waiting for room: 2 cells ask for 2 x 1 CPU; free: 1 of 4 CPUs on 2 nodes (at most 1 on one of them); "
        "held: 1 CPU by cells of this run, 1 CPU by job 07000000, 1 CPU by others"
    )


def test_a_worker_that_no_node_can_ever_hold_is_told_first() -> None:
    line = explanation(Snapshot((node("a", 2, 2), node("b", 2, 2)), (), (waits({"CPU": 3.0}),)))
    assert line.startswith("waiting for room: 1 cell asks for 1 x 3 CPUs; no node is large enough, the largest has 2 C")


def test_a_group_that_the_nodes_cannot_hold_any_more_is_told_with_the_nodes_that_died() -> None:
    line = explanation(Snapshot((node("a", 1, 1),), ("b", "b"), (waits(ONE, ONE),)))
    assert "the nodes that are there hold 1 of the 2 workers of a cell" in line
    assert "free: 1 of 1 CPU on node a" in line and line.endswith("2 nodes died since the cluster began")


def test_a_node_that_is_about_to_leave_counts_for_nothing() -> None:
    line = explanation(Snapshot((node("a", 4, 4, leaving=True), node("b", 1, 0)), (), (waits({"CPU": 2.0}),)))
    assert "no node is large enough, the largest has 1 CPU" in line
    assert "free: 0 of 1 CPU on node b" in line and line.endswith("1 node about to leave")


def test_a_cluster_without_any_node_says_so() -> None:
    line = explanation(Snapshot((), ("a",), (waits(ONE),)))
    assert "there is no node; free: nothing, no node has any; 1 node died" in line


def test_both_kinds_are_told_where_both_are_asked_for() -> None:
    line = explanation(Snapshot((node("a", 8, 6, gpus=1),), (), (waits({"CPU": 2.0, "GPU": 1.0}),)))
    assert "asks for 1 x 2 CPUs, 1 GPU" in line and "free: 6 of 8 CPUs, 1 of 1 GPU on node a" in line


def test_a_line_is_told_once_it_has_been_so_for_a_while_and_gone_at_once() -> None:
    now = [0.0]
    patience = Patience(lambda: now[0])
    assert patience("waits") == ""
    now[0] = PATIENCE_S - 1
    assert patience("waits for another reason") == ""
    now[0] = PATIENCE_S
    assert patience("waits") == "waits"
    assert patience("") == ""
    now[0] += 1
    assert patience("waits again") == ""
