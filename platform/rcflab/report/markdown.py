"""TableRows as a Markdown table: arm, n, then value and difference for each metric; quoted rows have no n.

Below it a second table of what may be said of the differences, then the notes.
"""

import re

from rcflab.report.rows import Entry, Number, TableRows

_ARROWS = {"higher": " ↑", "lower": " ↓", "neither": ""}


def render_markdown(rows: TableRows) -> str:
    """The table with its notes below; ends in a newline."""
    head = ["arm", "n"]
    for spec in rows.metrics:
        head += [escape(f"{spec.label}{_ARROWS[spec.better]}"), escape(f"Δ {spec.label}")]
    lines = [_line(head), _line(["---", *["---:"] * (len(head) - 1)])]
    for row in rows.rows:
        name = escape(row.arm) + (" (baseline)" if row.is_baseline else "")
        lines.append(_line([name, str(row.n), *_texts(row.entries)]))
    lines += [_line([f"*{escape(row.label)}*", "", *_texts(row.entries)]) for row in rows.quoted]
    if rows.compared:
        lines += ["", *_comparisons(rows)]
    notes = [f"- {escape(note)}" for note in rows.notes]
    return "\n".join([*lines, "", *notes, ""])


def _comparisons(rows: TableRows) -> list[str]:
    """The second table."""
    head = [_line([escape(each) for each in rows.compared_head]), _line(["---", *["---:"] * 5, "---"])]
    return head + [_line([escape(cell) for cell in row.cells]) for row in rows.compared]


def escape(text: str) -> str:
    """`text` that Markdown shows as it is: no markup, no HTML, no end of a cell."""
    return re.sub(r"([\\`*_{}\[\]<>|~#&!$])", r"\\\1", text)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _texts(entries: tuple[Entry, ...]) -> list[str]:
    return [
        text
        for entry in entries
        for text in (
            _text(entry.value),
            f"**{_text(entry.difference)}**" if entry.is_better else _text(entry.difference),
        )
    ]


def _text(number: Number | None) -> str:
    if number is None:
        return "–"
    spread = "" if number.sd is None else f" ± {number.sd}"
    return f"{number.mean}{spread}" + ("" if number.n is None else f" (n={number.n})")
