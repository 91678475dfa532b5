"""TableRows as a Markdown table: arm, n, then value and difference for each metric; quoted rows have no n.

Below it a second table of what may be said of the differences, then the notes.
"""

import re
from collections.abc import Sequence

from rcflab.knobs import Switch
from rcflab.report.numbers import typographic
from rcflab.report.rows import Entry, Number, TableRows
from rcflab.report.titles import FAMILIES, row_titles, title_heads

_ARROWS = {"higher": " ↑", "lower": " ↓", "neither": ""}
_MARKS = {Switch.ON: "✓", Switch.OFF: "✗", None: "–"}


def render_markdown(rows: TableRows) -> str:
    """The table with its notes below; ends in a newline."""
    titles = [escape(title) for title in title_heads(rows)]
    head = [*titles, "n"]
    for spec in rows.metrics:
        head += [escape(f"{spec.label}{_ARROWS[spec.better]}"), escape(f"Δ {spec.label}")]
    knobs, numbers = len(rows.knob_labels), len(head) - len(titles)
    names = ["---"] * (len(titles) - knobs)
    lines = [_line(head), _line([*names, *[":---:"] * knobs, *["---:"] * numbers])]
    for row in rows.rows:
        lines.append(_line([*(_title(each) for each in row_titles(rows, row)), str(row.n), *_texts(row.entries)]))
    blank = [""] * len(titles)
    lines += [_line([f"*{escape(row.label)}*", *blank, *_texts(row.entries)]) for row in rows.quoted]
    if rows.compared:
        lines += ["", *_comparisons(rows)]
    notes = [f"- {escape(note)}" for note in rows.notes]
    return "\n".join([*lines, "", *notes, ""])


def render_markdown_tables(tables: Sequence[TableRows]) -> str:
    """Several experiments in one document, each with a heading."""
    parts = [f"## {rows.experiment}\n\n{render_markdown(rows)}" for rows in tables]
    return "\n".join([*parts, f"{FAMILIES}\n"])


def _title(title: Switch | str | None) -> str:
    return escape(title) if isinstance(title, str) else _MARKS[title]


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
    return f"{typographic(number.mean)}{spread}" + ("" if number.n is None else f" (n={number.n})")
