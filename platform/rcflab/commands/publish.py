"""What `run` and `sync` do with a table once it is there: its arms and files go to the tracking store.

AblationTable + files of the experiment's folder --Publisher--> MLflow, or one line that says why not
"""

from pathlib import Path
from typing import TYPE_CHECKING

from rcflab.session import Session
from rcflab.track.mlflow_tracker import MlflowTracker
from rcflab.track.publisher import Publisher
from rcflab.track.tracker import NullTracker, Tracker

if TYPE_CHECKING:
    from rcflab.ablation import AblationTable


def publish_table(session: Session, table: "AblationTable | None", patience_s: float) -> str | None:
    """Send what the store lacks, without a table the files alone; returns why it could not, or None.

    A store that has all is not opened.
    """
    from rcflab.track.aggregates import aggregates  # statistics take a second to load

    if session.tracking_uri is None:
        return None
    arms = None if table is None else aggregates(table)
    publisher = Publisher(session.storage, session.experiment_folder, session.plan, open_tracker(session))
    if publisher.is_published(arms) and not store_is_gone(session.tracking_uri):
        return None
    return publisher.publish(arms, patience_s)


def open_tracker(session: Session) -> Tracker:
    """The session's tracking store; nothing is opened yet."""
    uri = session.tracking_uri
    # Artifacts go beside the database of the default store; a store of its own decides for itself.
    artifacts = session.storage / "artifacts" if session.spec.tracking.uri == "auto" else None
    return NullTracker() if uri is None else MlflowTracker(uri, artifacts)


def store_is_gone(uri: str) -> bool:
    """Whether a database file is not there (any more): then nobody's notes about it hold."""
    return uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).exists()
