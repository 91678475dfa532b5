"""How a value inside a network can change, over all images x of a domain, and how that composes.

    constant   |f(x) - f(x')| <= constant |x - x'|        for all x, x'
    drift      |f(x) - f(x0)| <= drift                    x0 the given image, no x farther from it than the diameter
    peak       no entry of f(x) is larger

    through a layer of constant K     K constant          K drift            peak: drift, and the largest entry of f(x0)
    a + b                             sum                 sum
    [a, b]                            root of squares     root of squares
    a * b                             peak_b constant_a + sup |a| constant_b, see `multiplied`

Why drift: a product is Lipschitz only where its factors are bounded. `constant * diameter` bounds them, too, but holds
what all products before have cost, so that each product squares it: exponential in depth. With a gate g in (0, 1),
however, |a g - a0 g0| = |(a - a0) g + a0 (g - g0)| <= drift_a + |a0|: gates make nothing longer. So drift grows as the
product of the layers' norms alone, and a gate costs one such factor, whatever the gates before it have cost. The
logarithm of the constant grows linearly with depth where layers do not lengthen, else with the square of it at most.
"""

import math
from dataclasses import dataclass, replace

from rcf.diagnostics.magnitudes import ZERO, Magnitude, hypot, magnitude, total
from rcf.diagnostics.traced_network import NodeValue

UNKNOWN = Magnitude(math.inf)
"""Bounded by the others alone."""


@dataclass(frozen=True, slots=True)
class ValueBound:
    """Of one value; see above."""

    constant: Magnitude
    drift: Magnitude
    peak: Magnitude = UNKNOWN

    def through(self, factor: Magnitude) -> "ValueBound":
        """Behind a layer with this constant."""
        return ValueBound(self.constant * factor, self.drift * factor)

    def settled(self, value: NodeValue, diameter: Magnitude) -> "ValueBound":
        """Each by the others, where that says more; `value` is that at the given image."""
        drift = min(self.drift, self.constant * diameter, _root(value) * self.peak + value.length)
        return replace(self, drift=drift, peak=min(self.peak, drift + value.height))


FIXED = ValueBound(ZERO, ZERO)
"""Parameters and numbers."""

Placed = tuple[ValueBound, NodeValue]
"""With the value at the given image."""


def summed(terms: list[Placed], given: NodeValue) -> ValueBound:
    """a + b; a term with fewer entries is spread over all."""
    spread = [bound.through(_spread(value, given)) for bound, value in terms]
    return ValueBound(total(term.constant for term in spread), total(term.drift for term in spread))


def stacked(parts: list[ValueBound]) -> ValueBound:
    """[a, b, ..]."""
    constant, drift = hypot(*(part.constant for part in parts)), hypot(*(part.drift for part in parts))
    return ValueBound(constant, drift, max(part.peak for part in parts))


def multiplied(first: Placed, second: Placed, given: NodeValue) -> ValueBound:
    """a * b entry by entry; the one with fewer entries, b, may be spread over the other.

    From a b - a' b' = (a - a') b + a (b - b'). In the first term the largest entry of b counts. In the second, each
    entry of b meets n entries of a, whose 2-norm is that of all of a at most, and root n times the largest of them.
    """
    (wide, a), (narrow, b) = sorted((first, second), key=lambda each: -math.prod(each[1].shape))
    spread, meets = _spread(a, given), _spread(b, given)
    length = magnitude(a.length) * spread
    longest = min(length + wide.drift * spread, wide.peak * meets)
    return ValueBound(
        narrow.peak * spread * wide.constant + longest * narrow.constant,
        narrow.peak * spread * wide.drift + length * min(narrow.drift, narrow.peak + b.height),
        wide.peak * narrow.peak,
    )


def _spread(value: NodeValue, given: NodeValue) -> Magnitude:
    """What it makes of a 2-norm that each entry stands in as many places as `given` has more."""
    return Magnitude(_root(given).log10 - _root(value).log10)


def _root(value: NodeValue) -> Magnitude:
    """Of the number of entries."""
    return Magnitude(math.log10(math.prod(value.shape)) / 2)
