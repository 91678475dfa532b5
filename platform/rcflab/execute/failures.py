"""What went wrong, in the ledger's words.

exception --classify--> non_finite | out_of_memory | error                 --describe--> one line for people
reason of a lost process --classify_loss--> out_of_memory | preempted | node_lost | worker_lost
"""

from collections.abc import Mapping

from rcf.errors import NonFiniteLossError
from rcflab.ledger.events import Failure

_PEER_IS_GONE = (
    "connection closed by peer", "connection reset by peer", "connection refused", "broken pipe", "timed out", "gloo",
    "nccl", "socket timeout",
)  # fmt: skip
_NO_MEMORY = ("can't allocate memory", "out of memory", "out_of_memory", "running low on memory")
_PREEMPTED = ("preempted", "preemption")
_NODE_IS_GONE = ("node has died", "node was dead", "node is dead", "node died", "node was terminated", "nodediederror")
"""What Ray says of an actor whose machine is gone (ray/exceptions.py and its actor manager)."""


def classify(error: BaseException) -> Failure:
    """The kind of failure; torch reports lack of memory as a RuntimeError of its own or a plain one."""
    if isinstance(error, NonFiniteLossError):
        return "non_finite"
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "out_of_memory"
    return "out_of_memory" if _lacks_memory(str(error)) else "error"


def classify_loss(reason: str) -> Failure:
    """The class of failure of a training whose process died or hung, by what Ray says of it."""
    if _lacks_memory(reason):
        return "out_of_memory"
    text = reason.lower()
    if any(sign in text for sign in _PREEMPTED):
        return "preempted"
    return "node_lost" if any(sign in text for sign in _NODE_IS_GONE) else "worker_lost"


def is_out_of_reach(reason: str) -> bool:
    """Whether Ray only says that it cannot reach a process: it takes a while to know that a machine is dead."""
    return "unavailable" in reason.lower()


def blame(failures: Mapping[int, Exception]) -> tuple[str, Failure]:
    """What a group of workers failed of, from the error of each rank: one line for people, and its kind.

    When one worker fails, the others lose a peer: their errors are left out where there is any other.
    """
    own = {rank: error for rank, error in failures.items() if not _is_echo(error)}
    shown = own or failures
    text = "; ".join(f"worker {rank}: {_cause(error)}" for rank, error in sorted(shown.items()))
    if any(_is_preempted(error) for error in failures.values()):  # the rest is what its peers saw of it
        return text, "preempted"
    defects = [error for error in own.values() if not _is_death(error)]
    return text, classify(defects[0]) if defects else classify_loss(text)


def _is_preempted(error: Exception) -> bool:
    """Whether a worker died with a machine that was taken away: Ray marks its error."""
    return getattr(getattr(error, "health_check_failure", None), "preempted", False) is True


def _is_echo(error: Exception) -> bool:
    return not _is_death(error) and any(sign in str(error).lower() for sign in _PEER_IS_GONE)


def _is_death(error: Exception) -> bool:
    """Ray Train's own errors: a worker that died, or does not answer any more."""
    return type(error).__name__.startswith("WorkerHealthCheck")


def _cause(error: Exception) -> str:
    inner = getattr(error, "health_check_failure", None)
    return f"died ({describe(inner)})" if isinstance(inner, Exception) else describe(error)


def _lacks_memory(text: str) -> bool:
    return any(sign in text.lower() for sign in _NO_MEMORY)


def describe(error: BaseException) -> str:
    """Exception class and first line of its message."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
