"""TableRows as an HTML fragment, for a page or a notebook: the tables of the Markdown file, and its notes as a list."""

from html import escape

from rcflab.report.rows import Entry, Number, TableRows

_ARROWS = {"higher": " ↑", "lower": " ↓", "neither": ""}


def render_html(rows: TableRows) -> str:
    """One `div`, without styles and scripts of its own; everything in it that anyone may have named is escaped."""
    head = ["arm", "n"]
    for spec in rows.metrics:
        head += [f"{spec.label}{_ARROWS[spec.better]}", f"Δ {spec.label}"]
    body = [_line([_name(row.arm, row.is_baseline), str(row.n)], row.entries) for row in rows.rows]
    body += [_line([f"<em>{escape(row.label)}</em>", ""], row.entries) for row in rows.quoted]
    tables = [_table(head, body)]
    if rows.compared:
        compared = [_row([escape(cell) for cell in row.cells]) for row in rows.compared]
        tables.append(_table(list(rows.compared_head), compared))
    notes = "".join(f"<li>{escape(note)}</li>" for note in rows.notes)
    return f'<div class="rcflab-table">{"".join(tables)}<ul>{notes}</ul></div>\n'


def _name(arm: str, is_baseline: bool) -> str:
    return escape(arm) + (" (baseline)" if is_baseline else "")


def _table(head: list[str], body: list[str]) -> str:
    cells = "".join(f"<th>{escape(each)}</th>" for each in head)
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def _line(cells: list[str], entries: tuple[Entry, ...]) -> str:
    for entry in entries:
        difference = _text(entry.difference)
        cells += [_text(entry.value), f"<strong>{difference}</strong>" if entry.is_better else difference]
    return _row(cells)


def _row(cells: list[str]) -> str:
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _text(number: Number | None) -> str:
    if number is None:
        return "–"
    spread = "" if number.sd is None else f" ± {number.sd}"
    return f"{number.mean}{spread}" + ("" if number.n is None else f" (n={number.n})")
