"""What went wrong, in the ledger's words.

exception --classify--> non_finite | out_of_memory | error        --describe--> one line for people
"""

from typing import Literal

from rcf.errors import NonFiniteLossError

Failure = Literal["non_finite", "out_of_memory", "error"]
_NO_MEMORY = ("can't allocate memory", "out of memory")


def classify(error: BaseException) -> Failure:
    """The kind of failure; torch reports lack of memory as a RuntimeError of its own or a plain one."""
    if isinstance(error, NonFiniteLossError):
        return "non_finite"
    text = str(error).lower()
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "out_of_memory"
    return "out_of_memory" if any(sign in text for sign in _NO_MEMORY) else "error"


def describe(error: BaseException) -> str:
    """Exception class and first line of its message."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
