"""An AblationTable as CSV in full precision: one line an arm, four columns a metric, and the trials behind them."""

import csv
import io

from rcflab.ablation import AblationTable, Row


def render_csv(table: AblationTable) -> str:
    """Comma separated, header first; empty where there is no spread or difference. Ends in a newline."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    head = ["arm", "baseline", "n"]
    for spec in table.metrics:
        head += [spec.key, f"{spec.key} sd", f"{spec.key} difference", f"{spec.key} difference sd"]
    writer.writerow([*head, "seeds", "train_keys", "eval_keys", "videos_digest"])
    for row in table.rows:
        writer.writerow([*_numbers(row), *_sources(row), table.videos_digest])
    return text.getvalue()


def _numbers(row: Row) -> list[str]:
    cells = [as_text(row.arm), "yes" if row.is_baseline else "no", str(len(row.seeds))]
    for measure in row.measures:
        summary, difference = measure.summary, measure.difference
        parts = [summary.mean, summary.sd, *((difference.mean, difference.sd) if difference else (None, None))]
        cells += ["" if part is None else repr(part) for part in parts]
    return cells


def _sources(row: Row) -> list[str]:
    return [" ".join(map(str, row.seeds)), " ".join(row.train_keys), " ".join(row.eval_keys)]


def as_text(name: str) -> str:
    """`name` that no spreadsheet takes for a formula."""
    return f"'{name}" if name[:1] in ("=", "+", "-", "@", "\t", "\r", "'") else name
