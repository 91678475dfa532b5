"""The largest singular value of a linear map that is only known by its products (Golub and Kahan 1965).

    push  v -> J v      pull  u -> J' u
    random v --alternate push, pull; all directions kept orthogonal--> bidiagonal B --svd--> its largest singular value

It converges where power iteration stalls, at the same cost a step: two nearly equal singular values part after some
30 steps. The value is a lower bound of the norm at any step, and rises. It stops where the residual says that it is a
singular value; that it is the largest one is probable, not certain (Kuczynski and Wozniakowski 1992), so two starts
are compared.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from rcf.tensors import length, singular_vectors

Push = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Effort:
    """How far an estimate goes."""

    steps: int = 40
    """At most, from each start."""
    seeds: tuple[int, ...] = (0, 1)
    """Of the random starts."""
    tolerance: float = 1e-4
    """Of the residual, relative to the value, whose own error is about the square of that."""


@dataclass(frozen=True, slots=True)
class NormEstimate:
    """An estimate from below of the norm of a linear map."""

    value: float
    steps: int
    """Products with the map; as many with its transpose."""
    converged: bool
    """Every start came to a singular value, and all to the same one within a hundredth."""
    spread: float
    """Between the starts, relative to the value."""


def largest_singular_value(
    push: Push, pull: Push, shape: tuple[int, ...], effort: Effort | None = None, like: Tensor | None = None
) -> NormEstimate:
    """The norm of the map that `push` applies to tensors of `shape`; `pull` is its transpose.

    `like` gives type and device of the starts (float64 on the CPU). Raises ValueError where a product is not finite, or
    where the two are not each other's transposes: an operator that drops its derivative in silence.
    """
    effort = effort or Effort()
    start = torch.zeros(0, dtype=torch.float64) if like is None else like
    runs = [_Run(push, pull, _drawn(shape, seed, start)).to_end(effort) for seed in effort.seeds]
    value = max(each.value for each in runs)
    spread = (value - min(each.value for each in runs)) / value if value else 0.0
    return NormEstimate(
        value, sum(each.steps for each in runs), all(e.settled for e in runs) and spread <= 0.01, spread
    )


@dataclass(frozen=True, slots=True)
class _End:
    value: float
    steps: int
    settled: bool


class _Run:
    """One start."""

    def __init__(self, push: Push, pull: Push, start: Tensor) -> None:
        self._push, self._pull, self._start = push, pull, start
        self._diagonal: list[float] = []
        self._above: list[float] = []

    def to_end(self, effort: Effort) -> _End:
        """As far as `effort` goes."""
        right, left = [self._start / length(self._start)], list[Tensor]()
        for step in range(1, effort.steps + 1):
            image = self._apart(self._push(right[-1]), left)
            size = length(image)
            self._diagonal.append(size)
            if size > 0:
                left.append(image / size)
            value, weight = self._largest()
            if size == 0:  # everything that is left is mapped to nothing
                if step == 1:
                    self._check_nothing(image)
                return _End(value, step, True)
            back = self._pull(left[-1])
            if step == 1:
                self._check_transposes(right[-1], size, back)
            back = self._apart(back, right)
            beyond = length(back)
            if beyond * weight <= effort.tolerance * value or beyond <= 1e-14 * value:
                return _End(value, step, True)
            self._above.append(beyond)
            right.append(back / beyond)
        return _End(self._largest()[0], effort.steps, False)

    def _largest(self) -> tuple[float, float]:
        """The largest singular value of the bidiagonal matrix, and the last entry of its left vector, without sign."""
        size = len(self._diagonal)
        small = torch.diag(torch.tensor(self._diagonal, dtype=torch.float64))
        for place, value in enumerate(self._above[: size - 1]):
            small[place, place + 1] = value
        left, values, _ = singular_vectors(small)
        return float(values[0]), abs(float(left[-1, 0]))

    def _apart(self, vector: Tensor, known: list[Tensor]) -> Tensor:
        """Without its parts along `known`; twice, since once leaves rounding behind."""
        if not bool(torch.isfinite(vector).all()):
            raise ValueError("a product with the Jacobian is not finite")
        for _ in range(2 if known else 0):
            for each in known:
                vector = vector - (each * vector).sum() * each
        return vector

    def _check_transposes(self, right: Tensor, size: float, back: Tensor) -> None:
        """<J v, u> = <v, J' u>: with u along J v both are its length."""
        there = float((right * back).sum())
        if abs(there - size) > 1e-3 * max(size, abs(there)):
            raise ValueError(f"push and pull are not transposes of each other: {size:g} there, {there:g} back")

    def _check_nothing(self, image: Tensor) -> None:
        """A map to nothing has a transpose to nothing."""
        back = length(self._pull(_drawn(tuple(image.shape), 0, image)))
        if back > 0:
            raise ValueError(f"push and pull are not transposes of each other: 0 there, {back:g} back")


def _drawn(shape: tuple[int, ...], seed: int, like: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(like)
