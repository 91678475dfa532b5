"""The tracking store MLflow, by its client alone: no active run, no process-wide address.

    MLflow experiment <name>       one for each rcflab experiment
      parent run                   tags rcflab.experiment, rcflab.role=parent
        cell run  <arm> seed 0     tags mlflow.parentRunId, rcflab.role=cell, rcflab.eval_key

A cell run is looked for by its tag in the whole store, so that experiments share it.
"""

import logging
import math
import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rcflab.errors import ServiceDownError
from rcflab.ledger.files import file_lock
from rcflab.records import Cell, RunPlan
from rcflab.track.tracker import CellRun, ParentRun, Row, RunStatus, TrackingRefusedError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_SQLITE = "sqlite:///"
_PAGE = 1000
_ROWS_PER_REQUEST = 1000
_MAX_PARAM = 6000
_MAX_TAG = 5000
_SCHEMA_TIMEOUT_S = 120.0
_REFUSALS = frozenset(
    {"INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS", "INVALID_STATE",
     "PERMISSION_DENIED", "UNAUTHENTICATED", "BAD_REQUEST", "ENDPOINT_NOT_FOUND"}
)  # fmt: skip
_CALM = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


def calm_mlflow() -> None:
    """Make MLflow quiet and quick to give up, where the user has not said otherwise. Call it before importing mlflow.

    No telemetry, no progress bars, no schema log lines in the terminal; an HTTP call gives up in under a minute instead
    of many, since the shipper itself repeats.
    """
    for name, value in _CALM.items():
        os.environ.setdefault(name, value)
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)


