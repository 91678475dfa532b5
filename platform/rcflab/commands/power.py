"""`rcflab power`: how many seeds would a gap need, from the spread of a finished table?

build_table --sd over seeds, variance over videos--> for each arm: seeds at both ends of the sd's limits, least gaps
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rcflab.ablation import AblationTable
from rcflab.commands.options import Arms, AsJson, Base, Experiment, Seeds, Set, echo_json, open_session
from rcflab.comparison import Comparison, Comparisons
from rcflab.errors import IncompleteError, InputError, Problem
from rcflab.records import Json
from rcflab.report.comparisons import against
from rcflab.report.numbers import rounded
from rcflab.report.power import NO_FLOOR, floor_text, limits_text, seeds_text
from rcflab.report.statistics_json import needed_json
from rcflab.session import read_ledger
from rcflab.stats.power import SeedsNeeded, power_of, seeds_needed, smallest_gap
from rcflab.tables import build_table

_MORE_SEEDS = (2, 4)
"""Times the seeds that there are, for which the least gap is shown too."""


@dataclass(frozen=True, slots=True)
class _Line:
    """One arm against one baseline."""

    arm: str
    baseline: str
    n: int
    gap: float
    sd: float
    video_sd: float
    found: float
    """Probability that as many seeds find the gap, on these videos."""
    needed: SeedsNeeded
    least: dict[int | None, float]
    """Number of seeds -> least gap on new videos; None for any number."""


def power_command(
    experiment: Experiment,
    gap: Annotated[
        float | None,
        typer.Option("--gap", help="The gap that would matter, in the metric's unit. Else the measured one."),
    ] = None,
    power: Annotated[float, typer.Option("--power", help="Probability with which it should be found.")] = 0.8,
    set_: Set = None,
    arms: Arms = None,
    seeds: Seeds = None,
    base: Base = None,
    json: AsJson = False,
) -> None:
    """How many seeds a gap would need, and which gap the seeds of a finished table can see; trains nothing.

    From the spread over seeds and videos of each arm against the baseline, with 95 % limits of that spread: a few
    seeds tell it badly. On new videos no number of seeds sees a gap below the floor; more videos lower it. Cells that
    other code finished count too.

    Example: rcflab power experiments/table_5_token_size.yaml --base synth --gap 1.0

    Exit codes: 0 ok, 2 bad input, 3 a cell is missing or no arm has two seeds, 74 storage.
    """
    _refuse(gap, power)
    session = open_session(experiment, set_, arms, seeds, base)
    table = build_table(session, read_ledger(session, series=False), reuse_stale=True)
    lines = list(_lines(table, gap, power))
    if not lines:
        raise IncompleteError(
            f"{session.spec.name}: no arm has two seeds that differ from the baseline's by a spread; "
            "run two seeds at least, three are a beginning"
        )
    if json:
        echo_json(_json(table.all_comparisons[0], lines, power))
    else:
        _print(table.all_comparisons[0], lines, power)


def _refuse(gap: float | None, power: float) -> None:
    problems: list[Problem] = []
    if gap is not None and not (math.isfinite(gap) and gap > 0):
        problems.append(Problem("--gap", "", str(gap), "a number above 0, in the unit of the metric"))
    if not 0.05 < power < 1:
        problems.append(Problem("--power", "", str(power), "a probability between 0.05 and 1"))
    if problems:
        raise InputError(problems)


def _lines(table: AblationTable, gap: float | None, power: float) -> Iterator[_Line]:
    for found in table.all_comparisons:
        for each in found.arms:
            size = abs(each.estimate) if gap is None else gap
            if each.over_seeds is not None and size:
                yield _line(each, found.baseline, each.over_seeds.sd, size, power)


def _line(each: Comparison, baseline: str, sd: float, gap: float, power: float) -> _Line:
    videos = each.video_part or 0.0
    counts = [each.n, *(each.n * times for times in _MORE_SEEDS), None]
    return _Line(
        each.arm,
        baseline,
        each.n,
        gap,
        sd,
        math.sqrt(videos),
        power_of(each.n, gap, sd),
        seeds_needed(gap, sd, each.n, power),
        {count: smallest_gap(count, sd, videos, power) for count in counts},
    )


def _json(first: Comparisons, lines: list[_Line], power: float) -> Json:
    return {
        "metric": first.metric.key,
        "videos": first.videos,
        "power": power,
        "arms": [
            {
                "arm": line.arm,
                "baseline": line.baseline,
                "n": line.n,
                "gap": line.gap,
                "sd": line.sd,
                "sd_over_videos": line.video_sd,
                "power_now": line.found,
                "seeds": needed_json(line.needed),
                "least_gap": [{"seeds": count, "gap": least} for count, least in line.least.items()],
            }
            for line in lines
        ],
    }


def _print(first: Comparisons, lines: list[_Line], power: float) -> None:
    digits, label = first.metric.digits, first.metric.label
    console = Console()
    table = Table(title=f"seeds for a gap in {label}, found with probability {power:g}")
    for head in ("arm", "n", "gap", "sd", "found now", "seeds", "95 % limits", "least gap on new videos"):
        table.add_column(head, overflow="fold")
    for line in lines:
        least = ", ".join(
            f"{floor_text(gap, digits)} (any)" if count is None else f"{rounded(gap, digits)} ({count})"
            for count, gap in line.least.items()
        )
        table.add_row(
            Text(against(line.arm, line.baseline)),
            str(line.n),
            rounded(line.gap, digits),
            rounded(line.sd, digits + 1),
            f"{line.found:.2f}",
            seeds_text(line.needed.seeds),
            limits_text(line.needed),
            least,
        )
    console.print(table)
    for text in (
        "sd: of one seed's difference. found now, seeds: on these videos, paired t at 0.05; the limits are those of "
        "the sd.",
        f"least gap on new videos: by as many seeds as stand in brackets, with {first.videos} videos. The last one is "
        "the floor: only more videos lower it, with the root of their number.",
        *([NO_FLOOR] if any(line.least[None] == 0 for line in lines) else []),
    ):
        console.print(text, markup=False, highlight=False, soft_wrap=True)
