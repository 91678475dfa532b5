"""A plan, a ledger written by hand, a store in memory, and a real MLflow store that is copied from a template."""

import itertools
import shutil
from dataclasses import dataclass, field, replace

import pytest

from rcflab.errors import ServiceDownError
from rcflab.ledger.events import AttemptStarted, CheckpointSaved, Evaluated, Metrics, StateChanged
from rcflab.ledger.lease import acquire, this_process
from rcflab.ledger.writer import LedgerWriter
from rcflab.records import Cell, RunPlan
from rcflab.track.mlflow_tracker import MlflowTracker
from rcflab.track.tracker import CellRun, ParentRun, TrackingRefusedError

PROVENANCE = {
    "code_digest": "code-a",
    "git_commit": None,
    "git_dirty": True,
    "packages": {"numpy": "2.4", "torch": "2.14"},
    "host": "here",
    "processor": "cpu",
}


def cell(arm="a", seed=0, train="", evaluation=""):
    train = train or f"train{arm}{seed}"
    config = {"model": {"slope": 1.5, "tags": ["x", 1]}, "training": {"steps": 3}, "none": None, "empty": {}}
    return Cell(arm, seed, config, train, evaluation or f"eval{train}")


def plan(*cells, name="toy-table"):
    return RunPlan(name, "toy", "a", tuple(cells), ("toy/score",))


class Life:
    """Writes a cell's events as the job loop would; each `begin` is a new attempt."""

    def __init__(self, storage):
        self.storage = storage
        self.clock = 1_700_000_000_000

    def write(self, cell, *events):
        with LedgerWriter(
            self.storage, cell.train_key, acquire(self.storage, cell.train_key, this_process())
        ) as ledger:
            ledger.append_many(events)

    def now(self):
        self.clock += 1000
        return self.clock

    def begin(self, cell, *, attempt=1, step=0, code="code-a"):
        self.write(cell, AttemptStarted(self.now(), attempt, step, PROVENANCE | {"code_digest": code}, 1))

    def steps(self, cell, first, last, offset=0.0):
        values = (
            (s, {"train/loss": 1.0 / s + offset, "train/lr": 0.1, "time/step_ms": self.now() % 997.0})
            for s in range(first, last + 1)
        )
        self.write(cell, *(Metrics(self.now(), step, each) for step, each in values))

    def checkpoint(self, cell, step):
        self.write(cell, CheckpointSaved(self.now(), step, f"cells/{cell.train_key}/checkpoints/s{step}", "ab" * 32))

    def evaluate(self, cell, step, score, *, final=True, code="code-a"):
        home = self.storage / "cells" / cell.train_key / "eval" / cell.eval_key
        (home / "overlays").mkdir(parents=True, exist_ok=True)
        names = []
        for name in ("records.npz", "results.json", "overlays/clip.png"):
            (home / name).write_text(f"{name} {score}")
            names.append((home / name).relative_to(self.storage).as_posix())
        values = {"toy/score": score}
        event = Evaluated(self.now(), step, cell.eval_key, final, values, "vd", names[0], tuple(names[1:]), code)
        self.write(cell, event)

    def end(self, cell, step, state="finished", reason="", failure=""):
        self.write(cell, StateChanged(self.now(), step, state, reason, failure))

    def whole(self, cell, steps=3, score=50.0):
        self.begin(cell)
        self.steps(cell, 1, steps)
        self.checkpoint(cell, steps)
        self.evaluate(cell, steps, score)
        self.end(cell, steps)


@dataclass
class StoredRun:
    run: object
    parent: str = ""
    status: str = "RUNNING"
    ended_ms: int | None = None
    params: dict = field(default_factory=dict)
    tags: dict = field(default_factory=dict)
    rows: list = field(default_factory=list)
    """Equal rows once, like MLflow: a row is its key, step, value and time."""
    files: dict = field(default_factory=dict)
    data: list = field(default_factory=list)
    models: dict = field(default_factory=dict)


