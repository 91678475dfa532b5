"""One MLflow store by its client alone: no active run, no process-wide address.

MlflowStore(uri) --client--> pages followed to their end --> lists
                 --answers()--> what the client raises, sorted into 'does not answer' and 'refuses'
"""

import logging
import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from rcflab.errors import ServiceDownError
from rcflab.track.tracker import TrackingRefusedError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

PAGE = 1000
"""Runs of a page: MLflow cuts there silently."""
_REFUSALS = frozenset(
    {"INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS", "INVALID_STATE",
     "PERMISSION_DENIED", "UNAUTHENTICATED", "BAD_REQUEST", "ENDPOINT_NOT_FOUND"}
)  # fmt: skip
CALM = {
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
    for name, value in CALM.items():
        os.environ.setdefault(name, value)
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)


class MlflowStore:
    """The store at `sqlite:////absolute/file.db` or at a server's address; opened at the first call, which takes
    seconds, since it imports MLflow: call it off the training's path.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri

    @cached_property
    def client(self) -> "MlflowClient":
        """MLflow's own client."""
        calm_mlflow()
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)

    @contextmanager
    def answers(self) -> Generator[None]:
        """Sort what the block raises: ServiceDownError (try again) or TrackingRefusedError (that will not help)."""
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

    def experiments(self) -> list[str]:
        """Ids of all experiments."""
        ids: list[str] = []
        token: str | None = None
        while True:
            page = self.client.search_experiments(max_results=PAGE, page_token=token)
            ids += [experiment.experiment_id for experiment in page]
            token = page.token
            if not token:
                return ids

    def search(self, experiments: Sequence[str], where: str = "") -> "list[Run]":
        """All runs that fit, oldest first."""
        runs: list[Run] = []
        token: str | None = None
        while True:
            page = self.client.search_runs(experiments, where, max_results=PAGE, page_token=token)
            runs += page
            token = page.token
            if not token:
                return sorted(runs, key=lambda run: (run.info.start_time, run.info.run_id))

    def cells(self, eval_key: str) -> "list[Run]":
        """Every run of `eval_key` in every experiment, oldest first."""
        where = f"tags.`rcflab.eval_key` = '{eval_key}' and tags.`rcflab.role` = 'cell'"
        return self.search(self.experiments(), where)
