"""Faults that a person can act on, each with its exit code.

rcf.errors.InputError   2   bad input          CellsFailedError    3   some trials failed
ServiceDownError       69   a service is down  StorageError       74   disk full, read-only, no permission
InterruptedRunError    75   resumable          (Ctrl-C          130)
  BudgetSpentError     75   the same, once more is allowed
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rcf.errors import InputError, Problem, RcfError

if TYPE_CHECKING:
    from rcflab.budget import Item

__all__ = [
    "AttemptLostError",
    "BudgetSpentError",
    "CellsFailedError",
    "FencedError",
    "IncompleteError",
    "InputError",
    "InterruptedRunError",
    "LabError",
    "Problem",
    "RcfError",
    "ServiceDownError",
    "StorageError",
    "exit_code_of",
    "first_line",
]


class LabError(RcfError):
    """Root of the platform's own errors."""

    exit_code = 1


class CellsFailedError(LabError):
    """Some trials failed; the others are complete."""

    exit_code = 3


class IncompleteError(LabError):
    """A table was asked for, but a cell is missing, failed, stale or doubled."""

    exit_code = 3


class ServiceDownError(LabError):
    """A service (MLflow, Ray) does not answer."""

    exit_code = 69


class StorageError(LabError):
    """The storage path cannot be written or read."""

    exit_code = 74


class InterruptedRunError(LabError):
    """The run was told to stop; the same command resumes it."""

    exit_code = 75


class BudgetSpentError(InterruptedRunError):
    """Some limits of the budget are reached; what ran has saved a checkpoint."""

    def __init__(self, spent: "Sequence[Item]", more: str = "") -> None:
        """`spent` are the limits that are reached; `more` says what is done and what is left."""
        fields = ", ".join(f"budget.{item.field}" for item in spent)
        text = f"the budget is spent: {', '.join(map(str, spent))}"
        super().__init__(f"{text}. {more}Raise {fields} and run the same command again")
        self.spent = tuple(spent)


class AttemptLostError(RcfError):
    """This attempt at a training cannot go on, but another one can, from the newest checkpoint: a process was lost."""


class FencedError(LabError):
    """A newer owner holds the lease of this key: this writer must stop at once."""


def first_line(error: Exception) -> str:
    """What an error says first, without the full stop; its kind where it says nothing."""
    return next((line.strip(" .") for line in str(error).splitlines() if line.strip()), type(error).__name__)


def exit_code_of(error: RcfError) -> int:
    """The process exit code of an expected fault."""
    return error.exit_code if isinstance(error, LabError) else 2 if isinstance(error, InputError) else 1
