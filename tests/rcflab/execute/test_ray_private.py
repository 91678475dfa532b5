"""A Ray of our own is closed to everybody else on the machine."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rcflab.execute.ray_private import kept_private

STRANGER = """
import os, ray
try:
    print("let in", ray._raylet.GcsClient(address=os.environ["ADDRESS"]).internal_kv_keys(b"", None))
except Exception as error:
    print("refused", type(error).__name__)
"""
STARTED = """
import json, os, subprocess, sys
from pathlib import Path
import psutil
from rcflab.execute.batch import Resources
from rcflab.execute.ray_session import ray, ray_started

def listening():
    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    return sorted({c.laddr.ip for p in family for c in p.net_connections("tcp") if c.status == "LISTEN"})

def mode(path):
    return oct(Path(path).stat().st_mode & 0o777)

def stranger():
    address = ray.get_runtime_context().gcs_address
    environment = os.environ | {"RAY_AUTH_TOKEN": "a guess", "ADDRESS": address}
    done = subprocess.run([sys.executable, "-c", sys.argv[1]], env=environment, capture_output=True, text=True)
    return done.stdout + done.stderr

@ray.remote(num_cpus=1)
def work():
    return 7

found = []
for _ in range(2):  # as two runs of a notebook
    with ray_started(Resources(False, 1, 1, 0, None, True, 50)):
        assert ray.get([work.remote()]) == [7]
        folder = Path(os.environ["RAY_AUTH_TOKEN_PATH"]).parent
        modes = [mode(folder), mode(folder / "auth_token")]
        found.append({"folder": str(folder), "modes": modes, "listening": listening(), "stranger": stranger()})
    found[-1]["left"] = folder.exists() or "RAY_AUTH_TOKEN_PATH" in os.environ or "RAY_AUTH_MODE" in os.environ
print("FOUND" + json.dumps(found))
"""


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    home = tmp_path_factory.mktemp("home")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    environment = kept | {"HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", STARTED, STRANGER]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    assert not (home / ".ray").exists(), "Ray made a token of its own"
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("FOUND")]
    return json.loads(line.removeprefix("FOUND"))


def test_it_listens_on_loopback_only(started: list[dict[str, Any]]) -> None:
    for each in started:
        assert each["listening"] and set(each["listening"]) <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}


def test_who_does_not_know_its_token_is_refused(started: list[dict[str, Any]]) -> None:
    assert all("refused AuthenticationError" in each["stranger"] for each in started), started


def test_its_folder_and_its_token_are_for_its_user_only_and_gone_at_the_end(started: list[dict[str, Any]]) -> None:
    assert [each["modes"] for each in started] == [["0o700", "0o600"]] * 2
    assert started[0]["folder"] != started[1]["folder"]
    assert not any(each["left"] for each in started)


def test_who_wants_no_token_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with kept_private():
        assert "RAY_AUTH_TOKEN_PATH" not in os.environ


def test_a_named_folder_keeps_what_ray_writes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    with kept_private() as options:
        Path(options["_temp_dir"]).mkdir()
    (kept,) = tmp_path.iterdir()
    assert (kept / "ray").is_dir() and stat.S_IMODE(kept.stat().st_mode) == 0o700


def test_a_token_that_is_there_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "of the user")
    with kept_private():
        assert "RAY_AUTH_TOKEN_PATH" not in os.environ
    assert os.environ["RAY_AUTH_TOKEN"] == "of the user"
