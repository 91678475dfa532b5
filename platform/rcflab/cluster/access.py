"""Whether a cluster's job server may be used: it answers, wants a token, and takes ours.

    address --GET /api/jobs/ without token--> 401   as it should be         200   open to all: refused
            --the same with token-----------> 200   ours is right           403   ours is wrong

Whoever reaches an open job server runs what he likes on every machine of the cluster (CVE-2023-48022), so nothing of
ours is sent to one. The token is looked up as Ray does; it is in no file of an experiment and in no message of ours.
"""

import os
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from rcflab.errors import InputError, Problem, ServiceDownError

_TIMEOUT_S = 10.0
_OPTION = "--address"


def find_token(environment: Mapping[str, str] = os.environ) -> str | None:
    """RAY_AUTH_TOKEN, the file of RAY_AUTH_TOKEN_PATH, or ~/.ray/auth_token; None where there is none.

    Raises InputError for a file that is named and cannot be read.
    """
    if token := environment.get("RAY_AUTH_TOKEN", "").strip():
        return token
    named = environment.get("RAY_AUTH_TOKEN_PATH")
    path = Path(named) if named else Path.home() / ".ray" / "auth_token"
    try:
        return path.read_text().strip() or None
    except OSError as error:
        if not named:
            return None
        raise InputError(
            [Problem("RAY_AUTH_TOKEN_PATH", "", f"{named}: {error.strerror}", "a file to read")]
        ) from error


def job_server(address: str) -> str:
    """The address of a job server without slash at the end. Raises InputError for what is none."""
    parts = urlsplit(address)
    problem: str | None = None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        problem = repr(address)
    elif parts.username or parts.password:
        problem = "an address with a name or password in it"
    if problem is not None:
        wanted = "the address of Ray's dashboard, say http://127.0.0.1:8265"
        raise InputError([Problem(_OPTION, "", problem, wanted)])
    return address.rstrip("/")


def authorization(token: str | None) -> dict[str, str]:
    """The header that shows the token."""
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def check_access(server: str, token: str | None) -> None:
    """Raises InputError for a cluster that is open or refuses `token`, ServiceDownError where none answers."""
    answer = _status(server, None)
    if answer == HTTPStatus.OK:
        wanted = "a cluster that asks for one: start it with RAY_AUTH_MODE=token"
        raise _refused(f"{server} answers without a token: whoever reaches it can run anything on it", wanted)
    if answer not in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise _refused(f"{server} answers {answer} to a list of jobs", "a job server of Ray")
    if token is None:
        wanted = "it in RAY_AUTH_TOKEN, in the file of RAY_AUTH_TOKEN_PATH or in ~/.ray/auth_token"
        raise _refused(f"{server} asks for a token, and there is none", wanted)
    if (answer := _status(server, token)) != HTTPStatus.OK:
        raise _refused(f"{server} refuses our token ({answer})", "the token of this cluster")


def _refused(got: str, wanted: str) -> InputError:
    return InputError([Problem(_OPTION, "", got, wanted)])


class _NoRedirect(HTTPRedirectHandler):
    """A redirection could carry the token to another machine."""

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:
        """Followed nowhere: it is an answer like any other."""
        return None


def _status(server: str, token: str | None) -> int:
    """What a list of jobs is answered with."""
    request = Request(f"{server}/api/jobs/", headers=authorization(token))
    try:
        with build_opener(_NoRedirect).open(request, timeout=_TIMEOUT_S) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise ServiceDownError(f"Ray at {server} does not answer: {reason}. Check --address and the tunnel") from error
