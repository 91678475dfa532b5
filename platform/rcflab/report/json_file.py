"""An AblationTable as JSON in full precision, with the trial behind every number."""

import json

from rcflab.ablation import AblationTable, Measure, Row
from rcflab.comparison import Comparisons
from rcflab.paper import PaperRow
from rcflab.records import Json
from rcflab.report.quoted import quotes


def render_json(table: AblationTable) -> str:
    """One object; ends in a newline."""
    return json.dumps(table_json(table), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def table_json(table: AblationTable) -> Json:
    """The table as plain data."""
    keys = [spec.key for spec in table.metrics]
    return {
        "experiment": table.experiment,
        "baseline": table.baseline,
        "paper": _paper(table),
        "metrics": [{"key": m.key, "label": m.label, "unit": m.unit, "better": m.better} for m in table.metrics],
        "arms": [_arm(row, keys) for row in table.rows],
        "joined": [list(group) for group in table.joined],
        "reused": [{"arm": arm, "seed": seed} for arm, seed in table.reused],
        "comparisons": None if table.comparisons is None else _comparisons(table.comparisons),
        "scoring": dict(table.scoring),
        "tuned": table.tuned,
        "videos_digest": table.videos_digest,
    }


def _comparisons(found: Comparisons) -> Json:
    return {
        "metric": found.metric.key,
        "videos": found.videos,
        "resamples": found.resamples,
        "dropped": found.dropped,
        "seed": found.seed,
        "family": found.family,
        "left_out": list(found.left_out),
        "equivalence_margin": found.margin,
        "arms": [
            {
                "arm": each.arm,
                "n": each.n,
                "difference": each.estimate,
                "interval": None if each.interval is None else list(each.interval),
                "p": each.p,
                "p_holm": each.adjusted_p,
                "seed_variance": each.seed_part,
                "video_variance": each.video_part,
                "rare_categories_dominate": each.rare_categories_dominate,
                "verdict": each.verdict.words(found.metric.digits),
            }
            for each in found.arms
        ],
    }


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


def _arm(row: Row, keys: list[str]) -> Json:
    return {
        "arm": row.arm,
        "baseline": row.is_baseline,
        "n": len(row.seeds),
        "seeds": list(row.seeds),
        "train_keys": list(row.train_keys),
        "eval_keys": list(row.eval_keys),
        "metrics": {key: _measure(measure) for key, measure in zip(keys, row.measures, strict=True)},
    }


def _measure(measure: Measure) -> Json:
    """One metric of one arm; `n` and `difference_n` stand only where they are not the arm's number of seeds."""
    summary, difference, seeds = measure.summary, measure.difference, len(measure.values)
    found: dict[str, Json] = {
        "values": list(measure.values),
        "mean": summary.mean if summary else None,
        "sd": summary.sd if summary else None,
        "difference": difference.mean if difference else None,
        "difference_sd": difference.sd if difference else None,
    }
    if summary is None or summary.n != seeds:
        found["n"] = summary.n if summary else 0
    if difference and difference.n != seeds:
        found["difference_n"] = difference.n
    return found
