"""AblationTables as CSV in full precision: one line an arm, four columns a metric, and the trials behind them.

A field in which arms differ is a column of its own. A metric without a value in some cell has two columns more: how
many seeds its mean and its difference stand for. Where the table repeats one of the paper's, a last column
`<metric> paper` quotes it; rows of other methods are left out. Several experiments stand below each other under the
columns of all.
Each further baseline has two columns a metric, `<metric> difference to NAME` and its sd.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence

from rcflab.ablation import AblationTable, Measure, Row
from rcflab.knobs import Knob
from rcflab.report.quoted import paper_values

Cells = dict[str, str]
"""Column -> entry, in order."""


def render_csv(table: AblationTable) -> str:
    """Comma separated, header first; empty where there is no value, spread or difference. Ends in a newline."""
    return written([_cells(table, row) for row in table.rows])


def render_csv_tables(tables: Sequence[AblationTable]) -> str:
    """All rows of several experiments, with the experiment in front."""
    return written([{"experiment": table.experiment, **_cells(table, row)} for table in tables for row in table.rows])


def written(lines: Sequence[Mapping[str, str]], columns: Sequence[str] = ()) -> str:
    """`lines` under `columns` and all others that any of them has, those of the trials last; no formula among them."""
    found = dict.fromkeys([*columns, *(column for line in lines for column in line)])
    head = [*(column for column in found if column not in _SOURCES), *(each for each in _SOURCES if each in found)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([as_text(column) for column in head])
    writer.writerows([line.get(column, "") for column in head] for line in lines)
    return text.getvalue()


_SOURCES = ("seeds", "train_keys", "eval_keys", "videos_digest", "code_digests")


def _cells(table: AblationTable, row: Row) -> Cells:
    cells = {"arm": as_text(row.arm), "baseline": "yes" if row.is_baseline else "no", "n": str(len(row.seeds))}
    cells |= {knob.path: _knob(knob, row.arm) for knob in table.knobs}
    papers = paper_values(table, row.arm)
    for index, (spec, measure, paper) in enumerate(zip(table.metrics, row.measures, papers, strict=True)):
        cells |= _numbers(spec.key, measure)
        if any(None in other.measures[index].values for other in table.rows):
            cells |= _counts(spec.key, measure)
        if table.paper:
            cells[f"{spec.key} paper"] = number(paper)
        for baseline, found in zip(table.more_baselines, measure.more_differences, strict=True):
            cells[f"{spec.key} difference to {baseline}"] = number(found.mean if found else None)
            cells[f"{spec.key} difference to {baseline} sd"] = number(found.sd if found else None)
    return cells | {
        "seeds": " ".join(map(str, row.seeds)),
        "train_keys": " ".join(row.train_keys),
        "eval_keys": " ".join(row.eval_keys),
        "videos_digest": table.videos_digest,
        "code_digests": " ".join(dict.fromkeys(row.code_digests)),
    }


def _knob(knob: Knob, arm: str) -> str:
    """The exact value: text as it is, all else as JSON; empty where the field has no effect."""
    if arm not in knob.values:
        return ""
    value = knob.values[arm]
    return as_text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _numbers(key: str, measure: Measure) -> Cells:
    cells: Cells = {}
    for name, found in (("", measure.summary), (" difference", measure.difference)):
        cells[f"{key}{name}"] = number(found.mean if found else None)
        cells[f"{key}{name} sd"] = number(found.sd if found else None)
    return cells


def number(value: float | None) -> str:
    """To the last bit; empty for None."""
    return "" if value is None else repr(value)


def _counts(key: str, measure: Measure) -> Cells:
    summary, difference = measure.summary, measure.difference
    return {
        f"{key} n": str(summary.n if summary else 0),
        f"{key} difference n": str(difference.n) if difference else "",
    }


def as_text(name: str) -> str:
    """`name` that no spreadsheet takes for a formula."""
    return f"'{name}" if name[:1] in ("=", "+", "-", "@", "\t", "\r", "'") else name
