"""The MLflow server of cluster/mlflow as it is shipped: Debian's PostgreSQL, moto's S3, a login, all on loopback.

PostgreSQL (scram passwords) <-- prepare.sh      moto_server (bucket `artifacts`) <-- serve.sh --> mlflow server

Started once for all tests of a process. All of it lies in one folder below the temporary one and is gone at the end.
"""

import base64
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = ROOT / "cluster" / "mlflow"
BUCKET = "artifacts"
_START_S = 180.0
_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def end(process: "subprocess.Popen[bytes]", number: signal.Signals = signal.SIGKILL) -> None:
    """With all that it started."""
    with suppress(psutil.NoSuchProcess):
        children = psutil.Process(process.pid).children(recursive=True)
        for each in (psutil.Process(process.pid), *children):
            with suppress(psutil.NoSuchProcess):
                each.send_signal(number)
        psutil.wait_procs(children, timeout=20)
    process.wait(60)


def wait_for(what: str, happened: Callable[[], bool], log: Path, process: "subprocess.Popen[bytes]") -> None:
    limit = time.monotonic() + _START_S
    while not happened():
        if process.poll() is not None or time.monotonic() > limit:
            pytest.fail(f"no {what}:\n{log.read_text(errors='replace')[-6000:]}")
        time.sleep(0.1)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Postgres:
    """A cluster of databases of its own; PostgreSQL refuses to run as root, so then as another user."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.bin = folder / "postgres", free_port(), _BINARIES[-1]
        self._log = folder / "postgres.log"
        self._user = _unprivileged()
        self.folder.mkdir()
        password = folder / "superuser"
        password.write_text(secrets.token_hex(16))
        self.superuser = {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": "postgres"}
        self.superuser["PGPASSWORD"] = password.read_text()
        if self._user:
            for path in (folder, self.folder, password):
                shutil.chown(path, self._user)
        command = [str(self.bin / "initdb"), "-D", str(self.folder), "-U", "postgres", "--pwfile", str(password)]
        more = ["--auth", "scram-sha-256", "--no-sync", "--encoding", "UTF8", "--locale", "C"]
        subprocess.run([*command, *more], check=True, capture_output=True, cwd=folder, **self._as_user())
        self.start()

    def _as_user(self) -> dict[str, Any]:
        return {"user": self._user, "group": pwd.getpwnam(self._user).pw_gid, "extra_groups": []} if self._user else {}

    def start(self) -> None:
        command = [str(self.bin / "postgres"), "-D", str(self.folder), "-p", str(self.port), "-c", "fsync=off"]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "log_statement=all"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self.folder, start_new_session=True, **self._as_user()
            )
        ask = [str(self.bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        wait_for("PostgreSQL", lambda: subprocess.run(ask, check=False).returncode == 0, self._log, self._process)

    def stop(self) -> None:
        """At once, without waiting for clients: what was committed is recovered at the next start."""
        end(self._process, signal.SIGQUIT)

    def tool(self, name: str, *arguments: str, **more: str) -> str:
        """What a program of PostgreSQL prints, run as the superuser."""
        environment = {**os.environ, **self.superuser, **more}
        done = subprocess.run([str(self.bin / name), *arguments], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout


def _unprivileged() -> str:
    """Who runs PostgreSQL where we are root; nobody else's files are touched."""
    if os.geteuid() != 0:
        return ""
    known = {each.pw_name for each in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in known)


