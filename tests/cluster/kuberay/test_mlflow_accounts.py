"""The account of the Ray pods, made on a real MLflow server that asks for a login: with the settings of the manifest,
and a file in the place of PostgreSQL."""

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from types import ModuleType
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from manifests import Document, of_kind

ADMIN, RAY = "a" * 32, "b" * 32
_START_S = 180.0


@dataclass(frozen=True)
class Server:
    """An MLflow server on loopback."""

    address: str

    def status(self, user: str, password: str, host: str | None = None) -> int:
        """Of a question for experiments."""
        headers = {
            "Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}",
            "Content-Type": "application/json",
        }
        headers |= {} if host is None else {"Host": host}
        body = json.dumps({"max_results": 1}).encode()
        try:
            with urlopen(
                Request(f"{self.address}/api/2.0/mlflow/experiments/search", body, headers), timeout=30
            ) as answer:
                return int(answer.status)
        except HTTPError as error:
            return error.code


@pytest.fixture(scope="module")
def server(documents: list[Document], kuberay: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    """The server of services/mlflow.yaml."""
    folder = tmp_path_factory.mktemp("mlflow")
    settings = (kuberay.parent / "mlflow" / "basic_auth.ini").read_text()
    assert "postgresql+psycopg2:///rcflab_mlflow_auth" in settings
    (folder / "basic_auth.ini").write_text(
        settings.replace("postgresql+psycopg2:///rcflab_mlflow_auth", f"sqlite:///{folder}/accounts.db")
    )
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    container = of_kind(documents, "Deployment")[0].content["spec"]["template"]["spec"]["containers"][0]
    changed = {
        "--host": "127.0.0.1",
        "--port": str(port),
        "--workers": "1",
        "--allowed-hosts": f"127.0.0.1:{port}",
        "--backend-store-uri": f"sqlite:///{folder}/runs.db",
        "--artifacts-destination": str(folder / "artifacts"),
    }
    arguments = [
        f"{name}={changed.get(name, value)}" if value else name
        for name, _, value in (argument.partition("=") for argument in container["args"])
    ]
    plain = {each["name"]: each["value"] for each in container["env"] if "value" in each}
    secrets = {"MLFLOW_AUTH_ADMIN_PASSWORD": ADMIN, "MLFLOW_FLASK_SERVER_SECRET_KEY": "c" * 32}
    variables = {**os.environ, **plain, **secrets, "MLFLOW_AUTH_CONFIG_PATH": str(folder / "basic_auth.ini")}
    variables["PYTHONPATH"] = str(kuberay.parent / "mlflow")
    command = [sys.executable, "-m", *container["command"], *arguments]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=variables, stdout=log, stderr=log, cwd=folder, start_new_session=True)
        try:
            _wait(f"http://127.0.0.1:{port}/health", process, folder / "log")
            yield Server(f"http://127.0.0.1:{port}")
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    limit = monotonic() + _START_S
    while True:
        with suppress(OSError), urlopen(address, timeout=5):
            return
        if process.poll() is not None or monotonic() > limit:
            pytest.fail(f"MLflow does not start: {log.read_text()[-2000:]}")
        sleep(0.2)


@pytest.fixture(scope="module")
def accounts(kuberay: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("accounts", kuberay / "services" / "accounts.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_account_is_made_and_its_password_renewed(server: Server, accounts: ModuleType) -> None:
    made = accounts.ensure_user(server.address, ADMIN, "d" * 32)
    renewed = accounts.ensure_user(server.address, ADMIN, RAY)
    assert (made, "password" in renewed) == ("made", True)
    assert (server.status("ray", "d" * 32), server.status("ray", RAY)) == (401, 200)


def test_the_job_says_what_it_did_and_ends_with_0(server: Server, kuberay: Path) -> None:
    variables = {"MLFLOW_TRACKING_URI": server.address, "ADMIN_PASSWORD": ADMIN, "RAY_PASSWORD": RAY}
    command = [sys.executable, str(kuberay / "services" / "accounts.py")]
    done = subprocess.run(command, env=variables, text=True, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout.startswith("user ray"), RAY in done.stdout) == (0, True, False)


def test_a_wrong_admin_password_is_said_and_ends_with_1(server: Server, kuberay: Path) -> None:
    variables = {"MLFLOW_TRACKING_URI": server.address, "ADMIN_PASSWORD": "wrong", "RAY_PASSWORD": RAY}
    command = [sys.executable, str(kuberay / "services" / "accounts.py")]
    done = subprocess.run(command, env=variables, text=True, capture_output=True, timeout=60)
    assert (done.returncode, "answers 401" in done.stderr, RAY in done.stderr) == (1, True, False)


def test_the_account_is_no_admin(server: Server, accounts: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts.ensure_user(server.address, ADMIN, RAY)
    monkeypatch.setattr(accounts, "ADMIN", "ray")
    other = {"username": "x", "password": "e" * 32}
    assert accounts.ask(server.address, "POST", "users/create", other, RAY)[0] == 403


def test_another_host_header_is_refused(server: Server, accounts: ModuleType) -> None:
    accounts.ensure_user(server.address, ADMIN, RAY)
    assert server.status("ray", RAY, host="evil.example:5000") == 403


def test_nobody_gets_in_without_a_login(server: Server) -> None:
    assert server.status("nobody", "x") == 401


def test_what_mlflow_leaves_open_is_shut_for_admins_too(server: Server, accounts: ModuleType) -> None:
    assert accounts.ask(server.address, "POST", "webhooks", {}, ADMIN) == (403, "This server does not offer that")
