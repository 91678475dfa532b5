"""What a tracking server's answer means: where, why, and what to do now, in one line. Pure.

status and words of an answer, or why there was none --fault_of--> TrackingAccessError   login, permission, name
                                                                   TrackingRefusedError  it does not like the request
                                                                   ArtifactsDownError    only files have to wait
                                                                   ServiceDownError      all has to wait
"""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from rcflab.errors import LabError, ServiceDownError
from rcflab.track.tracker import ArtifactsDownError, TrackingAccessError, TrackingRefusedError

_REFUSALS = frozenset(
    {"INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS", "INVALID_STATE",
     "PERMISSION_DENIED", "UNAUTHENTICATED", "BAD_REQUEST", "ENDPOINT_NOT_FOUND"}
)  # fmt: skip
_STATUS = {"UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403}
_ENDPOINT = re.compile(r"/(?:ajax-)?api/\d+\.\d+/(?:mlflow/)?([\w/-]+)")
_MOST = 300
_WHERE = (
    "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or ~/.mlflow/credentials, of the machine that runs this"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from a store."""

    text: str
    """The words of its client."""
    code: str = ""
    """MLflow's name for the fault."""
    status: int | None = None
    """Of HTTP, where it is known."""
    cause: str = ""
    """Why there was no answer, where there was none: the words of the system."""
    for_files: bool = False
    """Whether a file was sent or fetched."""


def fault_of(uri: str, answer: Answer, user: str | None) -> LabError:
    """The error that stands for `answer` of the store at `uri` to `user`, None for nobody."""
    status = answer.status or _STATUS.get(answer.code)
    if status == 401:
        return TrackingAccessError(f"MLflow at {uri} {_not_let_in(user)}")
    if status == 403:
        return TrackingAccessError(f"MLflow at {uri} {_not_allowed(uri, answer, user)}")
    if answer.code in _REFUSALS or (status is not None and 400 <= status < 500):
        return TrackingRefusedError(f"MLflow at {uri}: {_first(answer.text)}")
    if not uri.startswith(("http://", "https://")):
        return ServiceDownError(f"MLflow at {uri}: {_first(answer.text)}")
    return _down(uri, answer, status)


def _not_let_in(user: str | None) -> str:
    if user is None:
        return f"asks for a login (401), and there is none: set {_WHERE}"
    return f"refuses the login of {user} (401): check {_WHERE}"


def _not_allowed(uri: str, answer: Answer, user: str | None) -> str:
    if "host header" in answer.text.lower():
        return (
            f"does not know the name {urlsplit(uri).netloc} (403, invalid Host header): start it with that name among "
            "its --allowed-hosts (RCFLAB_MLFLOW_ALLOWED_HOSTS), or ask by one that is there in tracking.uri"
        )
    found = _ENDPOINT.search(answer.text)
    asked = f", {found[1]}" if found else ""
    return (
        f"gives {user or 'nobody'} no permission (403{asked}): the experiment of this name is another user's. Let him "
        "or an admin grant it (cluster/mlflow/users.py grant), or give the experiment another name"
    )


def _down(uri: str, answer: Answer, status: int | None) -> LabError:
    cause = answer.cause or _first(answer.text)
    answered = status is not None or "error responses" in cause
    if answer.for_files and (answered or "timed out" in cause):
        return ArtifactsDownError(
            f"MLflow at {uri} cannot keep artifacts now ({cause}): its object store is down or the bucket is missing, "
            "and its log says which"
        )
    if answered:
        return ServiceDownError(f"MLflow at {uri} answers with errors ({cause}), and its log says why")
    return ServiceDownError(f"MLflow at {uri} does not answer: {cause}. Check tracking.uri and that it runs")


def _first(text: str) -> str:
    return text.splitlines()[0][:_MOST] if text else "no words"
