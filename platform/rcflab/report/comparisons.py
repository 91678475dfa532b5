"""What may be said of the arms, as text: a second table below the numbers, and the notes that say what it rests on.

Comparisons --comparison_rows--> arm, n, difference, 95 % interval, p, p after Holm, verdict
            --comparison_notes--> estimand, method, resamples, family, margin, and what to be careful about
"""

from dataclasses import dataclass

from rcflab.comparison import FEWEST_VIDEOS, Comparison, Comparisons
from rcflab.report.numbers import rounded, typographic
from rcflab.stats import percentile

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


def comparison_head(found: Comparisons) -> tuple[str, ...]:
    """Column headings."""
    return tuple(each.format(label=found.metric.label) for each in HEAD)


def comparison_notes(found: Comparisons | None) -> list[str]:
    """Notes below the tables."""
    if found is None:
        return []
    label, notes = found.metric.label, list[str]()
    if found.left_out:
        notes.append(f"Not compared, since an arm or a shared seed is missing: {', '.join(found.left_out)}.")
    if not found.arms:
        return notes
    if any(each.p is not None for each in found.arms):
        tests = _count(found.family, "comparison")
        notes.append(
            f"Intervals and p of Δ {label} are for new seeds and new videos (crossed interval). Each interval holds "
            f"with 95 % alone; p (Holm) and verdict hold over the {tests} of this experiment. "
            "Other metrics are not tested. Bold: better than the baseline with p (Holm) < 0.05."
        )
    if single := [each.arm for each in found.arms if each.n == 1]:
        notes.append(
            f"With one seed an interval is for {percentile.LABEL}: it says nothing of the method ({', '.join(single)})."
        )
    videos = f"{found.videos} videos, {found.resamples:,} times drawn again (random seed {found.seed})"
    dropped = f"; {_count(found.dropped, 'sample')} left nothing to score" if found.dropped else ""
    notes.append(f"Resampled: {videos}{dropped}.")
    if found.videos < FEWEST_VIDEOS:
        notes.append(f"Fewer than {FEWEST_VIDEOS} videos: these intervals may be too narrow.")
    if found.margin is not None:
        notes.append(f"Differences of less than {found.margin:g} do not matter, as the experiment says.")
    if rare := [each.arm for each in found.arms if each.rare_categories_dominate]:
        notes.append(f"Categories of few videos dominate the difference of {', '.join(rare)}: resampling moves it.")
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
        _p(each.p),
        _p(each.adjusted_p),
        each.verdict.words(digits),
    )


def _signed(value: float, digits: int) -> str:
    """With a real minus sign, as in the verdicts."""
    return typographic(rounded(value, digits, "+"))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.2g}" if value < 0.1 else f"{value:.2f}"
