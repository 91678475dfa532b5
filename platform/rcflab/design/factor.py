"""What a design is made of, in plain data.

factors: {model.reference.frames: [0, 1], model.queries: [10, 20]}  -->  Factor(frames), Factor(queries)
when:    {model.reference.tokens: {model.reference.frames: [1]}}    -->  Factor.condition
generators: {queries: frames*tokens}                                -->  Generator(queries, +1, frames, tokens)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from rcflab.records import Json

DesignKind = Literal["one_at_a_time", "factorial", "leave_one_out", "fractional"]
KINDS: tuple[DesignKind, ...] = get_args(DesignKind)

Combination = Mapping[str, int]
"""Path of a factor -> index of its level; a factor that does not exist under the others' levels is left out."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A factor exists only where another one, above it, has one of these levels."""

    parent: str
    """Path of the other factor."""
    levels: frozenset[int]
    """Indices of its levels."""


@dataclass(frozen=True, slots=True)
class Factor:
    """A field of the configuration with the values that it takes."""

    path: str
    """Dotted path of the field."""
    name: str
    """The shortest end of the path that no other factor of the design has."""
    levels: tuple[Json, ...]
    """As written; the first is the low one."""
    labels: tuple[str, ...]
    """The levels as arm names have them."""
    condition: Condition | None = None

    def exists(self, combination: Combination) -> bool:
        """Whether the factor is one under the levels of the factors above it."""
        return self.condition is None or combination.get(self.condition.parent) in self.condition.levels


@dataclass(frozen=True, slots=True)
class Generator:
    """The level of a factor of a fraction as the product of others, with low as -1 and high as +1."""

    path: str
    sign: int
    """+1 or -1."""
    parents: tuple[str, ...]
    """Paths of at least two basic factors."""


@dataclass(frozen=True, slots=True)
class Design:
    """Factors and the rule by which their levels are combined."""

    kind: DesignKind
    factors: tuple[Factor, ...]
    """In written order; a factor that others depend on stands above them."""
    generators: tuple[Generator, ...] = ()

    @property
    def basic(self) -> tuple[Factor, ...]:
        """Factors whose level no generator gives."""
        generated = {generator.path for generator in self.generators}
        return tuple(factor for factor in self.factors if factor.path not in generated)

    @property
    def names(self) -> dict[str, str]:
        """Path -> short name."""
        return {factor.path: factor.name for factor in self.factors}

    def path_of(self, name: str) -> str | None:
        """The path of the factor with this path or short name."""
        return next((factor.path for factor in self.factors if name in (factor.path, factor.name)), None)
