"""The details of the comparisons: what a reader of the table may ask next; in table.statistics.md and on the page.

AblationTable --statistics_parts--> over the seeds: effect size, paired t, exact tests    power
                                    the t-tests that were asked for, each with its unit, n, mean and sd
              --render_statistics--> the same as Markdown

Everything here is descriptive: verdicts and bold come from the table's own test alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rcflab.ablation import AblationTable
from rcflab.comparison import Comparison, Comparisons
from rcflab.metrics import MetricSpec
from rcflab.report.markdown import escape
from rcflab.report.numbers import rounded
from rcflab.report.p_value import p_text
from rcflab.report.power import power_cells, power_head, power_notes
from rcflab.stats.exact import ExactTest
from rcflab.stats.interval import Interval
from rcflab.unit_tests import ArmTest

_NONE = "–"


@dataclass(frozen=True, slots=True)
class Part:
    """One table with its notes; plain text."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    words: int = 1
    """Columns at the left that are no numbers."""


def statistics_parts(table: AblationTable) -> tuple[Part, ...]:
    """All that there is to tell."""
    parts = [part for found in table.all_comparisons for part in (*_seeds_part(found), *_power_part(found))]
    return (*parts, *_tests_part(table.tests))


def render_statistics(table: AblationTable) -> str:
    """The whole file; ends in a newline."""
    lines = [f"# Statistics of {escape(table.experiment)}", ""]
    for part in statistics_parts(table):
        lines += [f"## {escape(part.title)}", ""]
        if part.rows:
            lines += [_line(part.head), f"|{' --- |' * part.words}{' ---: |' * (len(part.head) - part.words)}"]
            lines += [*(_line(row) for row in part.rows), ""]
            lines += [f"- {escape(note)}" for note in part.notes]
        else:
            lines += [escape(note) for note in part.notes]
        lines.append("")
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(escape(cell) for cell in cells)} |"


def _seeds_part(found: Comparisons) -> Iterator[Part]:
    label = found.metric.label
    title = f"Over the seeds: {label}, against {found.baseline}"
    rows = tuple(_seed_cells(each, found.metric) for each in found.arms if each.over_seeds is not None)
    if not rows:
        yield Part(title, (), (), ("No arm has two seeds that differ.",))
        return
    head = (
        "arm", "n", f"Δ {label}", "sd of one seed's Δ", "r", "effect size", "95 % interval (t)", "p (t)",
        "p (sign-flip)", "p (Wilcoxon)",
    )  # fmt: skip
    notes = (
        f"Paired by seed, on exactly these videos: what other videos would show is in the table's own interval. "
        f"Exact tests are held against 0.05 / {max(1, found.family)}, the first step of Holm's correction; "
        "no p is adjusted here.",
        "r: correlation of arm and baseline over the seeds. Effect size: Δ / sd, Hedges' factor, from 5 seeds on.",
    )
    yield Part(title, head, rows, notes)


def _seed_cells(each: Comparison, metric: MetricSpec) -> tuple[str, ...]:
    over, digits = each.over_seeds, metric.digits
    assert over is not None, "asked before"
    return (
        each.arm,
        str(each.n),
        rounded(each.estimate, digits, "+"),
        rounded(over.sd, digits + 1),
        _NONE if each.correlation is None else rounded(each.correlation, 2),
        _NONE if over.effect_size is None else rounded(over.effect_size, 1),
        _interval(over.t.interval(), digits),
        p_text(over.t.p),
        _exact(over.sign_flip),
        _exact(over.wilcoxon),
    )


def _exact(test: ExactTest | None) -> str:
    if test is None:
        return _NONE
    # Equal magnitudes have no ranks: then the sign-flip test stands in, and says so.
    other = f" ({test.method})" if test.method == "sign-flip" else ""
    return test.refusal or f"{p_text(test.p)}{other}"


def _power_part(found: Comparisons) -> Iterator[Part]:
    rows = tuple(power_cells(each, found.metric) for each in found.arms if each.over_seeds is not None)
    if rows:
        title = f"Power: {found.metric.label}, against {found.baseline}"
        yield Part(title, power_head(found.metric), rows, tuple(power_notes(found)))


def _tests_part(tests: Sequence[ArmTest]) -> Iterator[Part]:
    if not tests:
        return
    head = ("arm", "baseline", "unit", "statistic", "n", "mean of the units", "sd", "Δ", "95 % interval", "p")
    note = (
        "Not adjusted, and no verdict. A unit's score is its mean over the seeds. Over videos and over categories a "
        "test speaks of these checkpoints, over seeds of these videos. Units without a true track are left out; the "
        "mean over units is not the metric of the whole set."
    )
    yield Part("t-tests that were asked for", head, tuple(map(_test_cells, tests)), (note,), words=4)


def _test_cells(test: ArmTest) -> tuple[str, ...]:
    kind = f"{test.unit}, {'paired' if test.paired else 'Welch'}"
    start = [test.arm, test.baseline, kind, test.statistic.label]
    if test.found is None:
        return (*start, _NONE, _NONE, _NONE, _NONE, _NONE, test.reason)
    digits, found = test.statistic.digits + 1, test.found
    return (
        *start,
        " / ".join(str(units.n) for units in found.units),
        " / ".join(rounded(units.mean, digits, "+" if test.paired else "") for units in found.units),
        " / ".join(rounded(units.sd or 0.0, digits) for units in found.units),
        rounded(found.estimate, digits, "+"),
        _interval(found.interval(), digits),
        p_text(found.p),
    )


def _interval(limits: Interval, digits: int) -> str:
    return f"[{rounded(limits.low, digits, '+')}, {rounded(limits.high, digits, '+')}]"
