"""Positive numbers as their logarithms: a product of layer bounds overflows what a float can hold.

Magnitude(log10)    a * b    a + b    hypot(a, b, ..)    Magnitude.of(1e3)
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Magnitude:
    """A number that is not negative; 0 has the logarithm minus infinity."""

    log10: float

    def __mul__(self, other: "Magnitude | float") -> "Magnitude":
        """The product."""
        factor = other if isinstance(other, Magnitude) else magnitude(other)
        if -math.inf in (self.log10, factor.log10):
            return ZERO
        return Magnitude(self.log10 + factor.log10)

    __rmul__ = __mul__

    def __add__(self, other: "Magnitude | float") -> "Magnitude":
        """The sum."""
        more = other if isinstance(other, Magnitude) else magnitude(other)
        high, low = max(self.log10, more.log10), min(self.log10, more.log10)
        if low == -math.inf:
            return Magnitude(high)
        return Magnitude(high + math.log10(1 + 10 ** (low - high)))

    __radd__ = __add__

    def squared(self) -> "Magnitude":
        """Its square."""
        return Magnitude(2 * self.log10)

    def root(self) -> "Magnitude":
        """Its square root."""
        return Magnitude(self.log10 / 2)


ZERO = Magnitude(-math.inf)
ONE = Magnitude(0.0)


def magnitude(value: float) -> Magnitude:
    """Raises ValueError for a negative number, and for one that is not finite."""
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"expected a finite number of at least 0, got {value}")
    return Magnitude(math.log10(value)) if value else ZERO


def hypot(*values: "Magnitude | float") -> Magnitude:
    """The root of the sum of squares: the constant of maps that are stacked."""
    return total((value if isinstance(value, Magnitude) else magnitude(value)).squared() for value in values).root()


def total(values: Iterable[Magnitude]) -> Magnitude:
    """The sum."""
    found = ZERO
    for value in values:
        found = found + value
    return found


def product(values: Iterable[Magnitude]) -> Magnitude:
    """The product: the constant of maps one behind the other."""
    found = ONE
    for value in values:
        found = found * value
    return found
