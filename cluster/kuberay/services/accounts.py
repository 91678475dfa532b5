"""The account of the Ray pods on the MLflow server: made, or given the password that the Secret has now.

    ADMIN_PASSWORD, RAY_PASSWORD --> users/create --already there--> users/update-password

Run by the job mlflow-accounts (accounts.yaml) with nothing but Python's own library. It waits for a server that has not
started yet, and ends with 1 where the server refuses: then the job is tried again, and its log has the server's words.
"""

import json
import os
import sys
import time
from base64 import b64encode
from http import HTTPStatus
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

ADMIN = "admin"
"""Named in basic_auth.ini too."""
USER = "ray"
"""Named in ray/ray-cluster.yaml too."""
_WAIT_S = 600.0
_POLL_S = 2.0
_TIMEOUT_S = 30.0


def ask(server: str, method: str, path: str, body: dict[str, str], password: str) -> tuple[int, str]:
    """Status and text of an answer to the admin. Raises URLError where nobody answers."""
    headers = {
        "Authorization": f"Basic {b64encode(f'{ADMIN}:{password}'.encode()).decode()}",
        "Content-Type": "application/json",
    }
    request = Request(f"{server}/api/2.0/mlflow/{path}", json.dumps(body).encode(), headers, method=method)
    try:
        with urlopen(request, timeout=_TIMEOUT_S) as answer:
            return int(answer.status), ""
    except HTTPError as error:
        return error.code, error.read(500).decode(errors="replace")


def ensure_user(server: str, admin_password: str, password: str) -> str:
    """Make the account or renew its password; returns what was done. Raises RuntimeError where that is refused."""
    account = {"username": USER, "password": password}
    status, said = ask(server, "POST", "users/create", account, admin_password)
    done = "made"
    if status == HTTPStatus.BAD_REQUEST and "already exists" in said:
        status, said = ask(server, "PATCH", "users/update-password", account, admin_password)
        done = "has the password of the Secret"
    if status != HTTPStatus.OK:
        raise RuntimeError(f"{server} answers {status} about the user {USER}: {said}")
    return done


def main() -> int:
    """0 when the account is there."""
    server = os.environ["MLFLOW_TRACKING_URI"].rstrip("/")
    limit = time.monotonic() + _WAIT_S
    while True:
        try:
            done = ensure_user(server, os.environ["ADMIN_PASSWORD"], os.environ["RAY_PASSWORD"])
        except RuntimeError as error:
            sys.stderr.write(f"error: {error}\n")
            return 1
        except (URLError, TimeoutError) as error:
            if time.monotonic() > limit:
                sys.stderr.write(f"error: {server} does not answer: {getattr(error, 'reason', error)}\n")
                return 1
            time.sleep(_POLL_S)
        else:
            sys.stdout.write(f"user {USER} on {server}: {done}\n")
            return 0


if __name__ == "__main__":
    sys.exit(main())
