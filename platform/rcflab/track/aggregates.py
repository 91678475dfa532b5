"""One run for each arm: what the table says of it, as metrics that no single cell has. Pure.

    AblationTable --aggregates--> mean/val/ap  sd/val/ap  n/val/ap  low/val/ap  high/val/ap
                                  difference/val/ap  difference_sd/val/ap      and of the tested metric
                                  difference_low/val/ap  difference_high/val/ap  p/val/ap  p_holm/val/ap

With several baselines those of the second end in `_2` (difference_2/val/ap), and the tag rcflab.baseline_2 names it.
`low` and `high` are the 95 % t-interval of the mean over seeds, for exactly these videos; the limits of the difference
are the table's own. Since no cell has these names, a chart never mixes seeds with their mean.
"""

from rcflab.ablation import AblationTable, Measure, Row
from rcflab.comparison import Comparison
from rcflab.stats.summary import Summary
from rcflab.stats.t_test import paired_t
from rcflab.track.tracker import DIFFERENCE, ArmAggregate


def aggregates(table: AblationTable) -> tuple[ArmAggregate, ...]:
    """One for each arm, in the order of the table."""
    return tuple(_aggregate(table, row) for row in table.rows)


def _aggregate(table: AblationTable, row: Row) -> ArmAggregate:
    metrics: dict[str, float] = {}
    for spec, measure in zip(table.metrics, row.measures, strict=True):
        metrics |= {f"{name}/{spec.key}": value for name, value in _of_measure(measure).items()}
    tags = {
        "rcflab.is_baseline": str(row.is_baseline).lower(),
        "rcflab.seeds": ", ".join(map(str, row.seeds)),
        "rcflab.eval_keys": ", ".join(row.eval_keys),
        "rcflab.videos_digest": table.videos_digest,
        "rcflab.reused_seeds": ", ".join(str(seed) for arm, seed in table.reused if arm == row.arm),
        "rcflab.partial": str(bool(table.left_out)).lower(),
    }
    compared = {found.baseline: found for found in table.all_comparisons}
    for number, baseline in enumerate((table.baseline, *table.more_baselines), start=1):
        end = _end(number)
        tags |= {f"rcflab.baseline{end}": baseline, f"rcflab.verdict{end}": "baseline" if row.arm == baseline else ""}
        found = compared.get(baseline)
        for each in () if found is None else found.arms:
            if found is not None and each.arm == row.arm:
                said = _of_comparison(each).items()
                metrics |= {f"{name}{end}/{found.metric.key}": value for name, value in said}
                tags[f"rcflab.verdict{end}"] = each.verdict.words(found.metric.digits)
    return ArmAggregate(row.arm, metrics, tags)


def _end(number: int) -> str:
    """What the names of the first, second ... baseline end in: a baseline's own name may hold what MLflow refuses."""
    return "" if number == 1 else f"_{number}"


def _of_measure(measure: Measure) -> dict[str, float]:
    summary = measure.summary
    found: dict[str, float] = {}
    if summary is not None:
        found |= {"mean": summary.mean, "n": float(summary.n), **_spread("sd", summary)}
        values = [value for value in measure.values if value is not None]
        if summary.sd:
            found["low"], found["high"] = paired_t(values).interval()
    for number, difference in enumerate((measure.difference, *measure.more_differences), start=1):
        if difference is not None:
            end = _end(number)
            found |= {f"{DIFFERENCE}{end}": difference.mean, **_spread(f"difference_sd{end}", difference)}
    return found


def _spread(name: str, summary: Summary) -> dict[str, float]:
    return {} if summary.sd is None else {name: summary.sd}


def _of_comparison(each: Comparison) -> dict[str, float]:
    """The limits and p; an effect of a design is no arm and has no run."""
    found = {"p": each.p, "p_holm": each.adjusted_p}
    if each.interval is not None:
        found |= {"difference_low": each.interval.low, "difference_high": each.interval.high}
    return {name: value for name, value in found.items() if value is not None}
