"""TableRows as a LaTeX table for a paper: booktabs, notes in the caption, quoted rows below a rule of their own."""

from rcflab.report.rows import Entry, Number, TableRows

_ARROWS = {"higher": r" $\uparrow$", "lower": r" $\downarrow$", "neither": ""}
_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "±": r"$\pm$", "Δ": r"$\Delta$", "\u2212": "$-$",
}  # fmt: skip


def render_latex(rows: TableRows) -> str:
    """A table environment that needs the package booktabs; ends in a newline."""
    head = ["arm", "$n$"]
    for spec in rows.metrics:
        head += [f"{escape(spec.label)}{_ARROWS[spec.better]}", r"$\Delta$"]
    body: list[str] = []
    for row in rows.rows:
        name = escape(row.arm) + (" (baseline)" if row.is_baseline else "")
        body.append(_line([name, str(row.n), *_texts(row.entries)]))
    if rows.quoted:
        body.append(r"\midrule")
    body += [_line([rf"\emph{{{escape(row.label)}}}", "", *_texts(row.entries)]) for row in rows.quoted]
    caption = " ".join(escape(note) for note in (f"Experiment {rows.experiment}.", *rows.notes))
    return "\n".join([
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{caption}}}",
        rf"\label{{tab:{rows.experiment}}}",
        rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
        r"\toprule",
        _line(head),
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        *_comparisons(rows),
        r"\end{table}",
        "",
    ])  # fmt: skip


def _comparisons(rows: TableRows) -> list[str]:
    """The second tabular, below the first."""
    if not rows.compared:
        return []
    return [
        r"\par\medskip",
        rf"\begin{{tabular}}{{l{'r' * 5}l}}",
        r"\toprule",
        _line([escape(each) for each in rows.compared_head]),
        r"\midrule",
        *(_line([escape(cell) for cell in row.cells]) for row in rows.compared),
        r"\bottomrule",
        r"\end{tabular}",
    ]


def escape(text: str) -> str:
    """`text` that LaTeX prints as it is."""
    return "".join(_SPECIAL.get(letter, letter) for letter in text)


def _line(cells: list[str]) -> str:
    # After the end of a line LaTeX takes a star or a bracket for part of it.
    guard = "{}" if cells[0].startswith(("[", "*")) else ""
    return rf"{guard}{' & '.join(cells)} \\"


def _texts(entries: tuple[Entry, ...]) -> list[str]:
    return [
        text
        for entry in entries
        for text in (_text(entry.value), _bold(_text(entry.difference)) if entry.is_better else _text(entry.difference))
    ]


def _bold(text: str) -> str:
    return rf"{{\boldmath\bfseries {text}}}"


def _text(number: Number | None) -> str:
    if number is None:
        return "--"
    spread = "" if number.sd is None else rf" \pm {number.sd}"
    return f"${number.mean}{spread}$" + ("" if number.n is None else f" ($n={number.n}$)")
