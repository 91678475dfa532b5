"""`rcflab replay`: one trial again, from its record, and whether it comes out the same.

eval_key | ARM/SEED --find--> cells/<train_key>/job.json + ledger --what has changed since?--> stderr
    --Ray, in a folder of its own--> second ledger, files --compare_runs--> equal (0) | different (3)
"""

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from rcflab.commands.live import shown
from rcflab.commands.options import AsJson, Base, Set, Storage, echo_json, open_session
from rcflab.errors import IncompleteError, InputError, Problem
from rcflab.execute.batch import Batch, resolve
from rcflab.execute.driver import run_on_ray
from rcflab.execute.job import Evaluation, Job
from rcflab.execute.job_file import JobRecord
from rcflab.fingerprint import gather
from rcflab.identity import eval_key, train_key
from rcflab.ledger.events import Evaluated
from rcflab.ledger.fold import KeyState
from rcflab.ledger.lease import this_process
from rcflab.ledger.reader import read_key
from rcflab.progress import Watch, Watched
from rcflab.provenance import gather_provenance
from rcflab.records import Json
from rcflab.replay import Compared, Side, compare_runs, environment_differences
from rcflab.schema import ResourcesConfig
from rcflab.task import load_task
from rcflab.trials import find_trial

Trial = Annotated[str, typer.Argument(metavar="TRIAL", help="eval_key or its beginning; ARM/SEED with --experiment.")]
File = Annotated[Path | None, typer.Option("--experiment", "-e", metavar="YAML", help="The file that has ARM/SEED.")]
Scratch = Annotated[
    Path | None,
    typer.Option("--scratch", metavar="FOLDER", help="Where it runs, instead of storage.root/replays/TRIAL."),
]
Keep = Annotated[bool, typer.Option("--keep", help="Keep the folder also where nothing differs.")]
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class _Trial:
    """What is to be done again."""

    storage: Path
    record: JobRecord
    eval_key: str

    @property
    def config(self) -> Mapping[str, Json]:
        """The whole configuration of this trial."""
        return self.record.evaluations[self.eval_key]

    @property
    def job(self) -> Job:
        """The same training with this evaluation alone."""
        evaluation = Evaluation(self.eval_key, self.config)
        return Job(self.record.train_key, "replay", self.record.task, self.config, self.record.seed, (evaluation,))


def replay_command(
    trial: Trial,
    experiment: File = None,
    storage: Storage = Path("runs"),
    scratch: Scratch = None,
    keep: Keep = False,
    set_: Set = None,
    base: Base = None,
    json: AsJson = False,
) -> None:
    """Train and evaluate one trial again from its record, and compare: losses, metrics, match records, weights.

    Everything is compared bit for bit, and what differs is named. Beforehand it says what has changed since: code,
    packages, processor, data. It runs in a folder of its own and never touches the original; the folder is removed
    where nothing differs. A failed trial is replayed too: whether it fails of the same. Costs what the trial did.

    Example: rcflab replay 9f2325d7; rcflab replay tokens-4/0 --experiment experiments/table_5_token_size.yaml

    Exit codes: 0 the same, 2 bad input, 3 something differs or the trial never ended, 74 storage, 130 Ctrl-C.
    """
    found = _by_key(storage.absolute(), trial) if experiment is None else _by_cell(experiment, trial, set_, base)
    state = read_key(found.storage, found.record.train_key)
    if state.state not in ("finished", "failed"):
        raise IncompleteError(f"trial {found.eval_key} is {state.state}: only what came to an end can be compared")
    changed = [*environment_differences(state.provenance, gather_provenance()), *_data_differences(found)]
    for line in changed:
        typer.echo(f"changed since: {line}", err=True)
    folder = (scratch or found.storage / "replays" / found.eval_key).absolute()
    compared = _replay(found, state, folder)
    if json:
        echo_json(_json(found, changed, compared, folder))
    else:
        _print(found, compared)
    if compared.differences:
        typer.echo(f"the replay is kept in {folder}", err=True)
        raise typer.Exit(IncompleteError.exit_code)
    if not keep:
        shutil.rmtree(folder, ignore_errors=True)


def _by_key(storage: Path, name: str) -> _Trial:
    """The trial below `storage` whose key begins with `name`. Raises InputError."""
    if "/" in name:
        hint = "For ARM/SEED say of which file: --experiment YAML"
        raise InputError([Problem("TRIAL", "", repr(name), "the key of a trial, or its beginning", hint)])
    found = find_trial(storage, name)
    return _recorded(storage, found.train_key, found.eval_key, found.task, found.seed, found.config)


