"""Gather every problem of one file, then raise them together.

check --> Collector.add(place, got, wanted, rule) ... --> raise_if_any() --> InputError (at most 50 are spelled out)
                              `-> a rule that only `rcflab data check` asks for (rules.py) is dropped unless `strict`
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from rcf.data.rules import RULES
from rcf.errors import InputError, Problem

SPELLED_OUT = 50
"""A wrong frames folder gives thousands of equal problems; nobody reads more than a screen of them."""


@dataclass(slots=True)
class Collector:
    """The problems of one input file, in the order in which they were found."""

    file: str
    strict: bool = False
    """Whether the rules that training does not need are asked for too."""
    problems: list[Problem] = field(default_factory=list[Problem])
    more: int = 0
    counts: Counter[str] = field(default_factory=Counter[str])
    """How often each rule is broken, also beyond those that are spelled out."""

    def asks(self, rule: str) -> bool:
        """Whether a breach of `rule` counts here: what takes long to look for need not be looked for."""
        return self.strict or not rule or RULES[rule].training

    def add(self, place: str, got: str, wanted: str, hint: str = "", rule: str = "") -> None:
        """Note one problem; beyond the first 50 only their number is kept."""
        self.note(Problem(self.file, place, got, wanted, hint, rule))

    def note(self, problem: Problem) -> None:
        """Note one problem that was made elsewhere."""
        if not self.asks(problem.rule):
            return
        self.counts[problem.rule] += 1
        if len(self.problems) < SPELLED_OUT:
            self.problems.append(problem)
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


def refuse(file: Path | str, place: str, got: str, wanted: str, hint: str = "", rule: str = "") -> NoReturn:
    """Raise rcf.errors.InputError with this one problem."""
    raise InputError([Problem(str(file), place, got, wanted, hint, rule)])
