"""The details of the comparisons as Markdown, table.statistics.md: what a reader of the table may ask next.

AblationTable --> over the seeds: effect size, paired t, exact tests    where the spread comes from, and power
                  the t-tests that were asked for, each with its unit, n, mean and sd

Everything here is descriptive: verdicts and bold come from the table's own test alone.
"""

from collections.abc import Iterator, Sequence

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


def render_statistics(table: AblationTable) -> str:
    """The whole file; ends in a newline."""
    lines = [f"# Statistics of {escape(table.experiment)}", ""]
    for found in table.all_comparisons:
        lines += [*_seeds_part(found), *_power_part(found)]
    lines += _tests_part(table.tests)
    return "\n".join(lines)


def _seeds_part(found: Comparisons) -> Iterator[str]:
    label = escape(found.metric.label)
    yield f"## Over the seeds: {label}, against {escape(found.baseline)}"
    yield ""
    if not any(each.over_seeds for each in found.arms):
        yield from ("No arm has two seeds that differ.", "")
        return
    head = f"arm | n | Δ {label} | sd of one seed's Δ | r | effect size | 95 % interval (t) | p (t) | p (sign-flip)"
    yield f"| {head} | p (Wilcoxon) |"
    yield f"| --- |{' ---: |' * 9}"
    for each in found.arms:
        if each.over_seeds is not None:
            yield f"| {' | '.join(_seed_cells(each, found.metric))} |"
    yield ""
    yield (
        f"- Paired by seed, on exactly these videos: what other videos would show is in the table's own interval. "
        f"Exact tests are held against 0.05 / {max(1, found.family)}, the first step of Holm's correction; "
        "no p is adjusted here."
    )
    yield "- r: correlation of arm and baseline over the seeds. Effect size: Δ / sd, Hedges' factor, from 5 seeds on."
    yield ""


def _seed_cells(each: Comparison, metric: MetricSpec) -> list[str]:
    over, digits = each.over_seeds, metric.digits
    assert over is not None, "asked before"
    return [
        escape(each.arm),
        str(each.n),
        rounded(each.estimate, digits, "+"),
        rounded(over.sd, digits + 1),
        _NONE if each.correlation is None else rounded(each.correlation, 2),
        _NONE if over.effect_size is None else rounded(over.effect_size, 1),
        _interval(over.t.interval(), digits),
        p_text(over.t.p),
        _exact(over.sign_flip),
        _exact(over.wilcoxon),
    ]


def _exact(test: ExactTest | None) -> str:
    if test is None:
        return _NONE
    # Equal magnitudes have no ranks: then the sign-flip test stands in, and says so.
    other = f" ({test.method})" if test.method == "sign-flip" else ""
    return test.refusal or f"{p_text(test.p)}{other}"


def _power_part(found: Comparisons) -> Iterator[str]:
    if not any(each.over_seeds for each in found.arms):
        return
    head = power_head(found.metric)
    yield f"## Power: {escape(found.metric.label)}, against {escape(found.baseline)}"
    yield ""
    yield f"| {' | '.join(escape(each) for each in head)} |"
    yield f"| --- |{' ---: |' * (len(head) - 1)}"
    for each in found.arms:
        if each.over_seeds is not None:
            yield f"| {' | '.join(escape(cell) for cell in power_cells(each, found.metric))} |"
    yield ""
    yield from (f"- {escape(note)}" for note in power_notes(found))
    yield ""


def _tests_part(tests: Sequence[ArmTest]) -> Iterator[str]:
    if not tests:
        return
    yield "## t-tests that were asked for"
    yield ""
    yield "| arm | baseline | unit | statistic | n | mean of the units | sd | Δ | 95 % interval | p |"
    yield f"| --- | --- | --- | --- |{' ---: |' * 6}"
    for test in tests:
        yield f"| {' | '.join(escape(cell) for cell in _test_cells(test))} |"
    yield ""
    yield (
        "- Not adjusted, and no verdict. A unit's score is its mean over the seeds. Over videos and over categories a "
        "test speaks of these checkpoints, over seeds of these videos. Units without a true track are left out; the "
        "mean over units is not the metric of the whole set."
    )
    yield ""


def _test_cells(test: ArmTest) -> list[str]:
    kind = f"{test.unit}, {'paired' if test.paired else 'Welch'}"
    start = [test.arm, test.baseline, kind, test.statistic.label]
    if test.found is None:
        return [*start, _NONE, _NONE, _NONE, _NONE, _NONE, test.reason]
    digits, found = test.statistic.digits + 1, test.found
    return [
        *start,
        " / ".join(str(units.n) for units in found.units),
        " / ".join(rounded(units.mean, digits, "+" if test.paired else "") for units in found.units),
        " / ".join(rounded(units.sd or 0.0, digits) for units in found.units),
        rounded(found.estimate, digits, "+"),
        _interval(found.interval(), digits).replace("\\", ""),
        p_text(found.p),
    ]


def _interval(limits: Interval, digits: int) -> str:
    return escape(f"[{rounded(limits.low, digits, '+')}, {rounded(limits.high, digits, '+')}]")
