#!/usr/bin/env python3
"""Users of the MLflow server and what they may see; run by an admin, with nothing but Python.

    add ana --password made here--> ana.credentials, mode 0600: what ana keeps as ~/.mlflow/credentials
    grant ana quickstart READ       besides her own experiments she sees, EDITs or MANAGEs this one
    password ana                    a new one, in the same file; the old one ends at once
    revoke ana quickstart | remove ana | list

The address is MLFLOW_TRACKING_URI, the admin is MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or who stands in
~/.mlflow/credentials. No password is an argument or printed: other users could read it.
"""

import argparse
import base64
import configparser
import json
import os
import secrets
import sys
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

_TIMEOUT_S = 30.0
_SECTION = "mlflow"
_NAMES = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")


class Server:
    """MLflow as an admin sees it. Every fault ends the program with one line."""

    def __init__(self) -> None:
        self._address = os.environ.get("MLFLOW_TRACKING_URI", "").rstrip("/") or _end("MLFLOW_TRACKING_URI is not set")
        file = configparser.ConfigParser()
        file.read(Path.home() / ".mlflow" / "credentials")
        known = [os.environ.get(name) or file.get(_SECTION, name.lower(), fallback="") for name in _NAMES]
        self.user, self.password = known if all(known) else _end(f"no login: set {' and '.join(_NAMES)}")

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None, version: str = "2.0") -> Any:
        """The JSON that the server answers with."""
        address = f"{self._address}/api/{version}/mlflow/{path}"
        token = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
        if method == "GET" and body:
            address, body = f"{address}?{urlencode(body)}", None
        data = None if body is None else json.dumps(body).encode()
        try:
            with urlopen(Request(address, data, headers, method=method), timeout=_TIMEOUT_S) as answer:
                return json.loads(answer.read() or b"{}")
        except HTTPError as error:
            return _end(f"{self._address} answers {error.code}: {error.read(300).decode(errors='replace')}")
        except (URLError, OSError) as error:
            return _end(f"{self._address} does not answer: {getattr(error, 'reason', error)}")

    def experiment(self, name: str) -> str:
        """The id of an experiment."""
        found = self.ask("GET", "experiments/get-by-name", {"experiment_name": name})
        return str(found["experiment"]["experiment_id"])


def add(server: Server, name: str) -> str:
    """Make a user."""
    password = secrets.token_hex(24)
    server.ask("POST", "users/create", {"username": name, "password": password})
    return _written(name, password)


def new_password(server: Server, name: str) -> str:
    """Give a user another password."""
    body = {"username": name, "password": secrets.token_hex(24)}
    own = {"current_password": server.password} if name == server.user else {}
    server.ask("PATCH", "users/update-password", body | own)
    return _written(name, body["password"])


def remove(server: Server, name: str) -> str:
    """Take a user away. What he made stays, and only admins see it."""
    server.ask("DELETE", "users/delete", {"username": name})
    return f"{name} is gone"


def grant(server: Server, name: str, experiment: str, permission: str) -> str:
    """Let a user see (READ), write (EDIT) or share and delete (MANAGE) an experiment."""
    body = {"username": name, "resource_type": "experiment", "resource_id": server.experiment(experiment)}
    server.ask("POST", "users/permissions/grant", body | {"permission": permission}, "3.0")
    return f"{name} may {permission} {experiment}"


def revoke(server: Server, name: str, experiment: str) -> str:
    """The opposite of grant."""
    body = {"username": name, "resource_type": "experiment", "resource_id": server.experiment(experiment)}
    server.ask("POST", "users/permissions/revoke", body, "3.0")
    return f"{name} may not see {experiment}"


def listed(server: Server) -> str:
    """All users."""
    users = server.ask("GET", "users/list")["users"]
    return "\n".join(f"{each['username']}{'  admin' if each['is_admin'] else ''}" for each in users)


def _written(name: str, password: str) -> str:
    path = Path(f"{name}.credentials")
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"[{_SECTION}]\nmlflow_tracking_username = {name}\nmlflow_tracking_password = {password}\n")
    return f"{path}: what {name} keeps as ~/.mlflow/credentials, mode 600"


def _end(why: str) -> Any:
    sys.exit(f"users.py: {why}")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for title, call, more in (
        ("add", add, ("name",)),
        ("password", new_password, ("name",)),
        ("remove", remove, ("name",)),
        ("grant", grant, ("name", "experiment", "permission")),
        ("revoke", revoke, ("name", "experiment")),
        ("list", listed, ()),
    ):
        command = commands.add_parser(title, help=(call.__doc__ or "").splitlines()[0])
        command.set_defaults(call=call)
        for argument in more:
            choices = ("READ", "EDIT", "MANAGE") if argument == "permission" else None
            command.add_argument(argument, choices=choices)
    arguments = vars(parser.parse_args())
    sys.stdout.write(f"{arguments.pop('call')(Server(), **arguments)}\n")


if __name__ == "__main__":
    main()
