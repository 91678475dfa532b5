"""A cell's run in MLflow by its number: which checkpoint it stands for, and files that are added to it later.

run --tag rcflab.checkpoint--> folder below a storage root      file --> artifact of the run
"""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from rcflab.errors import InputError, Problem
from rcflab.track.mlflow_client import MlflowStore
from rcflab.track.mlflow_tracker import MlflowTracker
from rcflab.track.tracker import TrackingRefusedError

_TAG = "rcflab.checkpoint"


def checkpoint_of_run(uri: str, run_id: str) -> tuple[str, Path]:
    """Name of the run, and the folder of its newest checkpoint.

    Raises InputError for a run without one, ServiceDownError where the store does not answer.
    """
    store = MlflowStore(uri)
    try:
        with store.answers():
            run = store.client.get_run(run_id)
    except TrackingRefusedError as error:
        raise InputError([Problem("--run", run_id, str(error), "a run of this store")]) from error
    address = run.data.tags.get(_TAG, "")
    parts = urlsplit(address)
    if parts.scheme != "file":
        got = address or "no checkpoint"
        raise InputError(
            [Problem("--run", run_id, got, "the run of a cell whose checkpoint is on a disk of this machine")]
        )
    return run.info.run_name or run_id, Path(unquote(parts.path))


def add_to_run(uri: str, run_id: str, files: list[Path], folder: str) -> None:
    """Files as artifacts of the run, in `folder`. Raises ServiceDownError."""
    tracker = MlflowTracker(uri, None)
    for file in files:
        tracker.upload(run_id, file, folder)
