"""What a printed table shows, before any format: numbers rounded once, headings, notes.

AblationTable --table_rows--> TableRows --> markdown | latex          (csv and json take the numbers unrounded)
                 rows of our arms, then quoted rows of the paper
"""

from dataclasses import dataclass

from rcflab.ablation import AblationTable, Measure
from rcflab.knobs import Switch, as_words
from rcflab.metrics import METRICS, MetricSpec
from rcflab.report.comparisons import ComparisonRow, comparison_head, comparison_notes, section_rows
from rcflab.report.notes import layout_notes, made_by
from rcflab.report.numbers import rounded
from rcflab.report.quoted import quote_notes, quotes
from rcflab.stats.summary import Summary
from rcflab.yaml_file import is_mapping

_GPU_NOTE = (
    "Trained on GPUs, deterministically where torch can: the same seed gives the same numbers on the same GPU and "
    "software only, and nearly the same on others."
)


@dataclass(frozen=True, slots=True)
class Number:
    """A rounded mean and its spread, as digits."""

    mean: str
    sd: str | None
    n: int | None
    """How many seeds it stands for, where these are fewer than the arm has."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One metric of one arm."""

    value: Number | None
    """None where no seed has a value."""
    difference: Number | None
    is_better: bool = False
    """Than the baseline, shown by a test: the difference is set in bold."""


@dataclass(frozen=True, slots=True)
class ArmRow:
    """One line of the table."""

    arm: str
    is_baseline: bool
    n: int
    entries: tuple[Entry, ...]
    knobs: tuple[Switch | str | None, ...] = ()
    """One for each knob of the table; None where the field has no effect."""


@dataclass(frozen=True, slots=True)
class QuotedRow:
    """One line of the paper, below our own."""

    label: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class TableRows:
    """A table ready to be set."""

    experiment: str
    baseline: str
    metrics: tuple[MetricSpec, ...]
    rows: tuple[ArmRow, ...]
    notes: tuple[str, ...]
    """Plain text, not yet escaped."""
    quoted: tuple[QuotedRow, ...] = ()
    compared: tuple[ComparisonRow, ...] = ()
    """Lines of the second table, and its headings."""
    compared_head: tuple[str, ...] = ()
    knob_labels: tuple[str, ...] = ()
    """Headings of the columns that say what arms differ in; empty where rows are called by their arms alone."""
    names_arms: bool = True
    """Whether rows are called by their arms at all."""


def table_rows(table: AblationTable) -> TableRows:
    """The rows of `table`, rounded to the digits of each metric, with notes that say what the numbers are."""
    found = table.comparisons
    better = frozenset[str]() if found is None or found.baseline != table.baseline else found.better
    tested = None if found is None else found.metric
    knobs = () if table.layout == "arms" else table.knobs
    rows = tuple(
        ArmRow(
            row.arm,
            row.is_baseline,
            len(row.seeds),
            tuple(
                _entry(measure, spec.digits, is_better=spec == tested and row.arm in better)
                for measure, spec in zip(row.measures, table.metrics, strict=True)
            ),
            tuple(knob.shown(row.arm) for knob in knobs),
        )
        for row in table.rows
    )
    return TableRows(
        table.experiment,
        table.baseline,
        table.metrics,
        rows,
        tuple(_notes(table)),
        _quoted(table),
        section_rows(table.all_comparisons),
        () if found is None else comparison_head(found),
        tuple(knob.label for knob in knobs),
        names_arms=not knobs or table.layout == "both",
    )


def _quoted(table: AblationTable) -> tuple[QuotedRow, ...]:
    """The paper's rows, with the digits that were published: these are the metric's own, whatever ours deserve."""

    def number(value: float | None, digits: int, sign: str = "") -> Number | None:
        return None if value is None else Number(rounded(value, digits, sign), None, None)

    published = [METRICS[spec.key].digits for spec in table.metrics]
    return tuple(
        QuotedRow(
            quote.label,
            tuple(
                Entry(number(value, digits), number(difference, digits, "+"))
                for value, difference, digits in zip(quote.values, quote.differences, published, strict=True)
            ),
        )
        for quote in quotes(table)
    )