class MemoryTracker:
    """A store in memory that can be down, refuse a run, or lose its answers after it has done the work."""

    uri = "memory"

    def __init__(self):
        self.runs = {}
        self.numbers = itertools.count()
        self.down = False
        self.lose_answers = False
        self.refused = set()
        self.calls = []
        self.arms = {}
        self.parents = "parent"

    def _enter(self, name, run_id=""):
        if self.down:
            raise ServiceDownError("memory: connection refused")
        if run_id in self.refused or (run_id and run_id not in self.runs):
            raise TrackingRefusedError(f"memory: no run {run_id}")
        self.calls.append(name)

    def _leave(self):
        if self.lose_answers:
            raise ServiceDownError("memory: connection reset")

    def open_experiment(self, plan, note):
        self._enter("open_experiment")
        name = f"{self.parents}-{plan.experiment}"
        parent = ParentRun(name, plan.experiment, self.runs[name].status if name in self.runs else "RUNNING")
        self.runs.setdefault(name, StoredRun(parent)).tags["note"] = note
        return parent

    def publish_arms(self, parent, plan, arms):
        self._enter("publish_arms", parent.run_id)
        self.arms[plan.experiment] = tuple(arms)

    def find_cells(self, eval_key):
        self._enter("find_cells")
        stored = [
            each for each in self.runs.values() if isinstance(each.run, CellRun) and each.run.eval_key == eval_key
        ]
        return tuple(replace(each.run, status=each.status) for each in stored)

    def create_cell(self, parent, plan, cell, generation, started_ms):
        self._enter("create_cell", parent.run_id)
        run = CellRun(f"run{next(self.numbers)}", plan.experiment, cell.arm, cell.seed, cell.eval_key, generation)
        self.runs[run.run_id] = StoredRun(run, parent.run_id)
        self._leave()
        return run

    def describe(self, run_id, params, tags):
        self._enter("describe", run_id)
        self.runs[run_id].params = dict(params) | self.runs[run_id].params
        self.runs[run_id].tags |= tags
        self._leave()

    def log_rows(self, run_id, rows):
        self._enter("log_rows", run_id)
        self.runs[run_id].rows += [row for row in rows if row not in self.runs[run_id].rows]
        self._leave()

    def log_data(self, run_id, data):
        self._enter("log_data", run_id)
        self.runs[run_id].data += [each for each in data if each not in self.runs[run_id].data]
        self._leave()

    def register(self, run_id, models):
        self._enter("register", run_id)
        self.runs[run_id].models |= {(model.stage, model.sha256): model for model in models}
        self._leave()

    def write_text(self, run_id, name, text):
        self._enter("write_text", run_id)
        self.runs[run_id].files[name] = text

    def upload(self, run_id, file, folder):
        self._enter("upload", run_id)
        self.runs[run_id].files[f"{folder}/{file.name}" if folder else file.name] = file.read_text()

    def set_status(self, run_id, status, ended_ms):
        self._enter("set_status", run_id)
        self.runs[run_id].status, self.runs[run_id].ended_ms = status, ended_ms

    def cells(self, eval_key=None):
        stored = [each for each in self.runs.values() if isinstance(each.run, CellRun)]
        return [each for each in stored if eval_key in (None, each.run.eval_key)]

    def steps(self, cell, key):
        (stored,) = self.cells(cell.eval_key)
        return [row.step for row in stored.rows if row.key == key]


@pytest.fixture
def life(tmp_path):
    return Life(tmp_path)


@pytest.fixture
def store():
    return MemoryTracker()


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """An MLflow database with its schema: making it costs seconds, copying it nothing."""
    path = tmp_path_factory.mktemp("mlflow") / "template.db"
    MlflowTracker(f"sqlite:///{path}", None).find_cells("none")
    return path


@pytest.fixture
def mlflow_uri(template, tmp_path):
    shutil.copy(template, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


@pytest.fixture
def new_cell():
    return cell


@pytest.fixture
def new_plan():
    return plan
