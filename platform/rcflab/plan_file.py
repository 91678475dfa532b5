"""What an experiment asked for, kept beside its tables: so a storage root can be read without the YAML files.

Session --write_plan--> experiments/NAME/plan.json --read_plans--> PlanRecord of each experiment

Written at the start of a run. A run that was narrowed by arms or seeds replaces its own cells and leaves the others.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from rcflab.ledger.files import read_versioned, replace_json, storage_errors
from rcflab.records import Cell, Json, RunPlan
from rcflab.session import Session

FILE = "plan.json"
_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class RecordedCell:
    """One arm at one seed."""

    arm: str
    seed: int
    train_key: str
    eval_key: str


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """One experiment as it was last run."""

    experiment: str
    task: str
    baseline: str
    metrics: tuple[str, ...]
    """Of its table."""
    primary: str | None
    """The metric that the file names for tests."""
    file: str
    """The YAML file."""
    arms: Mapping[str, Mapping[str, Json]]
    """Arm -> `config`, its resolved configuration, and `fingerprints`, the content of its data and weights."""
    cells: tuple[RecordedCell, ...]
    """In the order of the table."""

    @property
    def plan(self) -> RunPlan:
        """The plan that it was made from."""
        cells = tuple(
            Cell(cell.arm, cell.seed, self.arms[cell.arm]["config"], cell.train_key, cell.eval_key)
            for cell in self.cells
        )
        return RunPlan(self.experiment, self.task, self.baseline, cells, self.metrics)

    @property
    def metric(self) -> str:
        """What a line about the experiment tells of its arms: the primary metric, else the first of the table."""
        return self.primary or self.metrics[0]


def write_plan(session: Session) -> None:
    """Keep the plan of `session` beside its tables. Raises StorageError."""
    folder = session.experiment_folder
    known, found = read_plan(folder), _record(session)
    if known is not None and not session.is_whole:
        found = _joined(found, known, tuple(session.spec.arms))
    if found == known:
        return
    with storage_errors(folder, "create"):
        folder.mkdir(parents=True, exist_ok=True)
    replace_json(folder / FILE, {"schema": _SCHEMA, **asdict(found)})


def read_plan(folder: Path) -> PlanRecord | None:
    """The record in the folder of an experiment; None where there is none, or one of another version."""
    fields = read_versioned(folder / FILE, _SCHEMA)
    if fields is None:
        return None
    try:
        cells = tuple(RecordedCell(**cell) for cell in fields.pop("cells"))
        return PlanRecord(metrics=tuple(fields.pop("metrics")), cells=cells, **fields)
    except (TypeError, KeyError):
        return None


def read_plans(storage: Path) -> Iterator[PlanRecord]:
    """Those of all experiments below `storage`, by name."""
    for folder in experiment_folders(storage):
        found = read_plan(folder)
        if found is not None:
            yield found


def experiment_folders(storage: Path) -> list[Path]:
    """The folder of each experiment below `storage`, by name."""
    root = storage / "experiments"
    with storage_errors(root, "list"):
        return sorted(folder for folder in root.iterdir() if folder.is_dir()) if root.is_dir() else []


def _record(session: Session) -> PlanRecord:
    plan, prints = session.plan, session.fingerprints
    cells = tuple(RecordedCell(cell.arm, cell.seed, cell.train_key, cell.eval_key) for cell in plan.cells)
    arms = {
        cell.arm: {"config": cell.config, "fingerprints": asdict(prints[cell.arm])}
        for cell in plan.cells
        if cell.seed == 0
    }
    primary, file = session.spec.table.primary, str(session.path.absolute())
    return PlanRecord(plan.experiment, plan.task, plan.baseline, plan.metrics, primary, file, arms, cells)


def _joined(new: PlanRecord, old: PlanRecord, arms: tuple[str, ...]) -> PlanRecord:
    """`new` with those cells of `old` that it has not, of arms that the experiment still has."""
    places = {(cell.arm, cell.seed): cell for cell in (*old.cells, *new.cells) if cell.arm in arms}
    order = {arm: number for number, arm in enumerate(arms)}
    cells = sorted(places.values(), key=lambda cell: (order[cell.arm], cell.seed))
    configs = {arm: {**old.arms, **new.arms}[arm] for arm in arms if arm in old.arms or arm in new.arms}
    return PlanRecord(new.experiment, new.task, new.baseline, new.metrics, new.primary, new.file, configs, tuple(cells))
