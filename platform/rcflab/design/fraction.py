"""What a fraction of a two-level design cannot tell apart.

    a, b, c basic; d: a*b*c      mask of a factor = set of basic factors whose product it is      d = {a, b, c}
    effects with one mask have one column of signs: their estimates are one number               a*b = c*d

resolution   length of the shortest product of factors that is constant (here a*b*c*d: 4)
aliases      main effects and two-way interactions that share a column

Low is -1, high is +1. Pure.
"""

from dataclasses import dataclass
from itertools import combinations

from rcflab.design.factor import Design


@dataclass(frozen=True, slots=True)
class Effect:
    """A main effect (one factor) or an interaction (two), with the sign that it has in a group of aliases."""

    paths: tuple[str, ...]
    sign: int = 1

    def text(self, names: dict[str, str]) -> str:
        """`frames`, `-frames*tokens`."""
        return ("-" if self.sign < 0 else "") + "*".join(names[path] for path in self.paths)


def masks(design: Design) -> dict[str, tuple[int, int]]:
    """Path -> (bits of the basic factors whose product the factor is, sign)."""
    found = {factor.path: (1 << place, 1) for place, factor in enumerate(design.basic)}
    for generator in design.generators:
        bits = 0
        for parent in generator.parents:
            bits ^= found[parent][0]
        found[generator.path] = (bits, generator.sign)
    return {factor.path: found[factor.path] for factor in design.factors}


def resolution(design: Design) -> int | None:
    """The length of the shortest word of the defining relation; None where nothing is generated.

    Time and memory grow with 2 ** basic factors, like the design itself.
    """
    if not design.generators:
        return None
    shortest = [0] + [len(design.factors) + 1] * (2 ** len(design.basic) - 1)
    words: list[int] = []
    for bits, _ in masks(design).values():
        # A product of earlier factors that equals this one closes a word with it.
        words.append(shortest[bits] + 1)
        shortest = [min(length, shortest[place ^ bits] + 1) for place, length in enumerate(shortest)]
    return min(words)


def aliases(design: Design) -> tuple[tuple[Effect, ...], ...]:
    """Groups of main effects and two-way interactions that cannot be told apart, each with its sign to the first."""
    if not design.generators:
        return ()
    columns = masks(design)
    groups: dict[int, list[Effect]] = {}
    for size in (1, 2):
        for paths in combinations(columns, size):
            bits, sign = 0, 1
            for path in paths:
                bits, sign = bits ^ columns[path][0], sign * columns[path][1]
            groups.setdefault(bits, []).append(Effect(paths, sign))
    return tuple(
        tuple(Effect(effect.paths, effect.sign * group[0].sign) for effect in group)
        for group in groups.values()
        if len(group) > 1
    )


def alias_lines(design: Design) -> tuple[str, ...]:
    """`frames = tokens*queries`, one line a group."""
    return tuple(" = ".join(effect.text(design.names) for effect in group) for group in aliases(design))