def _entry(measure: Measure, digits: int, *, is_better: bool) -> Entry:
    seeds = len(measure.values)
    difference = _number(measure.difference, seeds, digits, "+")
    return Entry(_number(measure.summary, seeds, digits), difference, is_better)


def _number(summary: Summary | None, seeds: int, digits: int, sign: str = "") -> Number | None:
    if summary is None:
        return None
    spread = None if summary.sd is None else rounded(summary.sd, digits)
    return Number(rounded(summary.mean, digits, sign), spread, summary.n if summary.n != seeds else None)


def _notes(table: AblationTable) -> list[str]:
    has_baseline = any(row.is_baseline for row in table.rows)
    counts = {len(row.seeds) for row in table.rows}
    spread = "± is the sample standard deviation over seeds" if max(counts) > 1 else "no spread with a single seed"
    notes = [f"n is the number of seeds; {spread}."]
    if has_baseline:
        notes.append(f"Δ is the mean difference to {table.baseline}, seed by seed, ± its standard deviation.")
    else:
        notes.append(f"The baseline {table.baseline} is not in this table, so there are no differences.")
    notes += layout_notes(table)
    if table.more_baselines:
        notes.append(f"Differences to {', '.join(table.more_baselines)} are in the second part, and in csv and json.")
    notes += comparison_notes(table.comparisons, table.more_comparisons)
    if table.extended:
        path = ", ".join(map(str, table.extended.looks))
        notes.append(
            f"Seeds extended after a look (from {path} to {table.extended.seeds}): who adds seeds until a test pleases "
            "finds what is not there; p does not know of it."
        )
    if table.tests:
        notes.append("The t-tests that the experiment asks for are in table.statistics.md.")
    units: dict[str, list[str]] = {}
    for spec in table.metrics:
        units.setdefault(spec.unit, []).append(spec.label)
    notes += [f"{', '.join(labels)} in {_unit(unit)}." for unit, labels in units.items() if unit not in ("", "ratio")]
    notes += _left_out(table)
    notes += [f"{' = '.join(group)}: what they differ in has no effect; trained once." for group in table.joined]
    notes += _gaps(table)
    notes += quote_notes(table)
    if table.reused:
        cells = ", ".join(f"{arm} seed {seed}" for arm, seed in table.reused)
        notes.append(f"Stale cells reused, made by other code: {cells}.")
    if table.on_gpu:
        notes.append(_GPU_NOTE)
    if table.tuned:
        notes.append(table.tuned)
    if table.scoring:
        notes.append(f"Scored with {_settings(table)}.")
    notes.append(f"Evaluated on videos {table.videos_digest[:12]}{made_by(table)}; trials are named in table.json.")
    return notes


def _left_out(table: AblationTable) -> list[str]:
    """Which cells a partial table goes without, and why."""
    if not table.left_out:
        return []
    cells = ", ".join(f"{each.arm} seed {each.seed} ({each.why})" for each in table.left_out)
    return [f"Partial: without {cells}. Only complete seeds count, n of them in each row."]


def _gaps(table: AblationTable) -> list[str]:
    """Which cells have no value of which metric, and what that does to the numbers."""
    gaps: dict[str, list[str]] = {}
    for index, spec in enumerate(table.metrics):
        gaps[spec.label] = [
            f"{row.arm} seed {seed}"
            for row in table.rows
            for seed, value in zip(row.seeds, row.measures[index].values, strict=True)
            if value is None
        ]
    notes = [f"No value of {label}: {', '.join(cells)}." for label, cells in gaps.items() if cells]
    rule = "Means and differences use the seeds that have a value; (n=) says how many where not all have."
    return [*notes, rule] if notes else []


def _settings(table: AblationTable) -> str:
    said = {name: value for name, value in table.scoring.items() if value is not None}
    return ", ".join(f"{name} {as_words(value) if is_mapping(value) else value}" for name, value in said.items())


def _unit(unit: str) -> str:
    return "percent points" if unit == "points" else unit
