"""The paper's rows that a table quotes: those that its arms repeat, then those of other methods.

AblationTable.paper --quotes--> Quote(label, values, differences to the paper's row of our baseline)

Each label says whose the row is, so that a row means the same when it is copied out alone.
"""

from dataclasses import dataclass

from rcflab.ablation import AblationTable
from rcflab.paper import PaperRow, PaperTable


@dataclass(frozen=True, slots=True)
class Quote:
    """One row of the paper under the metrics of our table."""

    label: str
    row: PaperRow
    values: tuple[float | None, ...]
    """One for each metric of our table; None where the paper has none."""
    differences: tuple[float | None, ...]
    """To the paper's row of our baseline; None for that row, for other methods, and where a value is missing."""


def quotes(table: AblationTable) -> tuple[Quote, ...]:
    """What `table` quotes, in the paper's order; nothing for a table that repeats none of the paper's."""
    paper = table.paper
    if paper is None:
        return ()
    arms = {row.arm for row in table.rows}
    baseline = paper.row_of(table.baseline)
    chosen = [row for row in paper.rows if row.arm in arms] + [row for row in paper.rows if not row.arm]
    return tuple(_quote(table, paper, row, baseline) for row in chosen)


def paper_values(table: AblationTable, arm: str) -> tuple[float | None, ...]:
    """The paper's values of the row that `arm` repeats, one for each metric of `table`."""
    row = table.paper.row_of(arm) if table.paper else None
    return (
        tuple(None for _ in table.metrics) if row is None or table.paper is None else _values(table, table.paper, row)
    )


def quote_notes(table: AblationTable) -> list[str]:
    """What has to be said of the quoted rows."""
    paper = table.paper
    if paper is None:
        return []
    if paper.lost:
        return [f"Repeats {paper.source} ({paper.about}). {paper.lost}"]
    source = f"Rows that begin with 'paper:' are quoted from {paper.source} ({paper.about})"
    caution = "comparable with ours on the same data and at the same scale only"
    return [f"{source}: single runs without a spread, not computed here; {caution}.", *paper.notes]


def _quote(table: AblationTable, paper: PaperTable, row: PaperRow, baseline: PaperRow | None) -> Quote:
    values = _values(table, paper, row)
    differences: tuple[float | None, ...] = tuple(None for _ in values)
    if baseline is not None and row.arm and row is not baseline:
        pairs = zip(values, _values(table, paper, baseline), strict=True)
        differences = tuple(None if one is None or other is None else one - other for one, other in pairs)
    return Quote(_label(row), row, values, differences)


def _values(table: AblationTable, paper: PaperTable, row: PaperRow) -> tuple[float | None, ...]:
    known = dict(zip(paper.columns, row.values, strict=True))
    return tuple(known.get(spec.key) for spec in table.metrics)


def _label(row: PaperRow) -> str:
    name = row.arm or ", ".join(part for part in (row.method, row.backbone, row.pipeline) if part)
    facts = [
        f"{row.fps:g} FPS" if row.fps else "",
        f"latency {row.latency_s:g} s" if row.latency_s else "",
        f"p = {row.p_ap50:.2f} at IoU 0.5" if row.p_ap50 is not None else "",
        f"p = {row.p_ap75:.2f} at IoU 0.75" if row.p_ap75 is not None else "",
    ]
    told = ", ".join(fact for fact in facts if fact)
    return f"paper: {name}" + (f" ({told})" if told else "")
