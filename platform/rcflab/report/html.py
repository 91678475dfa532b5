"""Tables as HTML that stands alone: no script, no font, no picture from elsewhere; every name escaped.

TableRows --grid--> Grid(head, rows of cells) --templates/*.html.j2--> one document, light or dark as the reader has it
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from rcflab.knobs import Switch
from rcflab.records import Json
from rcflab.report.numbers import typographic
from rcflab.report.rows import Entry, Number, TableRows
from rcflab.report.titles import FAMILIES, row_titles, title_heads

_ARROWS = {"higher": " ↑", "lower": " ↓", "neither": ""}
_MARKS = {Switch.ON: "✓", Switch.OFF: "✗", None: "–"}
Kind = Literal["name", "knob", "number", "words", "key", "bad"]


@dataclass(frozen=True, slots=True)
class GridCell:
    """One cell; plain text."""

    text: str
    kind: Kind
    is_bold: bool = False
    label: str = ""
    """What a reader who hears the page is told in place of a sign."""


@dataclass(frozen=True, slots=True)
class GridRow:
    """One line."""

    cells: tuple[GridCell, ...]
    is_baseline: bool = False
    is_quoted: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """One table as cells."""

    head: tuple[GridCell, ...]
    rows: tuple[GridRow, ...]


@dataclass(frozen=True, slots=True)
class HtmlTable:
    """An experiment's tables, ready for a template."""

    experiment: str
    numbers: Grid
    comparisons: Grid | None
    notes: tuple[str, ...]


def html_table(rows: TableRows) -> HtmlTable:
    """The grids of `rows`."""
    return HtmlTable(rows.experiment, _numbers(rows), _comparisons(rows), rows.notes)


def render_html(rows: TableRows) -> str:
    """A document with one experiment's tables; ends in a newline."""
    return render_template("tables.html.j2", {"tables": [html_table(rows)], "title": rows.experiment, "families": ""})


def render_html_fragment(rows: TableRows) -> str:
    """The same tables as one `div` without styles, for a page that has its own: a notebook, say."""
    return render_template("fragment.html.j2", {"table": html_table(rows)})


def render_html_tables(tables: Sequence[TableRows]) -> str:
    """The same with several experiments below each other."""
    title = ", ".join(rows.experiment for rows in tables)
    found = [html_table(rows) for rows in tables]
    return render_template("tables.html.j2", {"tables": found, "title": title, "families": FAMILIES})


def render_template(name: str, values: Mapping[str, Json]) -> str:
    """One of the templates beside this module, filled in and escaped."""
    return _environment().get_template(name).render(values)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _numbers(rows: TableRows) -> Grid:
    knobs = len(rows.knob_labels)
    titles = title_heads(rows)
    kinds: list[Kind] = ["name" if place < len(titles) - knobs else "knob" for place in range(len(titles))]
    head = [GridCell(title, kind) for title, kind in zip(titles, kinds, strict=True)]
    head.append(GridCell("n", "number"))
    for spec in rows.metrics:
        head += [GridCell(f"{spec.label}{_ARROWS[spec.better]}", "number"), GridCell(f"Δ {spec.label}", "number")]
    lines = [
        GridRow(
            (
                *(_title(title, kind) for title, kind in zip(row_titles(rows, row), kinds, strict=True)),
                GridCell(str(row.n), "number"),
                *_entries(row.entries),
            ),
            is_baseline=row.is_baseline,
        )
        for row in rows.rows
    ]
    blank = [GridCell("", "number")] * len(titles)
    lines += [
        GridRow((GridCell(row.label, "name"), *blank, *_entries(row.entries)), is_quoted=True) for row in rows.quoted
    ]
    return Grid(tuple(head), tuple(lines))


def _comparisons(rows: TableRows) -> Grid | None:
    if not rows.compared:
        return None
    last = len(rows.compared_head) - 1
    kinds: list[Kind] = ["name" if not place else "words" if place == last else "number" for place in range(last + 1)]

    def line(cells: Sequence[str]) -> tuple[GridCell, ...]:
        return tuple(GridCell(text, kind) for text, kind in zip(cells, kinds, strict=True))

    return Grid(line(rows.compared_head), tuple(GridRow(line(row.cells)) for row in rows.compared))


def _title(title: Switch | str | None, kind: Kind) -> GridCell:
    if isinstance(title, str):
        return GridCell(title, kind)
    return GridCell(_MARKS[title], kind, label=title.value if title else "no effect")


def _entries(entries: tuple[Entry, ...]) -> list[GridCell]:
    return [
        cell
        for entry in entries
        for cell in (
            GridCell(_text(entry.value), "number"),
            GridCell(_text(entry.difference), "number", is_bold=entry.is_better),
        )
    ]


def _text(number: Number | None) -> str:
    if number is None:
        return "–"
    spread = "" if number.sd is None else f" ± {number.sd}"
    return f"{typographic(number.mean)}{spread}" + ("" if number.n is None else f" (n={number.n})")
