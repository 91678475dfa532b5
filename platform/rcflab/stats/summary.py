"""Mean and spread over seeds.

values, one a seed            --summarize--> mean, sd, n
values of an arm, of its rival --paired_difference--> the same of the differences, over the seeds that both have
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Summary:
    """Mean and spread of a few numbers."""

    mean: float
    sd: float | None
    """Sample standard deviation (n - 1 in the denominator); None for a single number."""
    n: int


def summarize(values: Sequence[float]) -> Summary:
    """Summary of at least one finite number; raises ValueError for none and for NaN or infinity."""
    if not values or not all(math.isfinite(value) for value in values):
        raise ValueError(f"values: got {list(values)}, expected at least one finite number")
    # fsum is exact before it rounds once, so the order of the seeds cannot change a digit.
    mean = math.fsum(values) / len(values)
    if len(values) == 1:
        return Summary(mean, None, 1)
    squares = math.fsum((value - mean) ** 2 for value in values)
    return Summary(mean, math.sqrt(squares / (len(values) - 1)), len(values))


def paired_difference(values: Mapping[int, float], rival: Mapping[int, float]) -> Summary | None:
    """Summary of `values` minus `rival`, both by seed, over the seeds that both have; None where they share none."""
    shared = sorted(values.keys() & rival.keys())
    return summarize([values[seed] - rival[seed] for seed in shared]) if shared else None
