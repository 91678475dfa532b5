"""Steps 6 and 7: results of cells become rows that can be compared.

    ResultSet --same videos?--> by arm --summarize over seeds--> Measure(mean, sd, n)
                                       --minus baseline, seed by seed--> difference
              --> AblationTable

Some metrics have no value in some cells by nature: AP of large objects where no object is large. Such a cell is done
all the same; means and differences then use the seeds that have a value, and each Summary says how many. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from rcflab.collect import ResultSet, cell_name
from rcflab.comparison import Comparisons
from rcflab.errors import IncompleteError, InputError, Problem
from rcflab.identity import evaluation_view
from rcflab.knobs import Knob, knobs_of
from rcflab.looks import SeedsExtended
from rcflab.metrics import METRICS, MetricSpec
from rcflab.paper import PaperTable
from rcflab.records import CellResult, Json, LeftOut, RunPlan
from rcflab.stats.summary import Summary, paired_difference, summarize
from rcflab.suggest import nearest
from rcflab.unit_tests import ArmTest

Layout = Literal["arms", "knobs", "both"]


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric of one arm."""

    values: tuple[float | None, ...]
    """One a seed, in order of the seeds; None where the cell has no value."""
    summary: Summary | None
    """Over the seeds that have a value; None where none has."""
    difference: Summary | None
    """To the baseline, over the seeds that both have; None where there is none, and for the baseline itself."""
    more_differences: tuple[Summary | None, ...] = ()
    """The same to each further baseline."""


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
    code_digests: tuple[str, ...] = ()
    """What code made each cell, in order of the seeds."""


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
    paper: PaperTable | None = None
    """The paper's table that this one repeats, to be quoted: no number of it enters any of ours."""
    scoring: Mapping[str, Json] = field(default_factory=dict[str, Json])
    """How predictions became scores: the settings of `evaluation` that all cells share."""
    comparisons: Comparisons | None = None
    """What may be said of the arms; None where nothing was resampled, or where no baseline is in the table."""
    tuned: str | None = None
    """How the values of the arms were found, where a search found them."""
    more_comparisons: tuple[Comparisons, ...] = ()
    """The same against each further baseline."""
    more_baselines: tuple[str, ...] = ()
    tests: tuple[ArmTest, ...] = ()
    """The t-tests that the experiment asks for, each arm of each."""
    extended: SeedsExtended | None = None
    """Seeds that were added after somebody had seen a table of fewer."""
    knobs: tuple[Knob, ...] = ()
    """What the arms differ in."""
    layout: Layout = "arms"
    """Whether a printed row is called by its arm, by its knobs, or by both."""
    left_out: tuple[LeftOut, ...] = ()
    """Cells that a partial table goes without."""
    on_gpu: bool = False
    """Whether a GPU trained any of its cells."""

    @property
    def all_comparisons(self) -> tuple[Comparisons, ...]:
        """Those with the first baseline, then those with the others."""
        return () if self.comparisons is None else (self.comparisons, *self.more_comparisons)


def tabulate(results: ResultSet, paper: PaperTable | None = None) -> AblationTable:
    """The table of a set of results, without comparisons; an arm whose cells are all left out has a row without values.

    Raises InputError for a metric without MetricSpec, IncompleteError where cells were evaluated on different videos
    or no cell reports a metric.
    """
    plan = results.plan
    metrics = _specs(plan.metrics)
    _refuse_different_videos(results.results)
    _refuse_unreported(results)
    arms: dict[str, dict[int, CellResult]] = {cell.arm: {} for cell in plan.cells}
    for result in results.results:
        arms[result.cell.arm][result.cell.seed] = result
    rivals = {baseline: arms.get(baseline, {}) for baseline in plan.baselines}
    rows = tuple(_row(plan, arm, found, rivals) for arm, found in arms.items())
    reused = tuple((result.cell.arm, result.cell.seed) for result in results.reused)
    digest = results.results[0].videos_digest
    scoring, knobs = _shared_scoring(plan), knobs_of(plan.task, plan.cells)
    return AblationTable(
        plan.experiment,
        plan.baseline,
        metrics,
        rows,
        plan.joined,
        reused,
        digest,
        paper,
        scoring,
        knobs=knobs,
        more_baselines=plan.more_baselines,
        left_out=results.left_out,
        on_gpu=any(result.on_gpu for result in results.results),
    )


def _shared_scoring(plan: RunPlan) -> dict[str, Json]:
    configs = {cell.arm: cell.config for cell in plan.cells}
    first, *others = [evaluation_view(plan.task, config) for config in configs.values()]
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}


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


def _refuse_unreported(results: ResultSet) -> None:
    """A metric of no cell at all is a wrong choice, not a value that happens to be missing."""
    reported = sorted({key for result in results.results for key in result.metrics})
    unreported = [key for key in results.plan.metrics if key not in reported]
    if unreported:
        raise IncompleteError(
            f"no cell of {results.plan.experiment} has a value of {', '.join(unreported)}; "
            f"choose under table.metrics from those reported: {', '.join(reported)}"
        )


def _row(
    plan: RunPlan, arm: str, found: Mapping[int, CellResult], baselines: Mapping[str, Mapping[int, CellResult]]
) -> Row:
    seeds = tuple(sorted(found))
    measures: list[Measure] = []
    for key in plan.metrics:
        values = _values(found, key)
        first, *more = [
            None if arm == baseline else paired_difference(values, _values(rival, key))
            for baseline, rival in baselines.items()
        ]
        summary = summarize(list(values.values())) if values else None
        measures.append(Measure(tuple(values.get(seed) for seed in seeds), summary, first, tuple(more)))
    return Row(
        arm=arm,
        is_baseline=arm == plan.baseline,
        seeds=seeds,
        train_keys=tuple(found[seed].cell.train_key for seed in seeds),
        eval_keys=tuple(found[seed].cell.eval_key for seed in seeds),
        measures=tuple(measures),
        code_digests=tuple(found[seed].code_digest for seed in seeds),
    )


def _values(results: Mapping[int, CellResult], key: str) -> dict[int, float]:
    """The metric by seed, of the cells that have it."""
    return {seed: results[seed].metrics[key] for seed in sorted(results) if key in results[seed].metrics}
