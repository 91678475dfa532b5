"""Main effects and interactions of factors, as weights of the arms.

    levels of each arm  --main_effect, interaction-->  w, one weight an arm, sum 0
    scores of arms x seeds  --w @ scores-->  D[s] = sum_i w_i AP[i, s], one value a seed: the effect with its spread

Any interval or test for a difference of two arms takes D[s] as it is. Seeds are blocks: every arm has the same ones.
Levels are indices, 0 the low one. Formulas: Box, Hunter and Hunter, Statistics for Experimenters, chapter 5.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
import numpy.typing as npt

Weights = npt.NDArray[np.float64]
"""Shape (arms,)."""
Columns = Mapping[str, Sequence[int]]
"""Factor -> its level in each arm."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """What some factors do when they go from their low level to the given ones."""

    factors: tuple[str, ...]
    """One for a main effect, two for an interaction."""
    levels: tuple[int, ...]
    """The level of each that is compared with level 0."""
    weights: tuple[float, ...]
    """One an arm, in order of the arms."""


def contrasts(columns: Columns) -> tuple[Contrast, ...]:
    """Every main effect and two-way interaction of a factorial or a regular fraction, main effects first.

    Raises ValueError like `main_effect` and `interaction`.
    """
    found: list[Contrast] = []
    for factor, levels in columns.items():
        for level in range(1, max(levels) + 1):
            found.append(Contrast((factor,), (level,), tuple(main_effect(columns, factor, level).tolist())))
    for one, other in combinations(columns, 2):
        for levels in product(range(1, max(columns[one]) + 1), range(1, max(columns[other]) + 1)):
            weights = interaction(columns, (one, other), levels)
            found.append(Contrast((one, other), levels, tuple(weights.tolist())))
    return tuple(found)


def main_effect(columns: Columns, factor: str, level: int = 1) -> Weights:
    """Mean over the arms at `level` minus mean over those at level 0, all other factors averaged.

    In a fraction it is the sum of all effects that share the factor's column. Raises ValueError where the levels of
    another factor are not the same mixture at both, since its effect would come in.
    """
    for other in columns:
        if other != factor:
            _refuse_unbalanced(columns, factor, other)
    column = np.asarray(columns[factor])
    _refuse_absent(column, factor, level)
    high, low = column == level, column == 0
    return high / high.sum() - low / low.sum()


def interaction(columns: Columns, factors: tuple[str, str], levels: tuple[int, int] = (1, 1)) -> Weights:
    """How much more the first factor does at the second's level than at its level 0: y11 - y10 - y01 + y00.

    Its variance is 4 times that of a main effect of two levels. Raises ValueError like `main_effect`.
    """
    one, other = (np.asarray(columns[factor]) for factor in factors)
    for column, factor, level in zip((one, other), factors, levels, strict=True):
        _refuse_absent(column, factor, level)
    for pair in combinations(columns, 2):
        _refuse_unbalanced(columns, *pair)
    weights = np.zeros(len(one))
    for sign, first, second in ((1, levels[0], levels[1]), (-1, levels[0], 0), (-1, 0, levels[1]), (1, 0, 0)):
        cell = (one == first) & (other == second)
        weights += sign * cell / cell.sum()
    return weights


def simple_effect(columns: Columns, reference: int, factor: str, level: int | None = None) -> Weights:
    """What one factor does while all others stay as they are in the arm `reference`, always high minus low.

    One at a time the reference is all low and `level` (1 unless given) is compared with it; with one left out it is all
    high and compared with level 0. Both differ from the main effect by the interactions. Raises ValueError where no arm
    differs from the reference in this alone.
    """
    here = columns[factor][reference]
    there = level if level is not None else 0 if here else 1
    wanted = {name: there if name == factor else column[reference] for name, column in columns.items()}
    arms = range(len(columns[factor]))
    found = [arm for arm in arms if all(column[arm] == wanted[name] for name, column in columns.items())]
    if there == here or len(found) != 1:
        raise ValueError(
            f"{factor}: got {len(found)} arms that differ from arm {reference} in its level {there} alone, expected 1"
        )
    weights = np.zeros(len(arms))
    sign = 1 if there > here else -1
    weights[[found[0], reference]] = sign, -sign
    return weights


def _refuse_absent(column: npt.NDArray[np.int_], factor: str, level: int) -> None:
    if level == 0 or not (column == level).any() or not (column == 0).any():
        raise ValueError(f"{factor}: got level {level}, expected a level of some arm, and level 0 of some other")


def _refuse_unbalanced(columns: Columns, one: str, other: str) -> None:
    """Each pair of levels equally often: then no factor's main effect comes into another's."""
    pairs = list(zip(columns[one], columns[other], strict=True))
    counts = {pairs.count(pair) for pair in product(set(columns[one]), set(columns[other]))}
    if len(counts) != 1:
        raise ValueError(
            f"{one}, {other}: got pairs of levels unequally often, expected a factorial design or a regular fraction"
        )
