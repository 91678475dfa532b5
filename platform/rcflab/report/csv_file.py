"""An AblationTable as CSV in full precision: one line an arm, four columns a metric, and the trials behind them.

A metric without a value in some cell has two columns more: how many seeds its mean and its difference stand for. Where
the table repeats one of the paper's, a last column `<metric> paper` quotes it; rows of other methods are left out.
Each further baseline has two columns a metric, `<metric> difference to NAME` and its sd.
"""

import csv
import io

from rcflab.ablation import AblationTable, Measure, Row
from rcflab.report.quoted import paper_values


def render_csv(table: AblationTable) -> str:
    """Comma separated, header first; empty where there is no value, spread or difference. Ends in a newline."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    gappy = [any(None in row.measures[index].values for row in table.rows) for index in range(len(table.metrics))]
    head = ["arm", "baseline", "n"]
    for spec, has_gaps in zip(table.metrics, gappy, strict=True):
        head += [spec.key, f"{spec.key} sd", f"{spec.key} difference", f"{spec.key} difference sd"]
        head += [f"{spec.key} n", f"{spec.key} difference n"] if has_gaps else []
        head += [f"{spec.key} paper"] if table.paper else []
        for baseline in table.more_baselines:
            head += [f"{spec.key} difference to {baseline}", f"{spec.key} difference to {baseline} sd"]
    writer.writerow([*head, "seeds", "train_keys", "eval_keys", "videos_digest"])
    for row in table.rows:
        cells = [as_text(row.arm), "yes" if row.is_baseline else "no", str(len(row.seeds))]
        for measure, has_gaps, paper in zip(row.measures, gappy, paper_values(table, row.arm), strict=True):
            cells += _numbers(measure) + (_counts(measure) if has_gaps else [])
            cells += [_number(paper)] if table.paper else []
            for found in measure.more_differences:
                cells += [_number(found.mean), _number(found.sd)] if found else ["", ""]
        writer.writerow([*cells, *_sources(row), table.videos_digest])
    return text.getvalue()


def _numbers(measure: Measure) -> list[str]:
    pairs = [(found.mean, found.sd) if found else (None, None) for found in (measure.summary, measure.difference)]
    return [_number(part) for pair in pairs for part in pair]


def _number(value: float | None) -> str:
    return "" if value is None else repr(value)


def _counts(measure: Measure) -> list[str]:
    summary, difference = measure.summary, measure.difference
    return [str(summary.n if summary else 0), str(difference.n) if difference else ""]


def _sources(row: Row) -> list[str]:
    return [" ".join(map(str, row.seeds)), " ".join(row.train_keys), " ".join(row.eval_keys)]


def as_text(name: str) -> str:
    """`name` that no spreadsheet takes for a formula."""
    return f"'{name}" if name[:1] in ("=", "+", "-", "@", "\t", "\r", "'") else name
