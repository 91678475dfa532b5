"""How many decimals the numbers of a table deserve: one more where its standard errors are small.

AblationTable --standard errors of each metric--> the same, its metrics with the digits that they deserve

One decision a metric, so that the numbers of a column, their differences and the verdicts line up. Pure.
"""

import math
from collections.abc import Iterator
from dataclasses import replace

from rcflab.ablation import AblationTable
from rcflab.metrics import MetricSpec
from rcflab.stats.summary import Summary

_FINE_BELOW = 0.3
"""Percent points of standard error: from there on a second decimal is noise."""
_ENOUGH_RESAMPLES = 2_000
"""With fewer the second decimal of a limit is noise of the resampling."""


def with_decimals(table: AblationTable) -> AblationTable:
    """`table` with two decimals for metrics in percent points of which every standard error is below 0.3.

    A number of one seed has no standard error: its column keeps one decimal.
    """
    metrics = {spec.key: _judged(table, index, spec) for index, spec in enumerate(table.metrics)}
    found = [replace(each, metric=metrics.get(each.metric.key, each.metric)) for each in table.all_comparisons]
    first, more = (found[0], tuple(found[1:])) if found else (None, ())
    return replace(table, metrics=tuple(metrics.values()), comparisons=first, more_comparisons=more)


def _judged(table: AblationTable, index: int, spec: MetricSpec) -> MetricSpec:
    if spec.unit != "points" or spec.digits != 1:
        return spec
    errors = [*_of_summaries(table, index), *_of_comparisons(table, spec.key)]
    fine = any(errors) and all(error is not None and error < _FINE_BELOW for error in errors)
    return replace(spec, digits=2) if fine else spec


def _of_summaries(table: AblationTable, index: int) -> Iterator[float | None]:
    """Over seeds, of each number of a column; None for a single seed."""
    measures = [row.measures[index] for row in table.rows]
    for measure in measures:
        for summary in (measure.summary, measure.difference, *measure.more_differences):
            if summary is not None:
                yield _standard_error(summary)


def _standard_error(summary: Summary) -> float | None:
    return None if summary.sd is None else summary.sd / math.sqrt(summary.n)


def _of_comparisons(table: AblationTable, metric: str) -> Iterator[float | None]:
    """Over seeds and videos; None where a comparison has none, or where its limits are not known so well."""
    for found in table.all_comparisons:
        for each in found.arms if found.metric.key == metric else ():
            parts = (each.seed_part, each.video_part)
            known = found.resamples >= _ENOUGH_RESAMPLES and None not in parts
            yield math.sqrt(sum(part for part in parts if part is not None)) if known else None