class MlflowTracker:
    """A Tracker on an MLflow store: `sqlite:////absolute/file.db` or the address of a server.

    `artifact_root` is the folder for artifacts of experiments that this tracker creates; None leaves it to the server,
    or means `artifacts/` beside an SQLite file (MLflow itself would use the working folder).
    Nothing is opened before the first call, which imports MLflow and takes seconds: call it off the training's path.
    """

    def __init__(self, uri: str, artifact_root: Path | None) -> None:
        self.uri = uri
        self._database = Path(uri.removeprefix(_SQLITE)) if uri.startswith(_SQLITE) else None
        beside = self._database.parent / "artifacts" if self._database else None
        self._artifact_root = artifact_root or beside

    def open_experiment(self, plan: RunPlan, note: str) -> ParentRun:
        """Find or make the MLflow experiment and its parent run; the database schema is made under a lock."""
        with self._answers(), self._schema_lock():
            experiment_id = self._experiment(plan.experiment)
            where = f"tags.`rcflab.experiment` = '{plan.experiment}' and tags.`rcflab.role` = 'parent'"
            found = self._search([experiment_id], where)
            tags = {"mlflow.note.content": note, "rcflab.task": plan.task, "rcflab.baseline": plan.baseline}
            if found:
                self._set_tags(found[0].info.run_id, tags)
                return ParentRun(found[0].info.run_id, experiment_id, found[0].info.status)
            self._client.set_experiment_tag(experiment_id, "mlflow.note.content", note)
            # Without it the page guesses what kind of experiment this is, and opens on traces instead of runs.
            self._client.set_experiment_tag(experiment_id, "mlflow.experimentKind", "custom_model_development")
            tags |= {"rcflab.experiment": plan.experiment, "rcflab.role": "parent"}
            run = self._client.create_run(experiment_id, tags=tags, run_name=plan.experiment)
            return ParentRun(run.info.run_id, experiment_id, run.info.status)

    def find_cells(self, eval_key: str) -> Sequence[CellRun]:
        """Every run of `eval_key` in every experiment of the store, oldest first."""
        with self._answers():
            where = f"tags.`rcflab.eval_key` = '{eval_key}' and tags.`rcflab.role` = 'cell'"
            return tuple(_cell_run(run) for run in self._search(self._all_experiments(), where))

    def create_cell(self, parent: ParentRun, plan: RunPlan, cell: Cell, generation: int, started_ms: int) -> CellRun:
        """Make the run of a cell below its parent."""
        tags = {
            "mlflow.parentRunId": parent.run_id,
            "rcflab.role": "cell",
            "rcflab.experiment": plan.experiment,
            "rcflab.arm": cell.arm,
            "rcflab.seed": str(cell.seed),
            "rcflab.train_key": cell.train_key,
            "rcflab.eval_key": cell.eval_key,
            "rcflab.generation": str(generation),
        }
        name = f"{cell.arm} seed {cell.seed}"
        with self._answers():
            return _cell_run(self._client.create_run(parent.experiment_id, started_ms, tags, name))

    def describe(self, run_id: str, params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        """Add missing params and set tags; too long values are cut, since MLflow would refuse them."""
        from mlflow.entities import Param

        with self._answers():
            known = self._client.get_run(run_id).data.params if params else {}
            missing = [Param(key, value[:_MAX_PARAM]) for key, value in params.items() if key not in known]
            self._client.log_batch(run_id, params=missing)
            self._set_tags(run_id, tags)

    def log_rows(self, run_id: str, rows: Sequence[Row]) -> None:
        """Store rows in batches. MLflow would keep infinity as 1.8e308: what is not finite is left out."""
        from mlflow.entities import Metric

        metrics = [Metric(row.key, row.value, row.ts_ms, row.step) for row in rows if math.isfinite(row.value)]
        with self._answers():
            for start in range(0, len(metrics), _ROWS_PER_REQUEST):
                self._client.log_batch(run_id, metrics=metrics[start : start + _ROWS_PER_REQUEST])

    def write_text(self, run_id: str, name: str, text: str) -> None:
        """Store `text` as an artifact, replacing an earlier one of that name."""
        with self._answers():
            self._client.log_text(run_id, text, name)

    def upload(self, run_id: str, file: Path, folder: str) -> None:
        """Store a copy of `file`, replacing an earlier one of that name."""
        with self._answers():
            self._client.log_artifact(run_id, str(file), folder or None)

    def set_status(self, run_id: str, status: RunStatus, ended_ms: int | None) -> None:
        """Set the status of a run, also from an ended one back to RUNNING."""
        with self._answers():
            if status == "RUNNING":
                self._client.update_run(run_id, status=status)
            else:
                self._client.set_terminated(run_id, status=status, end_time=ended_ms)

    @cached_property
    def _client(self) -> "MlflowClient":
        calm_mlflow()
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)

    def _schema_lock(self) -> AbstractContextManager[object]:
        """One process at a time: several may meet on an empty database, or before the parent run is there."""
        if self._database is None:
            return nullcontext()
        self._database.parent.mkdir(parents=True, exist_ok=True)
        return file_lock(self._database.with_name(f"{self._database.name}.lock"), _SCHEMA_TIMEOUT_S)

    @contextmanager
    def _answers(self) -> Generator[None]:
        """Sort what the client raises into 'does not answer' and 'refuses'."""
        calm_mlflow()
        from mlflow.exceptions import MlflowException

        try:
            yield
        except MlflowException as error:
            text = f"MLflow at {self.uri}: {str(error).splitlines()[0][:500]}"
            if error.error_code in _REFUSALS:
                raise TrackingRefusedError(text) from error
            raise ServiceDownError(text) from error
        except OSError as error:
            raise ServiceDownError(f"MLflow at {self.uri}: {error}") from error

    def _experiment(self, name: str) -> str:
        """Id of the MLflow experiment, made if missing, restored if someone deleted it."""
        found = self._client.get_experiment_by_name(name)
        if found is None:
            return self._create_experiment(name)
        if found.lifecycle_stage == "deleted":
            self._client.restore_experiment(found.experiment_id)
        return found.experiment_id

    def _create_experiment(self, name: str) -> str:
        from mlflow.exceptions import MlflowException

        location = (self._artifact_root / name).absolute().as_uri() if self._artifact_root else None
        try:
            return self._client.create_experiment(name, location)
        except MlflowException:
            # On a server nothing but its answer tells that another process was quicker.
            found = self._client.get_experiment_by_name(name)
            if found is None:
                raise
            return found.experiment_id

    def _all_experiments(self) -> list[str]:
        ids: list[str] = []
        token: str | None = None
        while True:
            page = self._client.search_experiments(max_results=_PAGE, page_token=token)
            ids += [experiment.experiment_id for experiment in page]
            token = page.token
            if not token:
                return ids

    def _search(self, experiments: Sequence[str], where: str) -> "list[Run]":
        """All runs that fit, oldest first; pages are followed, since MLflow cuts silently at a thousand."""
        runs: list[Run] = []
        token: str | None = None
        while True:
            page = self._client.search_runs(experiments, where, max_results=_PAGE, page_token=token)
            runs += page
            token = page.token
            if not token:
                return sorted(runs, key=lambda run: (run.info.start_time, run.info.run_id))

    def _set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag

        self._client.log_batch(run_id, tags=[RunTag(key, value[:_MAX_TAG]) for key, value in tags.items()])


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
