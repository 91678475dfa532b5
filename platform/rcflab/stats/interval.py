"""Two limits, and the error for numbers that have none."""

from typing import NamedTuple


class Interval(NamedTuple):
    """Lower and upper limit, in the unit of the metric."""

    low: float
    high: float


class NoSpreadError(ValueError):
    """Numbers that do not vary, yet differ from zero: no interval and no test can be made of them."""
