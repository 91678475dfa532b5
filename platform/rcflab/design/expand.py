"""From a design to the levels of its arms, and their number without listing them.

    factorial      every combination of levels that can exist        prod of levels, or less under `when`
    one_at_a_time  the first levels; then each other level alone     1 + sum of (levels - 1)
    leave_one_out  the last levels; then each factor alone at first  1 + factors
    fractional     every combination of the basic factors            2 ** basic factors

The reference is the first arm. Pure, and the same for the same file: nothing is drawn.
"""

from collections.abc import Iterator
from math import prod

from rcflab.design.factor import Combination, Design, Factor


def count_arms(design: Design) -> int:
    """The number of arms that `combinations` would return, in time linear in the number of levels."""
    match design.kind:
        case "factorial":
            return _count_crossed(design.factors)
        case "fractional":
            return int(2 ** len(design.basic))
        case "one_at_a_time" | "leave_one_out":
            return 1 + sum(len(factor.levels) - 1 for factor in design.factors)


def _count_crossed(factors: tuple[Factor, ...]) -> int:
    """Below each level hang the factors that exist under it: from the leaves up, a level's ways multiply."""
    ways: dict[str, list[int]] = {factor.path: [1] * len(factor.levels) for factor in factors}
    for factor in reversed(factors):
        if factor.condition is not None:
            above, own = ways[factor.condition.parent], sum(ways[factor.path])
            for index in factor.condition.levels:
                above[index] *= own
    return prod(sum(ways[factor.path]) for factor in factors if factor.condition is None)


def reference(design: Design) -> Combination:
    """The combination that the others are seen from: all first levels, all last ones for leave_one_out.

    In a fraction the generated factors have the level that their generator gives, which may be the last.
    """
    found: dict[str, int] = {}
    for factor in design.basic:
        if factor.exists(found):
            found[factor.path] = len(factor.levels) - 1 if design.kind == "leave_one_out" else 0
    return _with_generated(design, found)


def combinations(design: Design) -> list[Combination]:
    """The arms as levels, no two equal, the reference first; lists them all, so count first."""
    match design.kind:
        case "factorial":
            return _crossed(design.factors)
        case "fractional":
            return [_with_generated(design, found) for found in _crossed(design.basic)]
        case "one_at_a_time" | "leave_one_out":
            return [reference(design), *_changed_once(design)]


def _crossed(factors: tuple[Factor, ...]) -> list[Combination]:
    found: list[Combination] = [{}]
    for factor in factors:
        found = [each for before in found for each in _with_levels(factor, before)]
    return found


def _with_levels(factor: Factor, before: Combination) -> list[Combination]:
    if not factor.exists(before):
        return [before]
    return [{**before, factor.path: level} for level in range(len(factor.levels))]


def _changed_once(design: Design) -> Iterator[Combination]:
    start = reference(design)
    for changed in design.factors:
        others = (level for level in range(len(changed.levels)) if level != start[changed.path])
        yield from (_existing(design, {**start, changed.path: level}) for level in others)


def _existing(design: Design, wanted: Combination) -> Combination:
    """The levels of `wanted`, without those of factors that do not exist under the others."""
    found: dict[str, int] = {}
    for factor in design.factors:
        if factor.exists(found):
            found[factor.path] = wanted[factor.path]
    return found


def _with_generated(design: Design, found: Combination) -> Combination:
    """The levels of the basic factors with those of the generated ones, in written order."""
    every = dict(found)
    for generator in design.generators:
        lows = sum(found[parent] == 0 for parent in generator.parents)
        every[generator.path] = int((generator.sign > 0) == (lows % 2 == 0))
    return {factor.path: every[factor.path] for factor in design.factors if factor.path in every}


def columns(design: Design) -> dict[str, tuple[int, ...]]:
    """Path -> level in each arm, as rcflab.stats.effects takes it. Raises ValueError where a factor may not exist."""
    if any(factor.condition for factor in design.factors):
        raise ValueError("columns: got a design with `when`, expected factors that exist in every arm")
    arms = combinations(design)
    return {factor.path: tuple(arm[factor.path] for arm in arms) for factor in design.factors}
