"""How many seeds would this gap need, and which gap do these seeds see: the lines of a table, and what they mean.

Comparison.over_seeds --power_cells--> arm, n, |Δ|, seeds needed (both ends), least gap at n seeds, its floor
"""

from rcflab.comparison import Comparison, Comparisons
from rcflab.metrics import MetricSpec
from rcflab.report.numbers import rounded
from rcflab.stats.power import MOST_SEEDS, SeedsNeeded

NO_FLOOR = (
    "–: the noise that videos share over seeds was estimated as none, which also happens by chance; there is no floor "
    "to tell, and not one of 0."
)


def power_head(metric: MetricSpec) -> tuple[str, ...]:
    """Column headings."""
    return (
        "arm",
        "n",
        f"gap ({metric.label})",
        "se over seeds",
        "se over videos",
        "seeds for this gap",
        "95 % limits",
        "least gap, n seeds",
        "least gap, any n",
    )


def power_cells(each: Comparison, metric: MetricSpec) -> tuple[str, ...]:
    """One line of an arm that has two seeds or more which differ."""
    over, digits = each.over_seeds, metric.digits + 1
    assert over is not None, "asked before"
    return (
        each.arm,
        str(each.n),
        rounded(abs(each.estimate), metric.digits),
        rounded((each.seed_part or 0.0) ** 0.5, digits),
        rounded((each.video_part or 0.0) ** 0.5, digits),
        seeds_text(over.needed.seeds) if over.needed else "–",
        limits_text(over.needed),
        rounded(over.least_gap, metric.digits),
        floor_text(over.floor, metric.digits),
    )


def seeds_text(seeds: int | None) -> str:
    """A number of seeds."""
    return f"more than {MOST_SEEDS:,}" if seeds is None else str(seeds)


def limits_text(needed: SeedsNeeded | None) -> str:
    """Both ends."""
    return "–" if needed is None else f"{seeds_text(needed.at_least)} to {seeds_text(needed.at_most)}"


def floor_text(gap: float, digits: int) -> str:
    """The gap that no number of seeds would see; a dash where the videos' share of the noise was estimated as none."""
    return rounded(gap, digits) if gap > 0 else "–"


def power_notes(found: Comparisons) -> list[str]:
    """What the columns are."""
    unknown = any(each.over_seeds is not None and not each.over_seeds.floor for each in found.arms)
    return [
        *([NO_FLOOR] if unknown else []),
        "Seeds for this gap: to find a true gap of this size on these videos four times out of five (paired t at "
        "0.05). Its limits are those of the standard deviation, which a few seeds tell badly.",
        "Least gap: what is found four times out of five on new videos (2.80 standard errors), by the seeds that there "
        f"are, and by any number of them. Below that floor only more videos help: it falls with the root of their "
        f"number, now {found.videos}.",
        "A measured gap is no true gap: take the size that would matter, `rcflab power --gap`.",
    ]
