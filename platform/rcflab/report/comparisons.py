"""What may be said of the arms, as text: a second table below the numbers, and the notes that say what it rests on.

Comparisons --comparison_rows--> arm, n, difference, 95 % interval, p, p after Holm, verdict
            --comparison_notes--> estimand, method, resamples, family, margin, and what to be careful about
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rcflab.comparison import FEWEST_OF_CATEGORY, FEWEST_VIDEOS, Comparison, Comparisons
from rcflab.report.numbers import rounded, typographic
from rcflab.report.p_value import p_text
from rcflab.stats import percentile

_EFFECTS = ("effect: ", "interaction: ")
HEAD = ("arm", "n", "Δ {label}", "95 % interval", "p", "p (Holm)", "verdict")


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One line; plain text, not yet escaped."""

    arm: str
    n: str
    difference: str
    interval: str
    p: str
    adjusted_p: str
    verdict: str

    @property
    def cells(self) -> tuple[str, ...]:
        """In the order of HEAD."""
        return (self.arm, self.n, self.difference, self.interval, self.p, self.adjusted_p, self.verdict)


def comparison_rows(found: Comparisons | None) -> tuple[ComparisonRow, ...]:
    """One a compared arm; none where nothing was compared."""
    return () if found is None else tuple(_row(each, found.metric.digits) for each in found.arms)


def section_rows(sections: Sequence[Comparisons]) -> tuple[ComparisonRow, ...]:
    """The lines of all baselines; where there are several, each is called `arm − baseline`."""
    if len(sections) < 2:
        return comparison_rows(sections[0] if sections else None)
    return tuple(
        replace(row, arm=against(row.arm, found.baseline)) for found in sections for row in comparison_rows(found)
    )


def as_one(sections: Sequence[Comparisons]) -> Comparisons | None:
    """Those with all baselines, as figures show them below each other: `baseline` is empty where there are several."""
    if len(sections) < 2:
        return sections[0] if sections else None
    arms = tuple(replace(each, arm=against(each.arm, found.baseline)) for found in sections for each in found.arms)
    return replace(sections[0], arms=arms, baseline="")


def against(arm: str, baseline: str) -> str:
    """`arm − baseline`; effects of a design have no baseline."""
    return arm if arm.startswith(_EFFECTS) else f"{arm} \u2212 {baseline}"


def comparison_head(found: Comparisons) -> tuple[str, ...]:
    """Column headings."""
    return tuple(each.format(label=found.metric.label) for each in HEAD)


def comparison_notes(found: Comparisons | None, more: Sequence[Comparisons] = ()) -> list[str]:
    """Notes below the tables; `more` are the same arms against further baselines."""
    if found is None:
        return []
    label, notes = found.metric.label, list[str]()
    arms = [each for section in (found, *more) for each in section.arms]
    if left_out := dict.fromkeys(name for section in (found, *more) for name in section.left_out):
        notes.append(f"Not compared, since an arm or a shared seed is missing: {', '.join(left_out)}.")
    if not arms:
        return notes
    if any(each.p is not None for each in arms):
        tests = _count(found.family, "comparison")
        notes.append(
            f"Intervals and p of Δ {label} are for new seeds and new videos (crossed interval). Each interval holds "
            f"with 95 % alone; p (Holm) and verdict hold over the {tests} of this experiment. "
            "Other metrics are not tested. Bold: better than the baseline with p (Holm) < 0.05."
        )
        notes += _seed_notes(found, arms)
    if single := dict.fromkeys(each.arm for each in arms if each.n == 1):
        notes.append(
            f"With one seed an interval is for {percentile.LABEL}: it says nothing of the method ({', '.join(single)})."
        )
    videos = f"{found.videos} videos, {found.resamples:,} times drawn again (random seed {found.seed})"
    dropped = f"; {_count(found.dropped, 'sample')} left nothing to score" if found.dropped else ""
    notes.append(f"Resampled: {videos}{dropped}.")
    if found.margin is not None:
        notes.append(f"Differences of less than {found.margin:g} do not matter, as the experiment says.")
    return [*notes, *_cautions(found, arms)]


def _cautions(found: Comparisons, arms: Sequence[Comparison]) -> list[str]:
    """What makes the intervals less sure than they look."""
    notes: list[str] = []
    if found.videos < FEWEST_VIDEOS:
        notes.append(f"Fewer than {FEWEST_VIDEOS} videos: these intervals may be too narrow.")
    if found.categories is not None and found.categories.rare:
        notes.append(
            f"{found.categories.present} categories have true tracks, in fewer than {FEWEST_OF_CATEGORY} videos: "
            f"{', '.join(found.categories.rare)}. Resampling hardly varies these."
        )
    if rare := dict.fromkeys(each.arm for each in arms if each.rare_categories_dominate):
        notes.append(f"Categories of few videos dominate the difference of {', '.join(rare)}: resampling moves it.")
    for arm, seed, points in found.far_below:
        notes.append(
            f"Seed {seed} of {arm} lies {rounded(points, found.metric.digits)} below the median of its arm: it counts, "
            "and intervals from a few seeds do not expect such a run."
        )
    return notes


def _seed_notes(found: Comparisons, arms: Sequence[Comparison]) -> list[str]:
    """On what was taken from the seeds."""
    notes: list[str] = []
    if found.pooled is not None:
        unequal = (
            f" The largest spread of an arm is {found.pooled.spread_ratio:.1f} times the smallest: intervals of arms "
            "that vary most may be too narrow."
            if found.pooled.unequal
            else ""
        )
        notes.append(f"All arms share one variance over seeds ({found.pooled.df} degrees of freedom).{unequal}")
    exact = [each.over_seeds.sign_flip for each in arms if each.over_seeds and each.over_seeds.sign_flip]
    refusals = dict.fromkeys(each.refusal for each in exact if each.refusal)
    words = f" Exact tests over seeds: {', '.join(str(each) for each in refusals)}." if refusals else ""
    if exact:
        notes.append(f"Tests over seeds, effect sizes and power are in table.statistics.md.{words}")
    return notes


def _row(each: Comparison, digits: int) -> ComparisonRow:
    interval = (
        "–"
        if each.interval is None
        else (f"[{_signed(each.interval.low, digits)}, {_signed(each.interval.high, digits)}]")
    )
    return ComparisonRow(
        each.arm,
        str(each.n),
        _signed(each.estimate, digits),
        interval,
        p_text(each.p),
        p_text(each.adjusted_p),
        each.verdict.words(digits),
    )


def _signed(value: float, digits: int) -> str:
    """With a real minus sign, as in the verdicts."""
    return typographic(rounded(value, digits, "+"))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
