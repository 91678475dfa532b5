"""`rcflab list`: what is in a storage root.

ROOT       --plan.json of each experiment, ledgers--> a line an experiment: states, baseline, best arm, last change
ROOT, NAME --the same--> a line a trial, with the key that `diff` takes
"""

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from rcflab.commands.options import AsJson, Storage, echo_json
from rcflab.commands.plan import STATE_STYLES
from rcflab.errors import InputError, Problem
from rcflab.inventory import Inventory, Overview, TrialLine
from rcflab.metrics import METRICS
from rcflab.plan_file import PlanRecord, experiment_folders, read_plan, read_plans
from rcflab.provenance import code_digest
from rcflab.records import Json
from rcflab.stats.summary import Summary
from rcflab.suggest import nearest


def list_command(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="List the trials of this experiment.", show_default=False)
    ] = None,
    storage: Storage = Path("runs"),
    json: AsJson = False,
) -> None:
    """List the experiments of a storage root, or the trials of one of them; starts nothing.

    Of each experiment: its cells by state, its baseline and its best arm so far in its primary metric (mean ± standard
    deviation over seeds, no test), the last change, the table. Reads what runs have left below the storage root, no
    YAML file and no data; writes nothing. An experiment is there from its first `rcflab run` on.

    Example: rcflab list --storage runs

    Exit codes: 0 ok, 2 bad input, 74 storage.
    """
    if not storage.is_dir():
        wanted = "a storage root: the folder that `storage.root` of an experiment names"
        raise InputError([Problem(str(storage), "", "no folder", wanted, "Name it by --storage")])
    inventory = Inventory(storage, code_digest())
    if name is not None:
        found = inventory.overview(_record(storage, name))
        echo_json(_trials_json(found)) if json else _print_trials(found)
        return
    overviews = [inventory.overview(record) for record in read_plans(storage)]
    overviews.sort(key=lambda each: each.changed_ms or 0, reverse=True)
    known = {each.record.experiment for each in overviews}
    unknown = [folder.name for folder in experiment_folders(storage) if folder.name not in known]
    if json:
        echo_json({"storage": str(storage), "experiments": [_json(each) for each in overviews], "unknown": unknown})
    else:
        _print(overviews, unknown, storage)


def _record(storage: Path, name: str) -> PlanRecord:
    folders = {folder.name: folder for folder in experiment_folders(storage)}
    found = read_plan(folders[name]) if name in folders else None
    if found is None:
        got = f"{name!r}, which has no plan yet" if name in folders else repr(name)
        wanted = f"an experiment below this storage root: {', '.join(folders) or 'none yet'}{nearest(name, folders)}"
        hint = "`rcflab run` writes its plan" if name in folders else ""
        raise InputError([Problem(str(storage), "", got, wanted, hint)])
    return found


def _json(each: Overview) -> Json:
    record, arms = each.record, each.arms()
    return {
        "experiment": record.experiment,
        "task": record.task,
        "file": record.file,
        "cells": len(each.trials),
        "states": dict(each.counts),
        "metric": record.metric,
        "baseline": record.baseline,
        "arms": {arm: {"mean": found.mean, "sd": found.sd, "n": found.n} for arm, found in arms.items()},
        "best": each.best(),
        "changed": _time(each.changed_ms),
        "table": None if each.table is None else str(each.table),
    }


def _trials_json(found: Overview) -> Json:
    trials = [
        {
            "arm": trial.arm,
            "seed": trial.seed,
            "eval_key": trial.eval_key,
            "train_key": trial.train_key,
            "state": trial.state,
            "step": trial.step,
            "value": trial.value,
            "reason": trial.reason,
            "changed": _time(trial.changed_ms),
        }
        for trial in found.trials
    ]
    return {**_json(found), "trials": trials}


def _print(overviews: list[Overview], unknown: list[str], storage: Path) -> None:
    console = Console()
    if overviews:
        table = Table(
            Column("experiment", no_wrap=True), "cells", "metric", "baseline", "best arm so far", "last change"
        )
        for each in overviews:
            table.add_row(*_cells(each))
        console.print(table)
        console.print(f"tables: {storage / 'experiments'}/EXPERIMENT/table.md", markup=False, soft_wrap=True)
    else:
        console.print(f"no experiment below {storage}: `rcflab run` of one writes its plan there", markup=False)
    if unknown:
        said = f"not listed, since an older version wrote them (`rcflab run` writes their plan): {', '.join(unknown)}"
        console.print(said, markup=False, soft_wrap=True)


def _cells(each: Overview) -> list[Text]:
    record, arms, best = each.record, each.arms(), each.best()
    states = Text(", ").join(Text(f"{count} {state}", STATE_STYLES[state]) for state, count in each.counts.items())
    winner = "" if best is None else best if best == record.baseline else f"{best} {_value(record.metric, arms[best])}"
    baseline = f"{record.baseline} {_value(record.metric, arms.get(record.baseline))}"
    label = METRICS[record.metric].label
    texts = [label, baseline, winner, _minute(each.changed_ms)]
    return [Text(record.experiment), states, *map(Text, texts)]


def _print_trials(found: Overview) -> None:
    record, label = found.record, METRICS[found.record.metric].label
    title = f"{record.experiment} ({record.task})"
    trial = Column("trial", no_wrap=True)  # a key that is cut off cannot be copied
    table = Table("arm", "seed", trial, "state", "step", label, "last change", title=title)
    for each in found.trials:
        table.add_row(*_trial_cells(each, record))
    console = Console()
    console.print(table)
    console.print(f"{record.file}; table: {found.table or 'none yet'}", markup=False, soft_wrap=True)


def _trial_cells(trial: TrialLine, record: PlanRecord) -> list[Text]:
    arm = f"{trial.arm} (baseline)" if trial.arm == record.baseline else trial.arm
    state = Text(f"{trial.state} ({trial.reason})" if trial.reason else trial.state, STATE_STYLES[trial.state])
    value = "" if trial.value is None else f"{trial.value:.{METRICS[record.metric].digits}f}"
    rest = [str(trial.step), value, _minute(trial.changed_ms)]
    return [Text(arm), Text(str(trial.seed)), Text(trial.eval_key), state, *map(Text, rest)]


def _value(metric: str, found: Summary | None) -> str:
    if found is None:
        return "–"
    digits = METRICS[metric].digits
    return f"{found.mean:.{digits}f}" + ("" if found.sd is None else f" ± {found.sd:.{digits}f}")


def _minute(changed_ms: int | None) -> str:
    """For people: in the time zone of this machine."""
    return "" if changed_ms is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(changed_ms / 1000))


def _time(changed_ms: int | None) -> str | None:
    """For programs: in UTC."""
    return None if changed_ms is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(changed_ms / 1000))
