"""Scores of arms become differences, seed by seed and resample by resample.

    Scores of an arm      (n, 1 + B) --.
    Scores of its rival   (n, 1 + B) --weights that add up to 0--> Differences: measured (n,), resampled (n, B')

Seeds are paired by number and stand in ascending order, so the order in which cells finished changes no digit. Where a
resample left nothing to score (no category with a true track) all arms alike have NaN; it is dropped and counted.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rcflab.stats.resamples import Floats

_ROUNDING = 1e-13
"""Of a sum, in parts of its terms."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """One metric of an arm. Raises ValueError for no seed, a seed twice, a missing score, a shape that does not fit."""

    arm: str
    seeds: tuple[int, ...]
    values: Floats
    """(n, 1 + B): a row for each of `seeds`; column 0 as measured, the others under the columns of resample_matrix."""
    videos: int
    """V, of which the resamples were drawn."""

    def __post_init__(self) -> None:
        if not self.seeds or self.videos < 1:
            raise ValueError(
                f"arm {self.arm}: got {len(self.seeds)} seeds and {self.videos} videos, expected at least one of each"
            )
        if twice := sorted(seed for seed, count in Counter(self.seeds).items() if count > 1):
            raise ValueError(f"arm {self.arm}: got seed {_listed(twice)} more than once, expected each seed once")
        if self.values.ndim != 2 or len(self.values) != len(self.seeds) or not self.values.shape[1]:
            raise ValueError(
                f"arm {self.arm}: got scores of shape {self.values.shape}, "
                f"expected ({len(self.seeds)}, 1 + resamples), a row for each seed"
            )
        if missing := [s for s, value in zip(self.seeds, self.values[:, 0], strict=True) if not math.isfinite(value)]:
            raise ValueError(
                f"arm {self.arm}: the score of seed {_listed(missing)} is NaN or infinite, expected finite numbers; "
                "leave the seed out of all arms, or evaluate it again"
            )
        gone = np.isnan(self.values)
        if np.isinf(self.values).any() or (gone.any(axis=0) != gone.all(axis=0)).any():
            raise ValueError(
                f"arm {self.arm}: on some resamples one seed has a score and another has none; "
                "expected seeds that were scored on the same videos"
            )


@dataclass(frozen=True, slots=True, eq=False)
class Differences:
    """A contrast of arms for each seed."""

    seeds: tuple[int, ...]
    measured: Floats
    """(n,)"""
    resampled: Floats
    """(n, B'): on the resamples that left something to score."""
    videos: int
    dropped: int
    """Resamples that left nothing."""
    squared_weights: float
    """Sum of the squares of the arms' weights: 2 for one arm minus another."""


def difference(arm: Scores, baseline: Scores) -> Differences:
    """`arm` minus `baseline`; raises ValueError as `contrast` does."""
    return contrast([(1.0, arm), (-1.0, baseline)])


def contrast(terms: Sequence[tuple[float, Scores]]) -> Differences:
    """The weighted sum of arms, such as arm minus baseline, a main effect or an interaction.

    Raises ValueError for weights that do not add up to 0 and for arms of other seeds, videos or resamples.
    """
    weights = [weight for weight, _ in terms]
    if not terms or not abs(math.fsum(weights)) <= 1e-12 * math.fsum(map(abs, weights)):
        raise ValueError(f"weights of a contrast: got {weights}, expected numbers that add up to 0")
    first = terms[0][1]
    for _, scores in terms[1:]:
        _refuse_unpaired(first, scores)
    total, size = np.zeros_like(first.values), np.zeros_like(first.values)
    for weight, scores in terms:
        part = weight * scores.values[np.argsort(scores.seeds)]
        total, size = total + part, size + np.abs(part)
    # Equal arms cancel but for the rounding of their weights: what is left of it is no difference.
    total[np.abs(total) <= _ROUNDING * size] = 0.0
    gone = np.asarray(np.isnan(total).any(axis=0))
    if any((np.isnan(scores.values).all(axis=0) != gone).any() for _, scores in terms):
        raise ValueError(
            f"arms {_arms(terms)}: on some resamples one arm has a score and another has none; "
            "expected arms that were scored on the same videos"
        )
    squares = math.fsum(weight * weight for weight in weights)
    dropped = int(np.count_nonzero(gone))
    return Differences(
        tuple(sorted(first.seeds)), total[:, 0], total[:, 1:][:, ~gone[1:]], first.videos, dropped, squares
    )


def _refuse_unpaired(first: Scores, other: Scores) -> None:
    for one, rival in ((first, other), (other, first)):
        if missing := sorted(set(rival.seeds) - set(one.seeds)):
            raise ValueError(
                f"arm {one.arm}: got no score of seed {_listed(missing)}, which {rival.arm} has; expected pairs: "
                "run the missing cells, or leave the seed out of both arms"
            )
    if (first.videos, first.values.shape[1]) != (other.videos, other.values.shape[1]):
        sizes = [f"{each.videos} videos and {each.values.shape[1] - 1} resamples" for each in (first, other)]
        raise ValueError(
            f"arms {first.arm} and {other.arm}: got {' against '.join(sizes)}, expected the same videos and resamples"
        )


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))


def _arms(terms: Sequence[tuple[float, Scores]]) -> str:
    return ", ".join(scores.arm for _, scores in terms)
