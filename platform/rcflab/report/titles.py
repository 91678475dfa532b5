"""What the rows of a table are called: by arm, by what the arms differ in, or by both; the same in every format.

TableRows --title_heads--> arm | knobs ...        ArmRow --row_titles--> name | on, off or a value ...
"""

from rcflab.knobs import Switch
from rcflab.report.names import baseline_marked
from rcflab.report.rows import ArmRow, TableRows

FAMILIES = (
    "Each experiment is a family of its own: the p (Holm) of a table count that table's comparisons, not those of the "
    "other tables."
)
"""What has to be said where several experiments stand in one document."""


def title_heads(rows: TableRows) -> tuple[str, ...]:
    """Headings of the columns before the numbers; plain text."""
    return (*(["arm"] if rows.names_arms else []), *rows.knob_labels)


def row_titles(rows: TableRows, row: ArmRow) -> tuple[Switch | str | None, ...]:
    """The entries below them; None where a field has no effect."""
    name = baseline_marked(row.arm, row.is_baseline)
    return (*([name] if rows.names_arms else []), *row.knobs)
