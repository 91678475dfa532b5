"""Which tables of an experiment people have seen: who adds seeds until a test pleases finds what is not there.

    table of 3 seeds shown --looks.json--> table of 5 seeds: "seeds extended after a look (from 3 to 5)"

Looks at 3, 4 and 5 seeds make 10 % false positives of 5 %. A look counts where something was tested (2 seeds or more)
and where the trials are still the same. Seeds that were written down before the first look (`seeds_planned`) are no
extension. Pure; rcflab.looks_file reads and writes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

FEWEST_SEEDS = 2
"""Below, a table tests nothing."""


@dataclass(frozen=True, slots=True)
class Look:
    """One size of an experiment's table that was shown."""

    at: str
    """When first, in UTC."""
    seeds: int
    trial: str
    """The baseline's trial of the first seed: of another one it says nothing."""
    planned: int | None
    """`seeds_planned` at that time."""


@dataclass(frozen=True, slots=True)
class SeedsExtended:
    """Seeds were added after a look."""

    looks: tuple[int, ...]
    """Numbers of seeds at which a table was shown before, ascending."""
    seeds: int
    """Now."""


def extension(looks: Sequence[Look], seeds: int, trial: str) -> SeedsExtended | None:
    """What has to be said of a table of `seeds` seeds; None where nobody saw fewer, or where so many were planned."""
    same = [look for look in looks if look.trial == trial]
    fewer = sorted({look.seeds for look in same if FEWEST_SEEDS <= look.seeds < seeds})
    if not fewer or (same[0].planned or 0) >= seeds:
        return None
    return SeedsExtended(tuple(fewer), seeds)


def is_news(looks: Sequence[Look], seeds: int, trial: str) -> bool:
    """Whether a table of this size has to be remembered."""
    return seeds >= FEWEST_SEEDS and not any((look.seeds, look.trial) == (seeds, trial) for look in looks)
