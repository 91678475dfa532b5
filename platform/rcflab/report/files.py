"""The tables of experiments as files, each whole or not there.

AblationTable ... --render--> table.md .csv .tex .macros.tex .comparisons.csv .json .html: equal bytes for equal results
                  --figures--> forest.png  forest.svg ...: likewise
                  --render_statistics--> table.statistics.md: likewise
what varies (times, hosts, run ids) ----> table.provenance.json
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

from rcflab.ablation import AblationTable
from rcflab.ledger.files import replace_bytes, replace_json, replace_text, storage_errors
from rcflab.records import Json
from rcflab.report.comparisons import as_one
from rcflab.report.comparisons_csv import render_comparisons_csv
from rcflab.report.csv_file import render_csv, render_csv_tables
from rcflab.report.forest import ImageFormat, forest_plot, image
from rcflab.report.html import render_html, render_html_tables
from rcflab.report.json_file import render_json, render_json_tables
from rcflab.report.latex import render_latex, render_latex_tables
from rcflab.report.macros import render_macros
from rcflab.report.markdown import render_markdown, render_markdown_tables
from rcflab.report.rows import TableRows, table_rows
from rcflab.report.statistics import render_statistics

Format = Literal["md", "csv", "tex", "macros", "comparisons", "json", "html"]
FORMATS: tuple[Format, ...] = get_args(Format)
_ENDINGS: dict[Format, str] = {"macros": "macros.tex", "comparisons": "comparisons.csv"}

_RENDER: dict[Format, Callable[[AblationTable], str]] = {
    "md": lambda table: render_markdown(table_rows(table)),
    "csv": render_csv,
    "tex": lambda table: render_latex(table_rows(table)),
    "macros": lambda table: render_macros([table]),
    "comparisons": lambda table: render_comparisons_csv([table]),
    "json": render_json,
    "html": lambda table: render_html(table_rows(table)),
}
_RENDER_MANY: dict[Format, Callable[[Sequence[AblationTable]], str]] = {
    "md": lambda tables: render_markdown_tables(_rows(tables)),
    "csv": render_csv_tables,
    "tex": lambda tables: render_latex_tables(_rows(tables)),
    "macros": render_macros,
    "comparisons": render_comparisons_csv,
    "json": render_json_tables,
    "html": lambda tables: render_html_tables(_rows(tables)),
}


def _rows(tables: Sequence[AblationTable]) -> list[TableRows]:
    return [table_rows(table) for table in tables]


def render(table: AblationTable, form: Format) -> str:
    """`table` in one of the formats."""
    return _RENDER[form](table)


def render_tables(tables: Sequence[AblationTable], form: Format) -> str:
    """Several experiments as one document, or one as `render` has it."""
    return render(tables[0], form) if len(tables) == 1 else _RENDER_MANY[form](tables)


def file_name(form: Format, stem: str = "table") -> str:
    """`table.md`, `table.macros.tex`, ..."""
    return f"{stem}.{_ENDINGS.get(form, form)}"


def write_tables(folder: Path, table: AblationTable, provenance: Mapping[str, Json]) -> dict[Format, Path]:
    """Write every format and the provenance below `folder`; returns the paths. Raises StorageError."""
    paths = _write(folder, {form: render(table, form) for form in FORMATS}, "table")
    _write_statistics(folder / "table.statistics.md", table)
    _write_figures(folder, table)
    replace_json(folder / "table.provenance.json", provenance)
    return paths


def _write_statistics(path: Path, table: AblationTable) -> None:
    """Beside a table with comparisons only."""
    if table.all_comparisons:
        replace_text(path, render_statistics(table))
    else:
        with storage_errors(path, "remove"):
            path.unlink(missing_ok=True)


def write_document(folder: Path, tables: Sequence[AblationTable]) -> dict[Format, Path]:
    """Write several experiments as one document in every format, `tables.*`. Raises StorageError."""
    return _write(folder, {form: render_tables(tables, form) for form in FORMATS}, "tables")


def _write(folder: Path, texts: Mapping[Format, str], stem: str) -> dict[Format, Path]:
    with storage_errors(folder, "create"):
        folder.mkdir(parents=True, exist_ok=True)
    paths: dict[Format, Path] = {form: folder / file_name(form, stem) for form in texts}
    for form, text in texts.items():
        replace_text(paths[form], text)
    return paths


def _write_figures(folder: Path, table: AblationTable) -> None:
    """Those of this table; none of an earlier one stays beside it."""
    found = as_one(table.all_comparisons)
    for form in get_args(ImageFormat):
        path = folder / f"forest.{form}"
        if found is not None and found.arms:
            # A figure of its own for each: the layout of one that was drawn before is another by some digits.
            replace_bytes(path, image(forest_plot(found), form))
        else:
            with storage_errors(path, "remove"):
                path.unlink(missing_ok=True)
