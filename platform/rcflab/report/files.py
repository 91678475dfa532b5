"""The tables of an experiment as files, each whole or not there.

AblationTable --render--> table.md  table.csv  table.tex  table.json     equal bytes for equal results
              --render_statistics--> table.statistics.md                 likewise: tests over seeds, power
              --forest_plot--> forest.png  forest.svg                    likewise, where arms were compared
what varies (times, hosts, run ids) ----> table.provenance.json
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, get_args

from rcflab.ablation import AblationTable
from rcflab.ledger.files import replace_bytes, replace_json, replace_text, storage_errors
from rcflab.records import Json
from rcflab.report.csv_file import render_csv
from rcflab.report.forest import ImageFormat, forest_plot, image
from rcflab.report.json_file import render_json
from rcflab.report.latex import render_latex
from rcflab.report.markdown import render_markdown
from rcflab.report.rows import table_rows
from rcflab.report.statistics import render_statistics

Format = Literal["md", "csv", "tex", "json"]
FORMATS: tuple[Format, ...] = get_args(Format)

_RENDER: dict[Format, Callable[[AblationTable], str]] = {
    "md": lambda table: render_markdown(table_rows(table)),
    "csv": render_csv,
    "tex": lambda table: render_latex(table_rows(table)),
    "json": render_json,
}


def render(table: AblationTable, form: Format) -> str:
    """`table` in one of the formats."""
    return _RENDER[form](table)


def write_tables(folder: Path, table: AblationTable, provenance: Mapping[str, Json]) -> dict[Format, Path]:
    """Write every format and the provenance below `folder`; returns the paths. Raises StorageError."""
    texts: dict[Format, str] = {form: render(table, form) for form in FORMATS}
    with storage_errors(folder, "create"):
        folder.mkdir(parents=True, exist_ok=True)
    paths: dict[Format, Path] = {}
    for form, text in texts.items():
        paths[form] = folder / f"table.{form}"
        replace_text(paths[form], text)
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


def _write_figures(folder: Path, table: AblationTable) -> None:
    """Those of this table; none of an earlier one stays beside it."""
    found = table.comparisons
    for form in get_args(ImageFormat):
        path = folder / f"forest.{form}"
        if found is not None and found.arms:
            # A figure of its own for each: the layout of one that was drawn before is another by some digits.
            replace_bytes(path, image(forest_plot(found), form))
        else:
            with storage_errors(path, "remove"):
                path.unlink(missing_ok=True)
