"""Steps 6 and 7: results of cells become rows that can be compared.

    ResultSet --same videos?--> by arm --summarize over seeds--> Measure(mean, sd, n)
                                       --minus baseline, seed by seed--> difference
              --> AblationTable

Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from rcflab.collect import ResultSet, cell_name
from rcflab.errors import IncompleteError, InputError, Problem
from rcflab.metrics import METRICS, MetricSpec
from rcflab.records import CellResult, RunPlan
from rcflab.stats.summary import Summary, paired_difference, summarize
from rcflab.suggest import nearest


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric of one arm."""

    values: tuple[float, ...]
    """One a seed, in order of the seeds."""
    summary: Summary
    difference: Summary | None
    """To the baseline, seed by seed; None for the baseline itself and where the baseline is not in the table."""


@dataclass(frozen=True, slots=True)
class Row:
    """One arm."""

    arm: str
    is_baseline: bool
    seeds: tuple[int, ...]
    train_keys: tuple[str, ...]
    eval_keys: tuple[str, ...]
    measures: tuple[Measure, ...]
    """One for each metric of the table."""


@dataclass(frozen=True, slots=True)
class AblationTable:
    """All that the printed tables say, in numbers."""

    experiment: str
    baseline: str
    metrics: tuple[MetricSpec, ...]
    rows: tuple[Row, ...]
    joined: tuple[tuple[str, ...], ...]
    reused: tuple[tuple[str, int], ...]
    """(arm, seed) of cells that other code made."""
    videos_digest: str
    paper: str | None = None
    """Name of the paper's table that this one repeats."""


def tabulate(results: ResultSet, paper: str | None = None) -> AblationTable:
    """The table of a complete set of results.

    Raises InputError for a metric without MetricSpec, IncompleteError where cells were evaluated on different videos
    or a cell has no value of a metric.
    """
    plan = results.plan
    metrics = _specs(plan.metrics)
    _refuse_different_videos(results.results)
    _refuse_gaps(results)
    arms: dict[str, dict[int, CellResult]] = {}
    for result in results.results:
        arms.setdefault(result.cell.arm, {})[result.cell.seed] = result
    rows = tuple(_row(plan, arm, found, arms.get(plan.baseline, {})) for arm, found in arms.items())
    reused = tuple((result.cell.arm, result.cell.seed) for result in results.reused)
    digest = results.results[0].videos_digest
    return AblationTable(plan.experiment, plan.baseline, metrics, rows, plan.joined, reused, digest, paper)


def _specs(keys: tuple[str, ...]) -> tuple[MetricSpec, ...]:
    unknown = [key for key in keys if key not in METRICS]
    if unknown:
        raise InputError(
            [
                Problem("table.metrics", "", repr(key), f"a metric of rcflab.metrics{nearest(key, METRICS)}")
                for key in unknown
            ]
        )
    return tuple(METRICS[key] for key in keys)


def _refuse_different_videos(results: tuple[CellResult, ...]) -> None:
    groups: dict[str, list[str]] = {}
    for result in results:
        groups.setdefault(result.videos_digest, []).append(cell_name(result.cell))
    if len(groups) > 1:
        lines = [f"videos {digest[:12]}: {', '.join(names)}" for digest, names in groups.items()]
        raise IncompleteError(
            "\n".join(["cells were evaluated on different videos, so they cannot be compared:", *lines])
        )


def _refuse_gaps(results: ResultSet) -> None:
    gaps = [
        f"{cell_name(result.cell)}: no value of {key}; there are {', '.join(sorted(result.metrics))}"
        for result in results.results
        for key in results.plan.metrics
        if key not in result.metrics
    ]
    if gaps:
        hint = "choose metrics that every evaluation gives under table.metrics"
        raise IncompleteError("\n".join([f"cells lack metrics of the table ({hint}):", *gaps]))


def _row(plan: RunPlan, arm: str, found: Mapping[int, CellResult], baseline: Mapping[int, CellResult]) -> Row:
    seeds = tuple(sorted(found))
    measures: list[Measure] = []
    for key in plan.metrics:
        values = {seed: found[seed].metrics[key] for seed in seeds}
        rival = {seed: result.metrics[key] for seed, result in baseline.items()}
        difference = paired_difference(values, rival) if rival and arm != plan.baseline else None
        measures.append(Measure(tuple(values.values()), summarize(list(values.values())), difference))
    return Row(
        arm=arm,
        is_baseline=arm == plan.baseline,
        seeds=seeds,
        train_keys=tuple(found[seed].cell.train_key for seed in seeds),
        eval_keys=tuple(found[seed].cell.eval_key for seed in seeds),
        measures=tuple(measures),
    )
