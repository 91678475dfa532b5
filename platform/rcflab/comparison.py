"""What may be said of each arm against a baseline: the values, between the scores and the tables.

    Resampled: scores of each arm (seeds, 1 + B) --rcflab.comparing--> Comparisons: a Comparison a line, with a verdict

One Comparisons for each baseline; Holm's correction counts the lines of all of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rcflab.metrics import MetricSpec
from rcflab.stats.contrast import Scores
from rcflab.stats.interval import Interval
from rcflab.stats.pooled import PooledSeeds
from rcflab.stats.seeds import OverSeeds
from rcflab.stats.verdict import Kind, Verdict

ALPHA = 0.05
FEWEST_VIDEOS = 60
"""The intervals were checked by simulation from here on."""
FEWEST_OF_CATEGORY = 3
"""Videos of a category below which resampling hardly varies it."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One arm against the baseline."""

    arm: str
    """Or the effect."""
    n: int
    """Seeds that all sides have."""
    estimate: float
    interval: Interval | None
    """95 %; None where nothing varies. With one seed it speaks of these checkpoints only."""
    p: float | None
    """Not adjusted; None where the arm cannot be tested."""
    adjusted_p: float | None
    verdict: Verdict
    seed_part: float | None = None
    """Variance of the estimate over seeds, and below it over videos; None without a test."""
    video_part: float | None = None
    rare_categories_dominate: bool = False
    over_seeds: OverSeeds | None = None
    """Effect size, tests on exactly these videos, power; None for one seed."""
    correlation: float | None = None
    """Of the arm and the baseline over their seeds; None for effects and for fewer than three seeds."""

    @property
    def is_better(self) -> bool:
        """Whether a table may set it in bold."""
        return self.verdict.kind is Kind.BETTER


@dataclass(frozen=True, slots=True)
class Categories:
    """What the resampled videos hold: a macro mean needs videos of each category."""

    present: int
    """Categories with a true track."""
    rare: tuple[str, ...]
    """Those with true tracks in fewer than 3 videos."""


@dataclass(frozen=True, slots=True)
class Comparisons:
    """Every arm against one baseline, in the order of the table."""

    metric: MetricSpec
    baseline: str
    arms: tuple[Comparison, ...]
    videos: int
    resamples: int
    dropped: int
    """Resamples that left nothing to score, the same for all arms."""
    seed: int
    """Of the resamples."""
    margin: float | None
    """What would matter, for verdicts of no difference."""
    family: int
    """Tests that Holm's correction counts: all of the experiment's, also those that are not in this table."""
    left_out: tuple[str, ...] = ()
    """Arms and effects that share no seed with what they are compared with, or lack an arm."""
    categories: Categories | None = None
    """None for a task without categories."""
    pooled: PooledSeeds | None = None
    """The variance over seeds that all arms share, where the experiment asks for that and it can be had."""
    far_below: tuple[tuple[str, int, float], ...] = ()
    """(arm, seed, points): runs far below the median of their arm, which the intervals do not expect."""

    @property
    def better(self) -> frozenset[str]:
        """Arms that a table may set in bold."""
        return frozenset(each.arm for each in self.arms if each.is_better)


@dataclass(frozen=True, slots=True)
class Resampled:
    """The primary metric of every cell on resampled videos."""

    metric: MetricSpec
    scores: Mapping[str, Scores]
    """By arm, in the order of the table; seeds without a value are left out."""
    seed: int
    categories: Categories | None = None


@dataclass(frozen=True, slots=True)
class ArmContrast:
    """A weighted sum of all arms of a design: a main effect or an interaction."""

    name: str
    weights: Mapping[str, float]
    """By arm; they add up to 0."""
    is_interaction: bool
    """Of an interaction neither direction is better."""


SeedVariance = Literal["own", "pooled"]


@dataclass(frozen=True, slots=True)
class Rules:
    """How an experiment wants its arms compared."""

    margin: float | None = None
    planned: int = 0
    """Comparisons that the whole experiment has; a table may show fewer."""
    joined: Sequence[Sequence[str]] = field(default=())
    """Groups of arms that are one and the same: each counts as one."""
    seed_variance: SeedVariance = "own"
