"""Gather every problem of one file, then raise them together.

check --> Collector.add(place, got, wanted) ... --> raise_if_any() --> InputError (at most 50 are spelled out)
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from rcf.errors import InputError, Problem

SPELLED_OUT = 50
"""A wrong frames folder gives thousands of equal problems; nobody reads more than a screen of them."""


@dataclass(slots=True)
class Collector:
    """The problems of one input file, in the order in which they were found."""

    file: str
    problems: list[Problem] = field(default_factory=list[Problem])
    more: int = 0

    def add(self, place: str, got: str, wanted: str, hint: str = "") -> None:
        """Note one problem; beyond the first 50 only their number is kept."""
        if len(self.problems) < SPELLED_OUT:
            self.problems.append(Problem(self.file, place, got, wanted, hint))
        else:
            self.more += 1

    @property
    def count(self) -> int:
        """How many problems were found."""
        return len(self.problems) + self.more

    def raise_if_any(self) -> None:
        """Raise rcf.errors.InputError when a problem was found."""
        if self.problems:
            raise InputError(self.listed())

    def listed(self) -> list[Problem]:
        """The problems, and as the last one how many more there are."""
        rest = [Problem(self.file, "", f"{self.more} more problems", "none", "Mend those above first")]
        return self.problems + (rest if self.more else [])


def refuse(file: Path | str, place: str, got: str, wanted: str, hint: str = "") -> NoReturn:
    """Raise rcf.errors.InputError with this one problem."""
    raise InputError([Problem(str(file), place, got, wanted, hint)])