class Bucket:
    """moto's server, with one bucket. Nothing of it is kept when it ends, as with a lost disk."""

    def __init__(self, folder: Path) -> None:
        self.port, self._log = free_port(), folder / "s3.log"
        self.address = f"http://127.0.0.1:{self.port}"
        self.start()
        self.client.create_bucket(Bucket=BUCKET)

    def start(self) -> None:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        wait_for("S3", lambda: listens(self.port), self._log, self._process)

    def stop(self) -> None:
        end(self._process)

    @property
    def client(self) -> Any:
        import boto3

        keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "us-east-1"}
        return boto3.client("s3", endpoint_url=self.address, **keys)

    def objects(self) -> dict[str, bytes]:
        """All there is."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        names = [each["Key"] for page in pages for each in page.get("Contents", [])]
        return {name: self.client.get_object(Bucket=BUCKET, Key=name)["Body"].read() for name in names}


@dataclass
class Answer:
    """Of an HTTP server."""

    status: int
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Tracking:
    """The server with all that it stands on; each part can be stopped and started again."""

    folder: Path
    postgres: Postgres
    bucket: Bucket
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self.address = f"http://127.0.0.1:{self.port}"
        self.log, self.secrets = self.folder / "mlflow.log", self.folder / "secrets"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "AWS_", "PG"))},
            "RCFLAB_MLFLOW_SECRETS": str(self.secrets),
            "RCFLAB_MLFLOW_ARTIFACTS": f"s3://{BUCKET}/runs",
            "RCFLAB_MLFLOW_PYTHON": sys.executable,
            "RCFLAB_MLFLOW_PORT": str(self.port),
            "RCFLAB_MLFLOW_WORKERS": "2",
            "RCFLAB_MLFLOW_ALLOWED_HOSTS": f"127.0.0.1:{self.port},localhost:{self.port},proxied.example",
            "MLFLOW_S3_ENDPOINT_URL": self.bucket.address,
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.postgres.port),
            "HOME": str(self.folder),
        }

    def prepare(self) -> "subprocess.CompletedProcess[str]":
        """Run prepare.sh."""
        path = f"{self.postgres.bin}{os.pathsep}{os.environ['PATH']}"
        environment = {**self.environment, **self.postgres.superuser, "PATH": path}
        return subprocess.run([str(SHIPPED / "prepare.sh")], env=environment, capture_output=True, text=True)

    def start(self) -> None:
        with self.log.open("ab") as log:
            command = [str(SHIPPED / "serve.sh")]
            self.process = subprocess.Popen(
                command, env=self.environment, cwd=self.folder, stdout=log, stderr=log, start_new_session=True
            )
        wait_for("MLflow", self._is_healthy, self.log, self.process)

    def _is_healthy(self) -> bool:
        with suppress(OSError):
            return self.ask("/health").status == 200
        return False

    def stop(self, number: signal.Signals = signal.SIGKILL) -> None:
        end(self.process, number)

    @property
    def admin(self) -> tuple[str, str]:
        return "admin", (self.secrets / "admin_password").read_text()

    def ask(
        self,
        path: str,
        user: tuple[str, str] | None = None,
        body: Any = None,
        method: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer to one request; `body` goes as JSON, bytes as they are."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} if data is not None else {}
        if user is not None:
            sent["Authorization"] = f"Basic {base64.b64encode(':'.join(user).encode()).decode()}"
        request = Request(f"{self.address}{path}", data, {**sent, **(headers or {})}, method=method)
        try:
            with urlopen(request, timeout=60) as answer:
                return Answer(answer.status, answer.read().decode(errors="replace"))
        except HTTPError as error:
            return Answer(error.code, error.read().decode(errors="replace"))

    def add_user(self, name: str, password: str = "") -> tuple[str, str]:
        """A new user, as an admin makes him."""
        user = (name, password or secrets.token_hex(16))
        body = {"username": user[0], "password": user[1]}
        made = self.ask("/api/2.0/mlflow/users/create", self.admin, body)
        assert made.status == 200, made
        return user


@pytest.fixture(scope="module")
def laboratory(tracking: Tracking) -> Generator[Callable[[str], Any]]:
    """Laboratories of tests/faults, whose Ray keeps its files in a folder that is gone at the end."""
    path = ROOT / "tests" / "faults" / "conftest.py"
    spec = importlib.util.spec_from_file_location("faults_laboratory", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    opened: list[Any] = []

    def open_laboratory(experiment: str) -> Any:
        opened.append(module.Laboratory(Path(tempfile.mkdtemp(dir=tracking.folder)), experiment))
        return opened[-1]

    yield open_laboratory
    for each in opened:
        each.end_leftovers()


@pytest.fixture(scope="session")
def tracking() -> Generator[Tracking]:
    """Skips where there is no PostgreSQL."""
    if not _BINARIES:
        pytest.skip("no PostgreSQL below /usr/lib/postgresql (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="rcflab-mlflow-"))
    with ExitStack() as started:
        started.callback(shutil.rmtree, folder, ignore_errors=True)
        postgres = Postgres(folder)
        started.callback(postgres.stop)
        bucket = Bucket(folder)
        started.callback(bucket.stop)
        server = Tracking(folder, postgres, bucket)
        prepared = server.prepare()
        assert prepared.returncode == 0, prepared.stderr
        server.start()
        started.callback(server.stop)
        yield server