def _by_cell(experiment: Path, name: str, options: list[str] | None, base: str | None) -> _Trial:
    """The trial of ARM/SEED, or whose eval_key begins with `name`, in an experiment. Raises InputError."""
    session = open_session(experiment, options, None, None, base)
    cells = [cell for cell in session.plan.cells if f"{cell.arm}/{cell.seed}" == name or cell.eval_key.startswith(name)]
    if len({cell.eval_key for cell in cells}) != 1:
        some = ", ".join(f"{cell.arm}/{cell.seed}" for cell in session.plan.cells[:10])
        raise InputError([Problem("TRIAL", "", repr(name), f"one trial of {experiment}: ARM/SEED like {some}")])
    cell = cells[0]
    return _recorded(session.storage, cell.train_key, cell.eval_key, session.plan.task, cell.seed, cell.config)


def _recorded(storage: Path, train_key: str, eval_key: str, task: str, seed: int, config: Mapping[str, Json]) -> _Trial:
    """As its record has it, for fields without effect may differ from `config`; older versions left no record."""
    record = JobRecord.read(storage / "cells" / train_key)
    if record is None or eval_key not in record.evaluations:
        record = JobRecord(train_key, task, seed, config, {eval_key: config})
    return _Trial(storage, record, eval_key)


def _data_differences(found: _Trial) -> list[str]:
    """Whether the data and the first weights are still what they were: the keys are made from their content."""
    task, seed = found.record.task, found.record.seed
    prints = gather(task, {"replay": found.config}, found.storage)["replay"]
    if train_key(task, found.config, seed, prints) != found.record.train_key:
        return ["training data or first weights: their content is another"]
    if eval_key(task, found.config, seed, prints) != found.eval_key:
        return ["validation data: its content is another"]
    return []


def _replay(found: _Trial, state: KeyState, folder: Path) -> Compared:
    """Run it as wide as it was, in an empty `folder`. Raises InputError where that cannot be."""
    made_by = state.provenance
    workers, gpus = int(made_by.get("workers", 1)), float(made_by.get("gpus", 0))
    threads = int(made_by.get("threads", 1))
    asked = ResourcesConfig(workers=workers, threads=threads, gpus_per_worker=gpus / workers)
    resources = resolve(asked, f"trial {found.eval_key}")
    task = load_task(found.record.task)
    problems = list(task.check(found.config))
    if problems:
        raise InputError(problems)
    if (folder / "ledger").is_dir():
        shutil.rmtree(folder)
    elif folder.exists() and any(folder.iterdir()):
        raise InputError([Problem("--scratch", "", f"{folder}, which holds other files", "an empty or a new folder")])
    task.prepare(found.config)
    console, job = Console(stderr=True), found.job
    watch = Watch(folder, [Watched(job.train_key, job.label, task.schedule(job.config).steps)], task.best)
    batch = Batch.create(folder, this_process(), gather_provenance(), resources, [job])
    with shown(watch, console):
        run_on_ray(batch)
    again = read_key(folder, job.train_key)
    sides = (Side(found.storage, state, _final(state, found)), Side(folder, again, again.final(found.eval_key)))
    return compare_runs(*sides)


def _final(state: KeyState, found: _Trial) -> Evaluated | None:
    """That of the last attempt's code, where there is one."""
    return state.final_before_others(found.eval_key, str(state.provenance.get("code_digest", "")))


def _json(found: _Trial, changed: list[str], compared: Compared, folder: Path) -> Json:
    return {
        "trial": found.eval_key,
        "train_key": found.record.train_key,
        "task": found.record.task,
        "seed": found.record.seed,
        "equal": not compared.differences,
        "changed_since": changed,
        "differences": [asdict(each) for each in compared.differences],
        "equal_parts": dict(compared.equal),
        "not_compared": compared.missing,
        "folder": str(folder),
    }


def _print(found: _Trial, compared: Compared) -> None:
    for each in compared.differences[:_SHOWN]:
        typer.echo(f"{each.part} {each.name}: {each.text}")
    if len(compared.differences) > _SHOWN:
        typer.echo(f"... and {len(compared.differences) - _SHOWN} more; --json has all")
    for line in compared.missing:
        typer.echo(f"not compared: {line}")
    same = ", ".join(f"{count} {part}" for part, count in compared.equal.items())
    verdict = f"{len(compared.differences)} differences" if compared.differences else "equal, bit for bit"
    typer.echo(f"trial {found.eval_key}: {verdict} (the same: {same or 'nothing'})")
