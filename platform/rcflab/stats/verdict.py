"""What may be said about a difference, in words.

p after Holm < alpha  --> better / worse by d [low, high]
else TOST holds       --> no difference within ±M
else                  --> no difference shown (an effect up to ... is not excluded)
one seed, no spread   --> not testable
the same records      --> identical records
"""

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from rcflab.stats.crossed import Crossed
from rcflab.stats.equivalence import tost
from rcflab.stats.exact import not_testable
from rcflab.stats.interval import Interval


class Kind(Enum):
    """What a table says of an arm; each member's value opens the sentence."""

    BETTER = "better"
    WORSE = "worse"
    DIFFERENT = "different"
    """For metrics of which neither direction is better."""
    EQUIVALENT = "no difference within"
    NOT_SHOWN = "no difference shown"
    NOT_TESTABLE = "not testable"
    IDENTICAL = "identical records"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verdict and the numbers that its sentence needs."""

    kind: Kind
    estimate: float | None = None
    interval: Interval | None = None
    margin: float | None = None
    n: int | None = None
    reason: str = ""
    """Why there is no test, where the number of seeds is not the reason."""

    def words(self, digits: int = 1) -> str:
        """The sentence, with `digits` decimals."""
        if self.kind is Kind.NOT_TESTABLE and self.n is not None:
            return f"{self.kind.value} ({self.reason})" if self.reason else not_testable(self.n)
        if self.kind is Kind.EQUIVALENT and self.margin is not None:
            return f"{self.kind.value} ±{self.margin:g}"
        if self.estimate is None or self.interval is None:
            return self.kind.value
        if self.kind is Kind.NOT_SHOWN:
            most = max(map(abs, self.interval))
            return f"{self.kind.value} (an effect up to {_number(most, digits)} is not excluded)"
        low, high = (_number(limit, digits) for limit in self.interval)
        return f"{self.kind.value} by {_number(self.estimate, digits)} [{low}, {high}]"


def verdict(
    found: Crossed,
    adjusted_p: float,
    better: Literal["higher", "lower", "neither"],
    margin: float | None = None,
    alpha: float = 0.05,
) -> Verdict:
    """The verdict of a difference to the baseline, whose p was adjusted over the table's family."""
    if found.identical:
        return Verdict(Kind.IDENTICAL)
    interval = found.interval(alpha)
    # A test that speaks for the opposite of what was measured speaks for nothing (see rare_categories_dominate).
    if adjusted_p < alpha and found.estimate * found.centre > 0:
        return _direction(found, interval, better)
    if margin is not None and tost(found, margin, alpha).holds:
        return Verdict(Kind.EQUIVALENT, found.estimate, interval, margin)
    return Verdict(Kind.NOT_SHOWN, found.estimate, interval, margin)


def untested(n: int, reason: str = "") -> Verdict:
    """The verdict where n seeds allow none, or something else than their number, which is the `reason`."""
    return Verdict(Kind.NOT_TESTABLE, n=n, reason=reason)


def _direction(found: Crossed, interval: Interval, better: Literal["higher", "lower", "neither"]) -> Verdict:
    """By the centre, since that is what the test is about; the amount is positive whichever direction is better."""
    if better == "neither":
        return Verdict(Kind.DIFFERENT, found.estimate, interval)
    kind = Kind.BETTER if (found.centre > 0) == (better == "higher") else Kind.WORSE
    if found.centre > 0:
        return Verdict(kind, found.estimate, interval)
    return Verdict(kind, -found.estimate, Interval(-interval.high, -interval.low))


def _number(value: float, digits: int) -> str:
    """With a real minus sign, and no negative zero."""
    text = f"{value:.{digits}f}"
    return text.replace("-", "\u2212") if float(text) else text.lstrip("-")
