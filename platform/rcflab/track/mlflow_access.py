"""Whether a tracking server lets us in, asked before hours are spent on it.

address --one question, one tag--> login, permission or name refused --> TrackingAccessError: nothing starts
                                   no answer in time                 --> one line: the run goes on, events wait
                                   all well, or no server            --> None
"""

import threading

from rcflab.errors import RcfError
from rcflab.track.mlflow_client import MlflowStore
from rcflab.track.tracker import TrackingAccessError

PATIENCE_S = 30.0
_TAG = "rcflab.experiment"


def refuse_closed_store(uri: str, experiment: str, patience_s: float = PATIENCE_S) -> str | None:
    """Ask the server at `uri` for the MLflow experiment, and write a tag to it where it is there.

    Returns why there was no answer within `patience_s` seconds, None where there was one, or where `uri` is no server.
    Raises TrackingAccessError for a login, a permission or a name that the server refuses.
    """
    if not uri.startswith(("http://", "https://")):
        return None
    found: list[RcfError] = []
    thread = threading.Thread(target=_ask, args=(uri, experiment, found), name="rcflab-tracking-access", daemon=True)
    thread.start()
    thread.join(patience_s)
    if thread.is_alive():
        return f"MLflow at {uri} does not answer within {patience_s:.0f} s"
    for fault in found:
        if isinstance(fault, TrackingAccessError):
            raise fault
    return str(found[0]) if found else None


def _ask(uri: str, experiment: str, found: list[RcfError]) -> None:
    store = MlflowStore(uri)
    try:
        with store.answers():
            known = store.client.get_experiment_by_name(experiment)
            if known is not None and known.lifecycle_stage == "active":
                # Who may read may not always write; the tag says what the name says.
                store.client.set_experiment_tag(known.experiment_id, _TAG, experiment)
    except RcfError as error:
        found.append(error)
