"""Searches of the toy task in this process: the whole way but for Ray, in a second."""

import gc
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from rcflab.execute.batch import Batch, Resources
from rcflab.execute.job import Job, JobProgress, jobs_of
from rcflab.execute.local import run_locally
from rcflab.execute.source import JobSource, run_source_locally
from rcflab.faults import FAULT_VARIABLE, InjectedFault, reset_faults
from rcflab.ledger.events import AttemptStarted
from rcflab.ledger.fold import KeyState
from rcflab.ledger.lease import this_process
from rcflab.ledger.reader import read_events, read_key
from rcflab.records import Cell, RunPlan
from rcflab.search.checks import space_of
from rcflab.search.names import study_names
from rcflab.search.optuna_journal import read_journal
from rcflab.search.optuna_study import trials_in
from rcflab.search.studies import trials_of
from rcflab.search.trial import Trial
from rcflab.searching import Tuned, run_search, search_folder
from rcflab.session import Session, open_experiment

TOY: dict[str, Any] = {
    "name": "toy-search",
    "task": "toy",
    "baseline": "plain",
    "arms": {"plain": {}},
    "training": {"steps": 6, "evaluate_every": 2, "checkpoint_every": 2},
    "tracking": {"uri": "none"},
    "search": {
        "sampler": "tpe",
        "trials": 6,
        "objective": {"toy/score": "max"},
        "space": {
            "training.lr": {"log_uniform": [1e-3, 0.9]},
            "model.memory": {"choice": [0, 1, 2]},
            "model.decay": {"uniform": [0.0, 1.0]},
        },
        "when": {"decay": {"memory": [1, 2]}},
    },
}


def _here(batch: Batch, rules: Any, source: JobSource) -> dict[str, JobProgress]:
    """Without Ray, and without whoever looks at the clock meanwhile."""
    return run_source_locally(batch, source, batch.stop_requested)


_WHOLE = ("space", "when", "arms", "objective")


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """`new` over `old`; a value of None removes, and what is in _WHOLE is replaced."""
    found = dict(old)
    for key, value in new.items():
        old = found.get(key)
        deep = isinstance(value, dict) and isinstance(old, dict) and key not in _WHOLE
        found[key] = merged(found[key], value) if deep else value
    return {key: value for key, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Lab:
    """A folder in which searches are made again and again."""

    folder: Path

    def session(self, **changes: Any) -> Session:
        """The experiment with these changes, written to its file."""
        path = self.folder / "experiment.yaml"
        path.write_text(yaml.safe_dump(merged(TOY, changes), sort_keys=False))
        return open_experiment(path, [f"storage.root={self.folder / 'runs'}"])

    def search(self, fault: str = "", on_stale: Any = "ask", **changes: Any) -> Tuned:
        """Search to the end; with a `fault` it strikes first, and the same call goes on."""
        session = self.session(**changes)
        if fault:
            reset_faults()
            os.environ[FAULT_VARIABLE] = fault
            with pytest.raises(InjectedFault):
                self._run(session, on_stale)
            del os.environ[FAULT_VARIABLE]
        return self._run(session, on_stale)

    def _run(self, session: Session, on_stale: Any) -> Tuned:
        return run_search(session, Console(file=io.StringIO()), on_stale, _here)

    def points(self, **changes: Any) -> list[dict[str, Any]]:
        """The points of the trials, in their order."""
        return [dict(trial.point) for trial in self.trials(**changes)]

    def files(self) -> dict[str, bytes]:
        """What the search has written for people and programs, without the journal."""
        folder = self.folder / "runs" / "experiments" / "toy-search" / "search"
        names = ("search.md", "trials.csv", "trials.json", "winner.yaml", "front.yaml")
        written = {name: folder / name for name in names if (folder / name).exists()}
        return {name: path.read_bytes().replace(str(self.folder).encode(), b"LAB") for name, path in written.items()}

    def attempts(self, key: str) -> int:
        """How often a training was begun or resumed."""
        return read_key(self.folder / "runs", key).attempts

    def trainings(self) -> list[str]:
        """The trainings of the storage."""
        return sorted(path.name for path in (self.folder / "runs" / "ledger").iterdir())

    def state(self, key: str) -> KeyState:
        """The ledger of a training."""
        return read_key(self.folder / "runs", key)

    def starts(self, key: str) -> list[int]:
        """Steps from which a training was begun or resumed."""
        events = read_events(self.folder / "runs", key)
        return [event.step for event in events if isinstance(event, AttemptStarted)]

    def cells(self, trial: Trial, arm: str = "plain", **changes: Any) -> tuple[Cell, ...]:
        """The cells of a trial."""
        return trials_of(self.session(**changes), arm).cells(trial.number, trial.point)

    def score(self, cell: Cell) -> float:
        """The score of a finished cell."""
        final = self.state(cell.train_key).final(cell.eval_key)
        assert final is not None
        return final.values["toy/score"]

    def job(self, key: str, **changes: Any) -> Job:
        """The job of a training of the search, as an arm would ask for it."""
        cells = [cell for trial in self.trials(**changes) for cell in self.cells(trial, **changes)]
        cell = next(cell for cell in cells if cell.train_key == key)
        (job,) = jobs_of(RunPlan("", "toy", "", (cell,), ()), {cell.eval_key})
        return job

    def run_job(self, job: Job) -> None:
        """Run a job that no search asks for."""
        session = self.session()
        resources = Resources(False, 1, 1, 0, None, True, 50)
        batch = Batch.create(session.storage, this_process(), session.provenance, resources, [job])
        assert run_locally(batch)[job.train_key].phase == "finished"

    def states(self) -> list[str]:
        """How each training of the storage ended."""
        return [self.state(key).state for key in self.trainings()]

    def json(self) -> Any:
        """trials.json."""
        return json.loads((self.folder / "runs" / "experiments" / "toy-search" / "search" / "trials.json").read_text())

    def trials(self, arm: str = "plain", **changes: Any) -> list[Trial]:
        """The trials of the present study of an arm."""
        session = self.session(**changes)
        journal = read_journal(search_folder(session))
        assert journal is not None
        return trials_in(journal, study_names(session)[arm], space_of(session.spec))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes a crash of the machine harmless, and memory free, takes most of the time of these searches."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    monkeypatch.setattr(gc, "collect", lambda *generation: 0)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A laboratory of its own."""
    yield Lab(tmp_path)
    os.environ.pop(FAULT_VARIABLE, None)


@pytest.fixture
def labs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Lab]]:
    """Makes laboratories, to compare one with another."""
    yield lambda: Lab(tmp_path_factory.mktemp("lab"))
    os.environ.pop(FAULT_VARIABLE, None)
