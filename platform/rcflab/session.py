"""The shell's way in: from a path on the command line to a plan and the state of its cells.

open_experiment  file, options --load, fingerprint, plan--> Session(spec, plan, fingerprints, provenance)
read_ledger      Session --every train_key's ledger and lease--> LedgerView
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from rcflab.arms_elsewhere import ArmSource
from rcflab.errors import InputError, Problem
from rcflab.fingerprint import gather
from rcflab.identity import Fingerprints, digest
from rcflab.ledger.fold import KeyState
from rcflab.ledger.lease import holder
from rcflab.ledger.reader import read_key
from rcflab.load import LoadedExperiment, load_experiment
from rcflab.plan import cell_states, make_plan
from rcflab.provenance import gather_provenance
from rcflab.records import Cell, CellState, Json, Provenance, RunPlan
from rcflab.schema import ExperimentSpec
from rcflab.storage.address import cache_of
from rcflab.storage.data import Heard, addresses_in, fetch_data
from rcflab.storage.opening import mirror_of
from rcflab.task import load_task


class Session(NamedTuple):
    """An experiment that may start: checked, fingerprinted, planned."""

    spec: ExperimentSpec
    plan: RunPlan
    fingerprints: Mapping[str, Fingerprints]
    """By arm."""
    provenance: Provenance
    path: Path
    """The YAML file, as it was named."""
    is_whole: bool
    """All arms and seeds of the experiment are in the plan: only then tables are written as files."""
    sources: Mapping[str, ArmSource]
    """Where the arms that are taken from other experiments were written."""
    data: Mapping[str, str]
    """Address of each set in a store -> digest of its content."""

    @property
    def storage(self) -> Path:
        """The absolute storage root, or what this machine has of a store of objects."""
        return cache_of(self.spec.storage.root, "storage")

    @property
    def experiment_folder(self) -> Path:
        """Where the plan and the tables of this experiment go."""
        return self.storage / "experiments" / self.spec.name

    @property
    def tracking_uri(self) -> str | None:
        """The MLflow tracking URI, None for no tracking."""
        uri = self.spec.tracking.uri
        return None if uri == "none" else f"sqlite:///{self.storage / 'mlflow.db'}" if uri == "auto" else uri


@dataclass(frozen=True, slots=True)
class LedgerView:
    """What the ledger says of a plan at one moment."""

    keys: Mapping[str, KeyState]
    """By train_key."""
    states: Mapping[str, CellState]
    """By eval_key."""
    lost: frozenset[str] = frozenset()
    """eval_keys of finished trials whose match records are not on the disk any more."""


def open_experiment(
    path: Path,
    options: Sequence[str] = (),
    arms: Sequence[str] | None = None,
    seeds: int | None = None,
    base: str | None = None,
    progress: Callable[[str], Heard] | None = None,
) -> Session:
    """Load, fingerprint and plan the experiment in `path`.

    `options` are `--set` texts, `arms` and `seeds` narrow the plan, `base` replaces the file that is extended. Writes
    nothing but the cache of file digests. What lies in stores of objects is fetched first; of data, `progress` hears
    by address. Raises InputError with every problem, StorageError.
    """
    loaded = load_experiment(path, options, base)
    storage = cache_of(loaded.spec.storage.root, "storage")
    mirror_of(storage).fetch(f"experiments/{loaded.spec.name}")
    data = {
        url: fetch_data(url, progress(url) if progress else _unheard) for url in addresses_in(loaded.configs.values())
    }
    try:
        prints = gather(loaded.spec.task, loaded.configs, storage)
    except InputError as error:
        raise _whole_truth(loaded, error) from error
    plan, whole = make_plan(loaded, prints, arms, seeds), arms is None and seeds is None
    provenance = replace(gather_provenance(), made_for=loaded.spec.name)
    return Session(loaded.spec, plan, prints, provenance, path, whole, loaded.sources, data)


def _unheard(done: int, total: int) -> None:
    """Nobody wants to know how data come."""


def _whole_truth(loaded: LoadedExperiment, error: InputError) -> InputError:
    """What the task says of data that could not even be fingerprinted: it reads files to their end."""
    found = _task_problems(loaded.spec.task, loaded.configs.values())
    files = {problem.file for problem in found}
    return InputError([*found, *(problem for problem in error.problems if problem.file not in files)])


def read_ledger(session: Session, *, series: bool = True) -> LedgerView:
    """The ledger states of all cells; writes nothing. Raises StorageError for a damaged or unreadable ledger.

    Without `series` no curve is read, which is all that a table needs and much faster.
    """
    storage, plan = session.storage, session.plan
    train_keys = sorted({cell.train_key for cell in plan.cells})
    fetch_cells(storage, train_keys)
    keys = {key: read_key(storage, key, series=series) for key in train_keys}
    live = {key for key in train_keys if holder(storage, key) is not None}
    code = session.provenance.code_digest
    lost = frozenset(cell.eval_key for cell in plan.cells if _is_lost(storage, keys[cell.train_key], cell, code))
    return LedgerView(keys, cell_states(plan, keys, live, code, lost), lost)


def fetch_cells(storage: Path, train_keys: Sequence[str]) -> None:
    """Bring ledgers and evaluations of these trainings where they lie in a store. Raises StorageError."""
    mirror = mirror_of(storage)
    mirror.fetch_ledgers(train_keys)
    mirror.fetch(*(f"cells/{key}/eval" for key in train_keys))


def keep_results(session: Session) -> None:
    """Bring the plan, tables and pages of the experiment to its store, if it has one. Raises StorageError."""
    if session.experiment_folder.is_dir():
        mirror_of(session.storage).keep(session.experiment_folder)


def _is_lost(storage: Path, key: KeyState, cell: Cell, code_digest: str) -> bool:
    final = key.final_before_others(cell.eval_key, code_digest)
    return key.state == "finished" and final is not None and not (storage / final.records).is_file()


def preflight(session: Session) -> None:
    """Let the task check each distinct configuration: data, weights. Loads what the task needs, say torch.

    Raises InputError with all problems of all arms, each once.
    """
    problems = _task_problems(session.plan.task, [cell.config for cell in session.plan.cells])
    if problems:
        raise InputError(problems)


def prepare(session: Session) -> None:
    """Let the task make generated data once, before workers would race for it."""
    make = load_task(session.plan.task).prepare
    for config in {digest(cell.config): cell.config for cell in session.plan.cells}.values():
        make(config)


def _task_problems(task: str, configs: Iterable[Mapping[str, Json]]) -> list[Problem]:
    """Every problem that the task finds in distinct configurations, each once."""
    check = load_task(task).check
    distinct = {digest(config): config for config in configs}
    return list({str(problem): problem for config in distinct.values() for problem in check(config)}.values())
