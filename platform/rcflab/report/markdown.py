"""TableRows as a Markdown table: arm, n, then value and difference for each metric."""

import re

from rcflab.report.rows import Number, TableRows

_ARROWS = {"higher": " ↑", "lower": " ↓", "neither": ""}


def render_markdown(rows: TableRows) -> str:
    """The table with its notes below; ends in a newline."""
    head = ["arm", "n"]
    for spec in rows.metrics:
        head += [escape(f"{spec.label}{_ARROWS[spec.better]}"), escape(f"Δ {spec.label}")]
    lines = [_line(head), _line(["---", *["---:"] * (len(head) - 1)])]
    for row in rows.rows:
        cells = [escape(row.arm) + (" (baseline)" if row.is_baseline else ""), str(row.n)]
        for entry in row.entries:
            cells += [_text(entry.value), _text(entry.difference)]
        lines.append(_line(cells))
    notes = [f"- {escape(note)}" for note in rows.notes]
    return "\n".join([*lines, "", *notes, ""])


def escape(text: str) -> str:
    """`text` that Markdown shows as it is: no markup, no HTML, no end of a cell."""
    return re.sub(r"([\\`*_{}\[\]<>|~#&!$])", r"\\\1", text)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(number: Number | None) -> str:
    if number is None:
        return "–"
    spread = "" if number.sd is None else f" ± {number.sd}"
    return f"{number.mean}{spread}" + ("" if number.n is None else f" (n={number.n})")
