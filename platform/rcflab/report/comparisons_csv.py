"""What may be said of the arms, as tidy CSV in full precision: one line a comparison, whatever its experiment."""

from collections.abc import Sequence

from rcflab.ablation import AblationTable
from rcflab.comparison import Comparison, Comparisons
from rcflab.report.csv_file import Cells, as_text, number, written

COLUMNS = (
    "experiment", "metric", "arm", "baseline", "n", "difference", "low", "high", "p", "p_holm", "family", "verdict",
    "words", "equivalence_margin", "seed_variance", "video_variance", "rare_categories_dominate", "videos", "resamples",
    "resample_seed", "videos_digest",
)  # fmt: skip
"""`low` and `high` are the 95 % interval, `family` is what Holm's correction counts, `verdict` its kind in a word."""


def render_comparisons_csv(tables: Sequence[AblationTable]) -> str:
    """Header first, then the comparisons of every table; empty where there is no number. Ends in a newline."""
    lines = [_cells(table, found, each) for table in tables for found in table.all_comparisons for each in found.arms]
    return written(lines, COLUMNS)


def _cells(table: AblationTable, found: Comparisons, each: Comparison) -> Cells:
    low, high = each.interval if each.interval is not None else (None, None)
    return {
        "experiment": table.experiment,
        "metric": found.metric.key,
        "arm": as_text(each.arm),
        "baseline": as_text(found.baseline),
        "n": str(each.n),
        "difference": number(each.estimate),
        "low": number(low),
        "high": number(high),
        "p": number(each.p),
        "p_holm": number(each.adjusted_p),
        "family": str(found.family),
        "verdict": each.verdict.kind.name.lower(),
        "words": each.verdict.words(found.metric.digits),
        "equivalence_margin": number(found.margin),
        "seed_variance": number(each.seed_part),
        "video_variance": number(each.video_part),
        "rare_categories_dominate": "yes" if each.rare_categories_dominate else "no",
        "videos": str(found.videos),
        "resamples": str(found.resamples),
        "resample_seed": str(found.seed),
        "videos_digest": table.videos_digest,
    }
