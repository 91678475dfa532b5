"""TableRows as a LaTeX table for a paper: booktabs rules, numbers by siunitx, notes below.

    mean and spread of one number   r@{}l   so that decimal marks stand below each other
    rows of the paper, quoted       below a rule of their own
    too wide for the line           shrunk to it

The digits are those of Markdown and of the macros (`rcflab.report.macros`).
"""

from collections.abc import Sequence

from rcflab.knobs import Switch
from rcflab.report.rows import Entry, Number, TableRows
from rcflab.report.titles import FAMILIES, row_titles, title_heads

_ARROWS = {"higher": r" $\uparrow$", "lower": r" $\downarrow$", "neither": ""}
_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "`": r"\textasciigrave{}", "'": r"\textquotesingle{}",
    "±": r"$\pm$", "Δ": r"$\Delta$", "\u2212": "$-$", "–": "--", "×": r"$\times$", "…": r"\dots{}",
    "✓": r"$\checkmark$", "✗": r"$\times$", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "→": r"$\rightarrow$",
}  # fmt: skip
_MARKS = {Switch.ON: r"$\checkmark$", Switch.OFF: r"$\times$", None: "--"}
PREAMBLE = r"\usepackage[T1]{fontenc}\usepackage{amssymb,booktabs,graphicx,siunitx,textcomp}"
"""What a document needs to include a table or its macros; siunitx from version 3 (2021) on."""
_LAST_LETTER, _MISSING = "\u017e", "ĦħĸĿŀŉŦŧ"
"""Up to here pdflatex has the letters, but for a few."""


def render_latex(rows: TableRows) -> str:
    """A table environment; ends in a newline."""
    return "\n".join([f"% needs {PREAMBLE}", *_environment(rows), ""])


def render_latex_tables(tables: Sequence[TableRows]) -> str:
    """Several experiments, a table environment each; ends in a newline."""
    parts = [line for rows in tables for line in (*_environment(rows), "")]
    return "\n".join([f"% needs {PREAMBLE}", f"% {FAMILIES}", "", *parts])


def _environment(rows: TableRows) -> list[str]:
    notes = " ".join(escape(note) for note in rows.notes)
    return [
        r"\begin{table}",
        r"\centering\sisetup{retain-explicit-plus,text-series-to-math,reset-text-series=false}",
        rf"\caption{{Experiment {escape(rows.experiment)}.}}",
        rf"\label{{tab:{rows.experiment}}}",
        *_shrunk(_numbers(rows)),
        *_comparisons(rows),
        rf"\par\smallskip\begin{{minipage}}{{\linewidth}}\footnotesize {notes}\end{{minipage}}",
        r"\end{table}",
    ]


def _shrunk(tabular: list[str]) -> list[str]:
    """As wide as it is, or as the line where that is less."""
    return [r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%", *tabular[:-1], f"{tabular[-1]}}}"]


def _numbers(rows: TableRows) -> list[str]:
    entries = [row.entries for row in (*rows.rows, *rows.quoted)]
    spread = [[_has_spread(column) for column in _columns(entries, index)] for index in range(len(rows.metrics))]
    titles = title_heads(rows)
    knobs = len(rows.knob_labels)
    form = "l" * (len(titles) - knobs) + "c" * knobs + "r"
    head = [*map(escape, titles), "$n$"]
    for spec, (value, difference) in zip(rows.metrics, spread, strict=True):
        form += "".join("r@{}l" if wide else "r" for wide in (value, difference))
        head += [_head(f"{escape(spec.label)}{_ARROWS[spec.better]}", value), _head(r"$\Delta$", difference)]
    body: list[str] = []
    for row in rows.rows:
        names = [escape(each) if isinstance(each, str) else _MARKS[each] for each in row_titles(rows, row)]
        body.append(_line([*names, str(row.n), *_texts(row.entries, spread)]))
    if rows.quoted:
        body.append(r"\midrule")
    blank = [""] * len(titles)
    body += [_line([rf"\emph{{{escape(row.label)}}}", *blank, *_texts(row.entries, spread)]) for row in rows.quoted]
    return [rf"\begin{{tabular}}{{{form}}}", r"\toprule", _line(head), r"\midrule", *body, r"\bottomrule",
            r"\end{tabular}"]  # fmt: skip


def _comparisons(rows: TableRows) -> list[str]:
    """The second tabular, below the first."""
    if not rows.compared:
        return []
    tabular = [
        rf"\begin{{tabular}}{{l{'r' * 5}l}}",
        r"\toprule",
        _line([escape(each) for each in rows.compared_head]),
        r"\midrule",
        *(_line([escape(cell) for cell in row.cells]) for row in rows.compared),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return [r"\par\medskip", *_shrunk(tabular)]


def escape(text: str) -> str:
    """`text` that LaTeX prints as it is; signs that its fonts lack by their number."""
    return "".join(_SPECIAL.get(sign) or (sign if _is_known(sign) else f"[U+{ord(sign):04X}]") for sign in text)


def _is_known(sign: str) -> bool:
    return sign.isascii() or ("À" <= sign <= _LAST_LETTER and sign.isalpha() and sign not in _MISSING)


def _line(cells: list[str]) -> str:
    # After the end of a line LaTeX takes a star or a bracket for part of it.
    guard = "{}" if cells[0].startswith(("[", "*")) else ""
    return rf"{guard}{' & '.join(cells)} \\"


def _columns(entries: Sequence[tuple[Entry, ...]], index: int) -> tuple[list[Number | None], list[Number | None]]:
    """The values and the differences of one metric."""
    return [each[index].value for each in entries], [each[index].difference for each in entries]


def _has_spread(column: list[Number | None]) -> bool:
    return any(number is not None and bool(_spread(number)) for number in column)


def _head(text: str, wide: bool) -> str:
    return rf"\multicolumn{{2}}{{c}}{{{text}}}" if wide else text


def _texts(entries: tuple[Entry, ...], spread: list[list[bool]]) -> list[str]:
    return [
        text
        for entry, (value, difference) in zip(entries, spread, strict=True)
        for text in (*_text(entry.value, value, False), *_text(entry.difference, difference, entry.is_better))
    ]


def _text(number: Number | None, wide: bool, bold: bool) -> list[str]:
    """One cell, or two where the column has a spread."""
    if number is None:
        return ["--", ""] if wide else ["--"]
    mean = rf"{{\bfseries{number_text(number.mean)}}}" if bold else number_text(number.mean)
    return [mean, _spread(number)] if wide else [mean]


def _spread(number: Number) -> str:
    spread = "" if number.sd is None else rf"${{}}\pm{{}}${number_text(number.sd)}"
    return spread + ("" if number.n is None else f" ($n={number.n}$)")


def number_text(digits: str) -> str:
    """Digits as siunitx sets them: with the document's decimal mark and a real minus sign."""
    return rf"\num{{{digits}}}"
