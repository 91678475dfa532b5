"""What is told of a failure: its kind, and whose fault it was in a group of workers."""

import pytest

from rcflab.errors import AttemptLostError
from rcflab.execute.failures import blame, classify, classify_loss, is_out_of_reach


class WorkerHealthCheckFailedError(Exception):
    """Stands for Ray Train's error of this name, which wraps what Ray saw."""

    def __init__(self, health_check_failure: Exception) -> None:
        super().__init__("A worker health check failed.\nWorker info: ...")
        self.health_check_failure = health_check_failure


DEAD = WorkerHealthCheckFailedError(RuntimeError("The actor died unexpectedly before finishing this task."))
ECHO = AttemptLostError("advance: RuntimeError: [gloo/transport/tcp/pair.cc] Connection closed by peer [127.0.0.1]:1")


def test_the_defect_of_one_worker_is_told_without_the_echo_of_the_others() -> None:
    assert blame({0: ECHO, 1: ValueError("no such category\nand more")}) == (
        "worker 1: ValueError: no such category",
        "error",
    )


def test_a_worker_that_died_with_a_machine_that_was_taken_away_is_preempted_whatever_its_peers_say() -> None:
    taken = RuntimeError("The actor died because its node has died.")
    taken.preempted = True  # type: ignore[attr-defined]  as Ray's error has it
    assert blame({0: ValueError("collateral"), 1: WorkerHealthCheckFailedError(taken)})[1] == "preempted"


def test_ray_knows_of_a_dead_machine_later_than_of_a_process_that_it_cannot_reach() -> None:
    assert is_out_of_reach("worker 0: died (ActorUnavailableError: The actor is temporarily unavailable)")
    assert not is_out_of_reach("worker 0: died (ActorDiedError: its node has died)")


def test_a_worker_that_died_is_told_from_the_peer_that_lost_it() -> None:
    text, failure = blame({0: ECHO, 1: DEAD})
    assert text == "worker 1: died (RuntimeError: The actor died unexpectedly before finishing this task.)"
    assert failure == "worker_lost"


def test_where_there_is_only_an_echo_it_is_told() -> None:
    text, failure = blame({0: ECHO})
    assert text.startswith("worker 0: AttemptLostError: advance: RuntimeError") and failure == "worker_lost"


def test_a_defect_that_all_workers_meet_is_told_of_each() -> None:
    text, failure = blame({1: MemoryError("too much"), 0: AttemptLostError("advance: MemoryError: too much")})
    assert text == "worker 0: AttemptLostError: advance: MemoryError: too much; worker 1: MemoryError: too much"
    assert failure in ("error", "out_of_memory")


@pytest.mark.parametrize(
    ("reason", "failure"),
    [("Worker exit type: NODE_OUT_OF_MEMORY. Task was killed due to the node running out of memory", "out_of_memory"),
     ("The actor died because its node has died. Node Id: 0123", "node_lost"),
     ("Its node has died: the node was terminated, as it was preempted", "preempted"),
     ("The worker was killed due to the node running low on memory", "out_of_memory"),
     ("The actor died unexpectedly", "worker_lost")],
)  # fmt: skip
def test_a_lost_process_is_told_by_what_ray_says_of_it(reason: str, failure: str) -> None:
    assert classify_loss(reason) == failure


def test_lack_of_memory_is_no_plain_error() -> None:
    assert [classify(MemoryError()), classify(ValueError("x"))] == ["out_of_memory", "error"]
