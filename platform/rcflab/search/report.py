"""What a search has found, for people and programs.

Found ... --search_md--> search.md     --trials_csv--> trials.csv     --trials_json--> trials.json

Equal bytes for equal searches: no times and no run ids. Its numbers are those that the search selected on, so no table
holds them: the winner is trained again, at other seeds.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence

from rcflab.metrics import METRICS
from rcflab.records import Json
from rcflab.report.markdown import escape
from rcflab.report.numbers import rounded
from rcflab.search.config import FIRST_SEED, SearchConfig
from rcflab.search.found import Found
from rcflab.search.trial import Trial

_SHOWN = 50
"""Ranked trials of a page; the files beside it have all."""


def search_md(experiment: str, search: SearchConfig, found: Sequence[Found]) -> str:
    """The page of all studies; ends in a newline."""
    lines = [f"# Search of {escape(experiment)}", "", *(f"- {escape(note)}" for note in notes(search)), ""]
    for each in found:
        lines += _study(each, several=len(found) > 1)
    return "\n".join(lines)


def notes(search: SearchConfig) -> list[str]:
    """How the search was done, a sentence each."""
    goal = ", ".join(f"{METRICS[key].label} ({direction})" for key, direction in search.objective.items())
    whose = "for each arm, with as many trials each" if search.per_arm else "for the baseline"
    budget = "the whole grid" if search.trials is None else f"{search.trials} trials"
    last = FIRST_SEED + search.seeds - 1
    seeds = f"seed {FIRST_SEED}" if search.seeds == 1 else f"the mean of seeds {FIRST_SEED} to {last}"
    found = [
        f"Objective: {goal}; {search.sampler}, {budget}, {whose}, sampler seed {search.seed}.",
        f"Each trial is {seeds}. These are the numbers that were selected on: the best of many is partly luck, so no "
        "table holds them, and the winner is trained again at the experiment's own seeds.",
        "One search was made: its own variance (another sampler seed) is not included.",
    ]
    if search.pruner is not None:
        found.append(f"Stopped on the way by {search.pruner.kind}; pruned trials are never ranked with complete ones.")
    return found


def _study(found: Found, *, several: bool) -> list[str]:
    objective = [METRICS[key] for key in found.objective]
    counts = {state: len(found.of(state)) for state in ("complete", "pruned", "failed", "open")}
    told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    imported = sum("imported" in trial.attributes for trial in found.trials)
    told += f"; {imported} imported from an earlier search" if imported else ""
    lines = [f"## Arm {escape(found.arm)}", ""] if several else []
    lines += [f"{len(found.trials)} trials: {told}", ""]
    head = ["trial", *(escape(spec.label) for spec in objective), *map(escape, found.names.values())]
    front = found.front if len(objective) > 1 else ()
    if len(objective) > 1:
        lines += ["### Pareto front", "", *_table(head, [_cells(found, each) for each in front]), ""]
    if found.ranked:
        title = "Complete, best first" if len(objective) == 1 else f"Complete, by {escape(objective[0].label)}"
        lines += [f"### {title}", "", *_table(head, [_cells(found, each) for each in found.ranked[:_SHOWN]]), ""]
    if len(found.ranked) > _SHOWN:
        lines += [f"{len(found.ranked) - _SHOWN} more in trials.csv.", ""]
    lines += _ended_otherwise(found)
    lines += _importance(found)
    if len(objective) == 1 and found.ranked:
        digits = objective[0].digits
        steps = [f"{found.labels[each.number]} {rounded(value, digits)}" for each, value in found.best_so_far()]
        lines += ["### Best so far", "", f"{', '.join(map(escape, steps))}", ""]
    return lines


def _ended_otherwise(found: Found) -> list[str]:
    lines: list[str] = []
    names = list(map(escape, found.names.values()))
    if found.of("pruned"):
        rows = [
            [escape(found.labels[each.number]), *_last(found, each), *_point(found, each)]
            for each in found.of("pruned")
        ]
        lines += ["### Pruned", "", *_table(["trial", "at step", "value there", *names], rows), ""]
    if found.of("failed"):
        rows = [
            [escape(found.labels[each.number]), escape(each.reason), *_point(found, each)]
            for each in found.of("failed")
        ]
        lines += ["### Failed", "", *_table(["trial", "reason", *names], rows), ""]
    return lines


def _last(found: Found, trial: Trial) -> list[str]:
    """Where a pruned trial was stopped, and at what."""
    if not trial.intermediate:
        return ["", ""]
    step = max(trial.intermediate)
    (metric,) = found.objective
    return [str(step), rounded(trial.intermediate[step], METRICS[metric].digits)]


def _importance(found: Found) -> list[str]:
    lines = ["### Importance", ""]
    if not found.importance:
        return [*lines, f"Not told: {len(found.of('complete'))} complete trials are too few.", ""]
    for metric, shares in found.importance.items():
        ordered = sorted(shares.items(), key=lambda pair: -pair[1])
        told = ", ".join(f"{found.names[path]} {100 * share:.0f} %" for path, share in ordered)
        lines += [f"{escape(METRICS[metric].label)}: {escape(told)} (PED-ANOVA, complete trials)", ""]
    return lines


def _cells(found: Found, trial: Trial) -> list[str]:
    values = [
        rounded(value, METRICS[key].digits) for key, value in zip(found.objective, trial.values or (), strict=True)
    ]
    return [escape(found.labels[trial.number]), *values, *_point(found, trial)]


def _point(found: Found, trial: Trial) -> list[str]:
    return [escape(shown(trial.point[path])) if path in trial.point else "–" for path in found.names]


def shown(value: Json) -> str:
    """A value as people read it."""
    return f"{value:.4g}" if isinstance(value, float) else value if isinstance(value, str) else json.dumps(value)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]


def trials_csv(found: Sequence[Found]) -> str:
    """One line a trial, all of them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    first = found[0]
    writer.writerow(["arm", "trial", "state", *first.objective, *first.names, "last_step", "reason"])
    for each in found:
        for trial in each.trials:
            values = trial.values or [""] * len(each.objective)
            point = [json.dumps(trial.point[path]) if path in trial.point else "" for path in each.names]
            last = max(trial.intermediate, default="")
            writer.writerow([each.arm, each.labels[trial.number], trial.state, *values, *point, last, trial.reason])
    return text.getvalue()


def trials_json(experiment: str, found: Sequence[Found]) -> dict[str, Json]:
    """All of it for programs."""
    return {"experiment": experiment, "studies": [_study_json(each) for each in found]}


def _study_json(found: Found) -> Json:
    return {
        "arm": found.arm,
        "study": found.study,
        "objective": dict(found.objective),
        "best": None if found.best is None or len(found.objective) > 1 else found.best.number,
        "front": [trial.number for trial in found.front] if len(found.objective) > 1 else None,
        "importance": {metric: dict(shares) for metric, shares in found.importance.items()},
        "trials": [_trial_json(found, trial) for trial in found.trials],
    }


def _trial_json(found: Found, trial: Trial) -> Mapping[str, Json]:
    return {
        "number": trial.number,
        "name": found.labels[trial.number],
        "state": trial.state,
        "point": dict(trial.point),
        "values": None if trial.values is None else dict(zip(found.objective, trial.values, strict=True)),
        "on_the_way": {str(step): value for step, value in sorted(trial.intermediate.items())},
        "imported": trial.attributes.get("imported"),
        "reason": trial.reason,
    }
