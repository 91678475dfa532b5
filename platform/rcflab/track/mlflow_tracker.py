"""The tracking store MLflow, by its client alone: no active run, no process-wide address.

    MLflow experiment <name>       one for each rcflab experiment
      parent run                   tags rcflab.experiment, rcflab.role=parent
        cell run  <arm> seed 0     tags mlflow.parentRunId, rcflab.role=cell, rcflab.eval_key
        arm run   <arm>            tags mlflow.parentRunId, rcflab.role=arm, rcflab.arm: what the table says of it

A cell run is looked for by its tag in the whole store, so that experiments share it.
"""

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from rcflab.ledger.files import file_lock
from rcflab.records import Cell, RunPlan
from rcflab.track.dashboard import arm_tags, views
from rcflab.track.inputs import CheckpointModel, DataSet
from rcflab.track.mlflow_client import MlflowStore
from rcflab.track.tracker import ArmAggregate, CellRun, ParentRun, Row, RunStatus

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel, Run, RunTag

_SQLITE = "sqlite:///"
_ROWS_PER_REQUEST = 1000
_MAX_PARAM = 6000
_MAX_TAG = 5000
_SCHEMA_TIMEOUT_S = 120.0


class MlflowTracker:
    """A Tracker on an MLflow store: `sqlite:////absolute/file.db` or the address of a server.

    `artifact_root` is the folder for artifacts of experiments that this tracker creates; None leaves it to the server,
    or means `artifacts/` beside an SQLite file (MLflow itself would use the working folder).
    Nothing is opened before the first call, which imports MLflow and takes seconds: call it off the training's path.
    """

    def __init__(self, uri: str, artifact_root: Path | None) -> None:
        self.uri = uri
        self._store = MlflowStore(uri)
        self._database = Path(uri.removeprefix(_SQLITE)) if uri.startswith(_SQLITE) else None
        beside = self._database.parent / "artifacts" if self._database else None
        self._artifact_root = artifact_root or beside

    def open_experiment(self, plan: RunPlan, note: str) -> ParentRun:
        """Find or make the MLflow experiment and its parent run; the database schema is made under a lock."""
        with self._store.answers(), self._schema_lock():
            experiment_id = self._experiment(plan.experiment)
            where = f"tags.`rcflab.experiment` = '{plan.experiment}' and tags.`rcflab.role` = 'parent'"
            found = self._store.search([experiment_id], where)
            for tag, view in views(plan).items():
                self._store.client.set_experiment_tag(experiment_id, tag, view)
            self._introduce(experiment_id, note)
            tags = {"mlflow.note.content": note, "rcflab.task": plan.task, "rcflab.baseline": plan.baseline}
            if found:
                self._set_tags(found[0].info.run_id, tags)
                return ParentRun(found[0].info.run_id, experiment_id, found[0].info.status)
            # Without it the page guesses what kind of experiment this is, and opens on traces instead of runs.
            self._store.client.set_experiment_tag(experiment_id, "mlflow.experimentKind", "custom_model_development")
            tags |= {"rcflab.experiment": plan.experiment, "rcflab.role": "parent"}
            run = self._store.client.create_run(experiment_id, tags=tags, run_name=plan.experiment)
            return ParentRun(run.info.run_id, experiment_id, run.info.status)

    def _introduce(self, experiment_id: str, note: str) -> None:
        """Arms and seeds come and go; what a person has written in place of our note stays."""
        known = self._store.client.get_experiment(experiment_id).tags.get("mlflow.note.content", "")
        ours = note.partition(" compares ")[0]
        if known != note and (not known or known.startswith(f"{ours} compares ")):
            self._store.client.set_experiment_tag(experiment_id, "mlflow.note.content", note)

    def find_cells(self, eval_key: str) -> Sequence[CellRun]:
        """Every run of `eval_key` in every experiment of the store, oldest first."""
        with self._store.answers():
            return tuple(_cell_run(run) for run in self._store.cells(eval_key))

    def create_cell(self, parent: ParentRun, plan: RunPlan, cell: Cell, generation: int, started_ms: int) -> CellRun:
        """Make the run of a cell below its parent."""
        tags = {
            "mlflow.parentRunId": parent.run_id,
            "rcflab.role": "cell",
            "rcflab.experiment": plan.experiment,
            **arm_tags(cell.arm),
            "rcflab.seed": str(cell.seed),
            "rcflab.train_key": cell.train_key,
            "rcflab.eval_key": cell.eval_key,
            "rcflab.generation": str(generation),
        }
        name = f"{cell.arm} seed {cell.seed}"
        with self._store.answers():
            return _cell_run(self._store.client.create_run(parent.experiment_id, started_ms, tags, name))

    def publish_arms(self, parent: ParentRun, plan: RunPlan, arms: Sequence[ArmAggregate]) -> None:
        """Find each arm's run by its tags, or make it, and write what differs."""
        with self._store.answers():
            where = f"tags.`rcflab.experiment` = '{plan.experiment}' and tags.`rcflab.role` = 'arm'"
            known: dict[str, list[Run]] = {}
            for run in self._store.search([parent.experiment_id], where):
                known.setdefault(run.data.tags.get("rcflab.arm", ""), []).append(run)
            for arm in arms:
                self._publish_arm(parent, plan, arm, known)
            for run in (run for left in known.values() for run in left):
                self._store.client.delete_run(run.info.run_id)

    def _publish_arm(self, parent: ParentRun, plan: RunPlan, arm: ArmAggregate, known: "dict[str, list[Run]]") -> None:
        """Takes the arm's run out of `known`; what stays there is deleted."""
        from mlflow.entities import Metric

        found = known.get(arm.arm, [])
        # A metric cannot be taken back: a run that says too much is made anew.
        run = found.pop(0) if found and found[0].data.metrics.keys() <= arm.metrics.keys() else None
        tags = {
            "mlflow.parentRunId": parent.run_id,
            "rcflab.role": "arm",
            "rcflab.experiment": plan.experiment,
            **arm_tags(arm.arm),
            **arm.tags,
        }
        if run is None:
            run = self._store.client.create_run(parent.experiment_id, tags=tags, run_name=arm.arm)
        now_ms = time.time_ns() // 1_000_000
        metrics = [
            Metric(key, value, now_ms, 0) for key, value in arm.metrics.items() if run.data.metrics.get(key) != value
        ]
        self._store.client.log_batch(run.info.run_id, metrics=metrics, tags=_run_tags(tags))
        if run.info.status != "FINISHED":
            self._store.client.set_terminated(run.info.run_id, status="FINISHED")

    def describe(self, run_id: str, params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        """Add missing params and set tags; too long values are cut, since MLflow would refuse them."""
        from mlflow.entities import Param

        with self._store.answers():
            known = self._store.client.get_run(run_id).data.params if params else {}
            missing = [Param(key, _stored(value)[:_MAX_PARAM]) for key, value in params.items() if key not in known]
            self._store.client.log_batch(run_id, params=missing, tags=_run_tags(tags))

    def log_rows(self, run_id: str, rows: Sequence[Row]) -> None:
        """Store rows in batches. MLflow would keep infinity as 1.8e308: what is not finite is left out."""
        from mlflow.entities import Metric

        metrics = [Metric(row.key, row.value, row.ts_ms, row.step) for row in rows if math.isfinite(row.value)]
        with self._store.answers():
            for start in range(0, len(metrics), _ROWS_PER_REQUEST):
                self._store.client.log_batch(run_id, metrics=metrics[start : start + _ROWS_PER_REQUEST])

    def write_text(self, run_id: str, name: str, text: str) -> None:
        """Store `text` as an artifact, replacing an earlier one of that name."""
        with self._store.answers(for_files=True):
            self._store.client.log_text(run_id, text, name)

    def upload(self, run_id: str, file: Path, folder: str) -> None:
        """Store a copy of `file`, replacing an earlier one of that name."""
        with self._store.answers(for_files=True):
            self._store.client.log_artifact(run_id, str(file), folder or None)

    def log_data(self, run_id: str, data: Sequence[DataSet]) -> None:
        """Name the data that a run has read; MLflow keeps equal ones once."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        inputs = [
            DatasetInput(
                Dataset(each.name, each.digest, "rcflab", each.source),
                [InputTag("mlflow.data.context", each.context), InputTag("rcflab.sha256", each.sha256)],
            )
            for each in data
        ]
        with self._store.answers():
            self._store.client.log_inputs(run_id, inputs)

    def register(self, run_id: str, models: Sequence[CheckpointModel]) -> None:
        """Find or make the logged models of a training's checkpoints, and name them as outputs of the run."""
        from mlflow.entities import LoggedModelOutput

        with self._store.answers():
            run = self._store.client.get_run(run_id)
            named = {each.model_id for each in run.outputs.model_outputs} if run.outputs else set[str]()
            outputs: list[LoggedModelOutput] = []
            for model in models:
                found = self._model(run, model)
                if found.model_id not in named:
                    outputs.append(LoggedModelOutput(found.model_id, model.step))
            self._store.client.log_outputs(run_id, outputs)

    def _model(self, run: "Run", model: CheckpointModel) -> "LoggedModel":
        """The model of exactly this checkpoint; others of its stage are of a training by other code."""
        where = f"tags.`rcflab.train_key` = '{model.train_key}' and tags.`rcflab.stage` = '{model.stage}'"
        known = list(self._store.client.search_logged_models([run.info.experiment_id], where))
        same = [each for each in known if each.tags.get("rcflab.sha256") == model.sha256]
        for other in known:
            if other not in same:
                self._store.client.set_logged_model_tags(other.model_id, {"rcflab.superseded": "true"})
        return same[0] if same else self._create_model(run, model)

    def _create_model(self, run: "Run", model: CheckpointModel) -> "LoggedModel":
        tags = {
            "mlflow.model.isExternal": "true",
            "rcflab.train_key": model.train_key,
            "rcflab.stage": model.stage,
            "rcflab.sha256": model.sha256,
            "rcflab.uri": model.uri,
            "rcflab.step": str(model.step),
            **model.tags,
        }
        made = self._store.client.create_logged_model(
            run.info.experiment_id, model.name, run.info.run_id, tags, model_type="checkpoint"
        )
        return self._store.client.finalize_logged_model(made.model_id, "READY")

    def set_status(self, run_id: str, status: RunStatus, ended_ms: int | None) -> None:
        """Set the status of a run, also from an ended one back to RUNNING."""
        with self._store.answers():
            if status == "RUNNING":
                self._store.client.update_run(run_id, status=status)
            else:
                self._store.client.set_terminated(run_id, status=status, end_time=ended_ms)

    def _schema_lock(self) -> AbstractContextManager[object]:
        """One process at a time: several may meet on an empty database, or before the parent run is there."""
        if self._database is None:
            return nullcontext()
        self._database.parent.mkdir(parents=True, exist_ok=True)
        return file_lock(self._database.with_name(f"{self._database.name}.lock"), _SCHEMA_TIMEOUT_S)

    def _experiment(self, name: str) -> str:
        """Id of the MLflow experiment, made if missing, restored if someone deleted it."""
        found = self._store.client.get_experiment_by_name(name)
        if found is None:
            return self._create_experiment(name)
        if found.lifecycle_stage == "deleted":
            self._store.client.restore_experiment(found.experiment_id)
        return found.experiment_id

    def _create_experiment(self, name: str) -> str:
        from mlflow.exceptions import MlflowException

        location = (self._artifact_root / name).absolute().as_uri() if self._artifact_root else None
        try:
            return self._store.client.create_experiment(name, location)
        except MlflowException:
            # On a server nothing but its answer tells that another process was quicker.
            found = self._store.client.get_experiment_by_name(name)
            if found is None:
                raise
            return found.experiment_id

    def _set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        self._store.client.log_batch(run_id, tags=_run_tags(tags))


def _run_tags(tags: Mapping[str, str]) -> "list[RunTag]":
    from mlflow.entities import RunTag

    return [RunTag(key, _stored(value)[:_MAX_TAG]) for key, value in tags.items()]


def _stored(text: str) -> str:
    """Without what no database may take: PostgreSQL refuses a zero character, UTF-8 half a pair of surrogates."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


def _cell_run(run: "Run") -> CellRun:
    tags = run.data.tags
    return CellRun(
        run_id=run.info.run_id,
        experiment=tags.get("rcflab.experiment", ""),
        arm=tags.get("rcflab.arm", ""),
        seed=int(tags.get("rcflab.seed", "-1")),
        eval_key=tags["rcflab.eval_key"],
        generation=int(tags.get("rcflab.generation", "0")),
        status=run.info.status,
    )
