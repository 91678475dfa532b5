"""Who asks, and for what? `authorization_function` of basic_auth.ini: MLflow calls it before every answer but /health.

    request --name and password--> 401      --in OPEN?--> 403, admins too      --from a foreign page?--> 403
                                            --a new experiment that names a place for its artifacts?--> 403

MLflow 3.17 by itself lets whoever has a login do more than `default_permission = NO_PERMISSIONS` says (README, "What
MLflow does not keep"): read any object of the bucket, write files as the server's user, and from loopback, as through
an SSH tunnel, run commands as that user. No setting turns these off. So nothing is open but what rcflab and the pages
of experiments and runs need.

A password is hashed slowly (scrypt, an eighth of a second of a core), several times for one request: whoever has shown
it once is known by it until the hash in the database is another one.
"""

import hmac
import json
import re
import secrets
from typing import Any
from urllib.parse import urlsplit

from flask import Response, request
from mlflow.exceptions import MlflowException
from mlflow.server.auth import authenticate_request_basic_auth, store
from werkzeug.datastructures import Authorization

OPEN = (
    "experiments", "runs", "metrics", "artifacts/list", "logged-models", "upload-artifact",
    "users", "roles", "server-info", "ui-telemetry",
    "registered-models/search", "model-versions/search", "traces/search",  # the page asks; there are none
)  # fmt: skip
"""Below `/api/N.N/mlflow/` and `/ajax-api/N.N/mlflow/`, with all that is below them."""
CLOSED = ("runs/create-promptlab-run", "users/create-ui")
_API = re.compile(r"/(?:ajax-)?api/\d+\.\d+/(mlflow|mlflow-artifacts)/(.+)")
_PAGE = ("/", "/version", "/graphql", "/get-artifact")
_PAGE_FILES = ("/static-files/", "/build/")
_READS = ("GET", "HEAD", "OPTIONS")
_KEY = secrets.token_bytes(32)
_SHOWN: dict[str, tuple[bytes, str]] = {}
"""Of each user: the password that was right, under a key of this process, and the hash that it was compared with."""


def is_open(path: str) -> bool:
    """Whether a path is one of those that this server offers."""
    found = _API.fullmatch(path)
    if found is None:
        return path in _PAGE or path.startswith(_PAGE_FILES)
    if found[1] == "mlflow-artifacts":
        return True
    return _is_below(found[2], OPEN) and not _is_below(found[2], CLOSED)


def _is_below(path: str, features: tuple[str, ...]) -> bool:
    return any(path == each or path.startswith(f"{each}/") for each in features)


def is_foreign(origin: str | None, host: str) -> bool:
    """Whether a browser sends this for a page of another server. MLflow lets every page of localhost pass, and looks
    at no origin outside of its API."""
    return origin is not None and urlsplit(origin).netloc != host


def chooses_place(body: str) -> bool:
    """Whether a new experiment is to keep its artifacts where its maker says: that could be the folder of another
    experiment, or one on the server's disk. What cannot be read counts as well."""
    value: Any = body
    try:
        while isinstance(value, str):  # MLflow takes JSON within JSON
            value = json.loads(value)
    except ValueError:
        return True
    return not isinstance(value, dict) or not value.keys() <= {"name", "tags"}


def authenticate() -> Authorization | Response:
    """The user of the request at hand, or the answer that he gets instead."""
    user = _logged_in()
    if isinstance(user, Response):
        return user
    if not is_open(request.path):
        return _refusal("This server does not offer that")
    if request.method not in _READS and is_foreign(request.headers.get("Origin"), request.host):
        return _refusal("Cross-origin request blocked")
    if request.path.endswith("/mlflow/experiments/create") and chooses_place(request.get_data(as_text=True)):
        return _refusal("This server chooses where artifacts are kept: name and tags are all that an experiment takes")
    return user


def _logged_in() -> Authorization | Response:
    """As MLflow would have it; the hash is asked for each time, so a change of password or user counts at once."""
    given = request.authorization
    name, password = (given.username, given.password) if given is not None else (None, None)
    if given is None or name is None or password is None:
        return authenticate_request_basic_auth()
    try:
        stored = store.get_user(name).password_hash
    except MlflowException:
        return authenticate_request_basic_auth()
    shown = (hmac.digest(_KEY, password.encode(), "sha256"), stored)
    known = _SHOWN.get(name)
    if known is not None and known[1] == stored and hmac.compare_digest(known[0], shown[0]):
        return given
    user = authenticate_request_basic_auth()
    if not isinstance(user, Response):
        _SHOWN[name] = shown
    return user


def _refusal(why: str) -> Response:
    return Response(why, status=403, mimetype="text/plain")
