"""The one vocabulary of faults.

Problem   one fault in one input: file, place, what came, what was wanted, the next move
RcfError  everything that callers may catch
  InputError(problems)     bad input: all problems of a file at once
  NonFiniteLossError       training left the finite numbers: step and term
  CheckpointError          a checkpoint that cannot be used
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of one input, worded for the person who has to mend it."""

    file: str
    place: str
    """Dotted path, JSON pointer or frame; empty when the file as a whole is meant."""
    got: str
    wanted: str
    hint: str = ""
    rule: str = ""
    """Id of the broken rule (rcf/data/rules.py), for programs and for the table of rules; empty where there is none."""

    def __str__(self) -> str:
        where = f"{self.file}: {self.place}" if self.place else self.file
        hint = f". {self.hint}" if self.hint else ""
        rule = f" [{self.rule}]" if self.rule else ""
        return f"{where}: got {self.got}, expected {self.wanted}{hint}{rule}"


class RcfError(Exception):
    """Root of all errors that a caller may want to catch."""


class InputError(RcfError):
    """Bad input, with every problem that was found in it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        if not problems:
            raise ValueError("InputError needs at least one problem")
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type["InputError"], tuple[tuple[Problem, ...]]]:
        return InputError, (self.problems,)


class NonFiniteLossError(RcfError):
    """A loss term became NaN or infinite."""

    def __init__(self, step: int, term: str, value: float) -> None:
        self.step, self.term, self.value = step, term, value
        super().__init__(
            f"non-finite loss at step {step}: {term} is {value}. Lower training.lr or set training.clip_norm"
        )

    def __reduce__(self) -> tuple[type["NonFiniteLossError"], tuple[int, str, float]]:
        return NonFiniteLossError, (self.step, self.term, self.value)


class CheckpointError(RcfError):
    """A checkpoint is missing, damaged or made for another network."""


class SourceStoppedError(RcfError):
    """A live source of frames fell silent: how many frames it gave, and why it ended."""
