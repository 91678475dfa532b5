"""One trial of a storage root, found by the beginning of its key.

prefix --plans, cells--> eval_key, train_key --plan.json | job.json--> configuration --ledger--> state, evaluation

Nothing but the storage root is read: no YAML file, no data.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rcflab.errors import InputError, Problem
from rcflab.execute.job_file import FILE, JobRecord
from rcflab.ledger.events import Evaluated
from rcflab.ledger.files import storage_errors
from rcflab.ledger.fold import KeyState
from rcflab.ledger.reader import read_key
from rcflab.plan_file import read_plans
from rcflab.records import Json

_MOST_NAMED = 8
"""Trials that an error names."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One training scored in one way."""

    eval_key: str
    train_key: str
    task: str
    seed: int
    config: Mapping[str, Json]
    """Fully resolved."""
    fingerprints: Mapping[str, str]
    """Content of its data and weights; empty where no experiment has it in its plan any more."""
    places: tuple[tuple[str, str], ...]
    """(experiment, arm) of each plan that it stands in."""
    state: KeyState

    @property
    def final(self) -> Evaluated | None:
        """Its final evaluation; None while there is none."""
        return self.state.final(self.eval_key)

    @property
    def label(self) -> str:
        """For people: where it stands, or its key alone."""
        place = "" if not self.places else " ({}/{}/{})".format(*self.places[0], self.seed)
        return f"{self.eval_key}{place}"


@dataclass(frozen=True, slots=True)
class _Known:
    train_key: str
    task: str
    seed: int
    config: Mapping[str, Json]
    fingerprints: Mapping[str, str]


def find_trial(storage: Path, prefix: str) -> Trial:
    """The trial below `storage` whose eval_key, or else whose train_key, begins with `prefix`.

    Raises InputError where there is none, or more than one.
    """
    known, places = _planned(storage, prefix)
    for eval_key, found in _on_disk(storage, prefix).items():
        known.setdefault(eval_key, found)
    by_eval = [key for key in known if key.startswith(prefix)]
    matches = by_eval or list(known)
    if not prefix or len(matches) != 1:
        raise InputError([_not_one(storage, prefix, matches, places)])
    (eval_key,) = matches
    found = known[eval_key]
    state = read_key(storage, found.train_key, series=False)
    where = tuple(places.get(eval_key, ()))
    return Trial(eval_key, found.train_key, found.task, found.seed, found.config, found.fingerprints, where, state)


def _planned(storage: Path, prefix: str) -> tuple[dict[str, _Known], dict[str, list[tuple[str, str]]]]:
    """Matching trials of the plans by eval_key, and where each of them stands."""
    known: dict[str, _Known] = {}
    places: dict[str, list[tuple[str, str]]] = {}
    for plan in read_plans(storage):
        for cell in plan.cells:
            if cell.eval_key.startswith(prefix) or cell.train_key.startswith(prefix):
                arm = plan.arms[cell.arm]
                found = _Known(cell.train_key, plan.task, cell.seed, arm["config"], arm["fingerprints"])
                known.setdefault(cell.eval_key, found)
                places.setdefault(cell.eval_key, []).append((plan.experiment, cell.arm))
    return known, places


def _on_disk(storage: Path, prefix: str) -> dict[str, _Known]:
    """Matching trials of the cells that say what they were asked to do, also those that stand in no plan any more."""
    if not prefix.isalnum():
        return {}
    with storage_errors(storage, "list"):
        folders = {path.parent.parent for path in storage.glob(f"cells/*/eval/{prefix}*")}
        folders |= set(storage.glob(f"cells/{prefix}*"))
        if not folders:  # what failed before its first evaluation has no folder with its name
            folders = {path.parent for path in storage.glob(f"cells/*/{FILE}")}
    found: dict[str, _Known] = {}
    for folder in sorted(folders):
        job = JobRecord.read(folder)
        if job is None:
            continue
        for eval_key, config in job.evaluations.items():
            if eval_key.startswith(prefix) or folder.name.startswith(prefix):
                found[eval_key] = _Known(folder.name, job.task, job.seed, config, {})
    return found


def _not_one(
    storage: Path, prefix: str, matches: Iterable[str], places: Mapping[str, list[tuple[str, str]]]
) -> Problem:
    names = [f"{key} ({'/'.join(places[key][0])})" if key in places else key for key in sorted(matches)]
    if not names:
        hint = "`rcflab list --storage ROOT` shows experiments and trials"
        return Problem(
            str(storage), "", repr(prefix), "the key of a trial below this storage root, or its beginning", hint
        )
    rest = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    wanted = f"the beginning of one key; it is that of {', '.join(names[:_MOST_NAMED])}{rest}"
    return Problem(str(storage), "", repr(prefix), wanted)
