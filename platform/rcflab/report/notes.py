"""Notes below a table on what its rows are called and what made them."""

from rcflab.ablation import AblationTable
from rcflab.report.names import baseline_marked


def layout_notes(table: AblationTable) -> list[str]:
    """What the columns of knobs mean, and which arm each row is where its name is not printed."""
    if table.layout == "arms" or not table.knobs:
        return []
    notes: list[str] = []
    if any(knob.is_switch for knob in table.knobs):
        notes.append("✓ is on, ✗ is off.")
    if any(knob.shown(row.arm) is None for knob in table.knobs for row in table.rows):
        notes.append("A knob without an entry has no effect in that row.")
    if table.layout == "knobs":
        notes.append(f"Rows from above: {', '.join(baseline_marked(row.arm, row.is_baseline) for row in table.rows)}.")
    return notes


def made_by(table: AblationTable) -> str:
    """` by code 0123456789ab`, of every code that made a cell of the table; empty where it is not known."""
    codes = dict.fromkeys(digest[:12] for row in table.rows for digest in row.code_digests)
    return f", made by code {', '.join(codes)}" if codes else ""
