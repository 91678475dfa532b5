"""An AblationTable as JSON in full precision, with the trial behind every number."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from rcflab.ablation import AblationTable, Measure, Row
from rcflab.paper import PaperRow
from rcflab.records import Json
from rcflab.report.quoted import quotes
from rcflab.report.statistics_json import comparisons_json, test_json


def render_json(table: AblationTable) -> str:
    """One object; ends in a newline."""
    return json.dumps(table_json(table), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def render_json_tables(tables: Sequence[AblationTable]) -> str:
    """One object with the tables of several experiments; ends in a newline."""
    found = {"tables": [table_json(table) for table in tables]}
    return json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def table_json(table: AblationTable) -> Json:
    """The table as plain data."""
    keys = [spec.key for spec in table.metrics]
    return {
        "experiment": table.experiment,
        "baseline": table.baseline,
        "paper": _paper(table),
        "metrics": [{"key": m.key, "label": m.label, "unit": m.unit, "better": m.better} for m in table.metrics],
        "knobs": [{"path": knob.path, "label": knob.label, "values": dict(knob.values)} for knob in table.knobs],
        "arms": [_arm(row, keys, table.more_baselines) for row in table.rows],
        "joined": [list(group) for group in table.joined],
        "reused": [{"arm": arm, "seed": seed} for arm, seed in table.reused],
        "comparisons": None if table.comparisons is None else comparisons_json(table.comparisons),
        "scoring": dict(table.scoring),
        "videos_digest": table.videos_digest,
        **_where_asked(table),
        **({"left_out": [asdict(each) for each in table.left_out]} if table.left_out else {}),
    }


def _where_asked(table: AblationTable) -> dict[str, Json]:
    """What most tables do not have."""
    found: dict[str, Json] = {}
    if table.more_baselines:
        found["more_baselines"] = list(table.more_baselines)
        found["more_comparisons"] = [comparisons_json(each) for each in table.more_comparisons]
    if table.tests:
        found["tests"] = [test_json(test) for test in table.tests]
    if table.tuned is not None:
        found["tuned"] = table.tuned
    if table.extended is not None:
        found["seeds_extended"] = [*table.extended.looks, table.extended.seeds]
    return found


def _paper(table: AblationTable) -> Json:
    """The paper's table that is quoted, apart from the arms; null where there is none."""
    if table.paper is None:
        return None
    return {
        "source": table.paper.source,
        "about": table.paper.about,
        "notes": [*([table.paper.lost] if table.paper.lost else []), *table.paper.notes],
        "rows": [
            _quoted(quote.row) | {"metrics": dict(zip(table.paper.columns, quote.row.values, strict=True))}
            for quote in quotes(table)
        ],
    }


def _quoted(row: PaperRow) -> dict[str, Json]:
    facts = row.model_dump(mode="json", exclude={"values"})
    return {name: value for name, value in facts.items() if value not in (None, "")}


def _arm(row: Row, keys: list[str], baselines: Sequence[str]) -> Json:
    return {
        "arm": row.arm,
        "baseline": row.is_baseline,
        "n": len(row.seeds),
        "seeds": list(row.seeds),
        "train_keys": list(row.train_keys),
        "eval_keys": list(row.eval_keys),
        "code_digests": list(row.code_digests),
        "metrics": {key: _measure(measure, baselines) for key, measure in zip(keys, row.measures, strict=True)},
    }


def _measure(measure: Measure, baselines: Sequence[str]) -> Json:
    """One metric of one arm; `n` and `difference_n` stand only where they are not the arm's number of seeds."""
    summary, difference, seeds = measure.summary, measure.difference, len(measure.values)
    found: dict[str, Json] = {
        "values": list(measure.values),
        "mean": summary.mean if summary else None,
        "sd": summary.sd if summary else None,
        "difference": difference.mean if difference else None,
        "difference_sd": difference.sd if difference else None,
    }
    if baselines:
        found["differences_to"] = {
            baseline: {"mean": each.mean, "sd": each.sd, "n": each.n} if each else None
            for baseline, each in zip(baselines, measure.more_differences, strict=True)
        }
    if summary is None or summary.n != seeds:
        found["n"] = summary.n if summary else 0
    if difference and difference.n != seeds:
        found["difference_n"] = difference.n
    return found
