"""One MLflow store by its client alone: no active run, no process-wide address.

MlflowStore(uri) --client--> pages followed to their end --> lists
                 --answers()--> what the client raises, as an error that says what to do (refusals)
"""

import logging
import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from rcflab.errors import LabError
from rcflab.track.refusals import Answer, fault_of

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

PAGE = 1000
"""Runs of a page: MLflow cuts there silently."""
CALM = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # there are tables and JSON
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
    def answers(self, *, for_files: bool = False) -> Generator[None]:
        """Sort what the block raises: ServiceDownError (try again), ArtifactsDownError (the same, of files alone) or
        TrackingRefusedError (that will not help).
        """
        calm_mlflow()
        from mlflow.exceptions import MlflowException

        try:
            yield
        except MlflowException as error:
            raise self._fault(error, error.error_code, for_files) from error
        except OSError as error:  # of requests as well
            raise self._fault(error, "", for_files) from error

    def _fault(self, error: Exception, code: str, for_files: bool) -> LabError:
        from mlflow.utils.credentials import read_mlflow_creds

        status = getattr(getattr(error, "response", None), "status_code", None)
        user = "the token of MLFLOW_TRACKING_TOKEN" if os.environ.get("MLFLOW_TRACKING_TOKEN") else None
        known = user or read_mlflow_creds().username
        return fault_of(self.uri, Answer(str(error), code, status, _cause(error), for_files), known)

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


def _cause(error: BaseException) -> str:
    """What the system said at first, below the libraries that repeat it in their own words."""
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    return str(getattr(error, "strerror", None) or error)
