"""The local norm of the Jacobian: how much the outputs can move for a small step of the window, at worst.

    x --vjp, once--> pull: u -> J' u        jvp--> push: v -> J v        --golub_kahan--> || J(x) ||
    a segment from a to b: points x_s --jvp along b - a--> | J(x_s) (b - a) | / | b - a |   directional norms

    secant <= mean directional norm of the segment <= largest || J || on it

Only m points of a segment are seen, so the largest of them may lie below the secant: then there are too few points,
which is said (`undersampled`), and is no fault of the inequality. Each value is a lower bound of a Lipschitz constant
of any region that holds the point, never an upper bound of one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import jvp, vjp

from rcf.diagnostics.golub_kahan import Effort, NormEstimate, largest_singular_value
from rcf.tensors import length

Map = Callable[[Tensor], Tensor]


def jacobian_norm(function: Map, point: Tensor, effort: Effort | None = None) -> NormEstimate:
    """The norm of the Jacobian of `function` at `point`.

    Raises ValueError where a derivative is not finite, or where forward and backward derivative contradict each other.
    """
    pull = cast("Callable[[Tensor], tuple[Tensor]]", vjp(function, point)[1])

    @torch.no_grad()
    def push(direction: Tensor) -> Tensor:
        return _along(function, point, direction)

    return largest_singular_value(push, lambda output: pull(output)[0], tuple(point.shape), effort, point)


def directional_norm(function: Map, point: Tensor, direction: Tensor) -> float:
    """| J(point) direction | / | direction |."""
    with torch.no_grad():
        return length(_along(function, point, direction).double()) / length(direction.double())


@dataclass(frozen=True, slots=True)
class Segment:
    """What was seen between two windows."""

    secant: float
    """| F(b) - F(a) | / | b - a |."""
    largest: float
    """Of the directional norms at the points."""
    points: int
    stable: bool
    """The last halving of the steps changed the largest value by less than a hundredth."""

    @property
    def undersampled(self) -> bool:
        """Whether the points missed the steepest part for sure."""
        return self.secant > 1.01 * self.largest


def along_segment(function: Map, start: Tensor, end: Tensor, points: int = 3, most: int = 33) -> Segment | None:
    """Directional norms at equidistant points, twice as many until the largest is stable; None for equal ends.

    `points` is at least 2; at most `most` are taken.
    """
    step = end - start
    apart = length(step.double())
    if apart == 0:
        return None
    with torch.no_grad():
        secant = length(function(end).double() - function(start).double()) / apart
    known = {place: directional_norm(function, start + place * step, step) for place in _places(points)}
    stable = False
    while not stable and 2 * len(known) - 1 <= most:
        before = max(known.values())
        for place in _places(2 * len(known) - 1):
            known.setdefault(place, directional_norm(function, start + place * step, step))
        stable = max(known.values()) <= 1.01 * before and secant <= 1.01 * max(known.values())
    return Segment(secant, max(known.values()), len(known), stable)


def _along(function: Map, point: Tensor, direction: Tensor) -> Tensor:
    """J(point) direction."""
    return cast(Tensor, jvp(function, (point,), (direction,))[1])


def _places(points: int) -> list[float]:
    return [number / (points - 1) for number in range(points)]


def integrated_step(function: Map, start: Tensor, end: Tensor, nodes: int = 8) -> Float[Tensor, " n"]:
    """F(b) - F(a) as the integral of J(x_s)(b - a), by Gauss and Legendre: what checks the derivative of a smooth F."""
    step = end - start
    places, weights = np.polynomial.legendre.leggauss(nodes)
    with torch.no_grad():
        parts = [
            weight / 2 * _along(function, start + (place + 1) / 2 * step, step)
            for place, weight in zip(places.tolist(), weights.tolist(), strict=True)
        ]
    return torch.stack(parts).sum(0)
