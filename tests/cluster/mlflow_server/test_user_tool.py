"""users.py: an admin makes users and lets them see experiments; no password is an argument or printed."""

import configparser
import os
import secrets
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TOOL = Path(__file__).resolve().parents[3] / "cluster" / "mlflow" / "users.py"


@pytest.fixture
def name() -> str:
    return f"ana-{secrets.token_hex(3)}"


@pytest.fixture
def tool(tracking: Any, tmp_path: Path) -> Any:
    """Runs the tool as the admin, in a folder of its own."""

    def run(*arguments: str, login: tuple[str, str] = tracking.admin) -> "subprocess.CompletedProcess[str]":
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(tmp_path), "MLFLOW_TRACKING_URI": tracking.address,
            "MLFLOW_TRACKING_USERNAME": login[0], "MLFLOW_TRACKING_PASSWORD": login[1],
        }  # fmt: skip
        command = [sys.executable, "-I", str(TOOL), *arguments]
        return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)

    return run


def login_in(path: Path) -> tuple[str, str]:
    """What a file of ~/.mlflow/credentials says."""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    file = configparser.ConfigParser()
    file.read(path)
    return file["mlflow"]["mlflow_tracking_username"], file["mlflow"]["mlflow_tracking_password"]


def may_log_in(tracking: Any, login: tuple[str, str]) -> bool:
    return tracking.ask("/api/2.0/mlflow/experiments/search", login, {"max_results": 1}).status == 200


def test_a_new_user_gets_a_file_to_log_in_with_and_no_word_of_it_is_shown(
    tool: Any, tracking: Any, tmp_path: Path, name: str
) -> None:
    done = tool("add", name)
    assert done.returncode == 0, done.stderr
    login = login_in(tmp_path / f"{name}.credentials")
    assert login[0] == name and login[1] not in done.stdout + done.stderr
    assert may_log_in(tracking, login)
    assert name in tool("list").stdout.split()


def test_a_new_password_ends_the_old_one_at_once(tool: Any, tracking: Any, tmp_path: Path, name: str) -> None:
    tool("add", name)
    old = login_in(tmp_path / f"{name}.credentials")
    assert tool("password", name).returncode == 0
    new = login_in(tmp_path / f"{name}.credentials")
    assert (may_log_in(tracking, old), may_log_in(tracking, new)) == (False, True)
    tool("remove", name)
    assert not may_log_in(tracking, new)


def test_a_user_sees_an_experiment_while_it_is_granted(tool: Any, tracking: Any, tmp_path: Path, name: str) -> None:
    tool("add", name)
    login, experiment = login_in(tmp_path / f"{name}.credentials"), f"seen-{secrets.token_hex(3)}"
    tracking.ask("/api/2.0/mlflow/experiments/create", tracking.admin, {"name": experiment})
    path = f"/api/2.0/mlflow/experiments/get-by-name?experiment_name={experiment}"
    seen = [tracking.ask(path, login).status]
    for arguments in (("grant", name, experiment, "READ"), ("revoke", name, experiment)):
        assert tool(*arguments).returncode == 0
        seen.append(tracking.ask(path, login).status)
    assert seen == [403, 200, 403]


def test_faults_are_one_line_without_the_password(tool: Any, name: str) -> None:
    wrong = ("admin", f"canary-{secrets.token_hex(8)}")
    for done in (tool("list", login=wrong), tool("grant", name, "no-such-experiment", "READ"), tool("add", "")):
        assert done.returncode == 1 and len(done.stderr.splitlines()) <= 4 and "Traceback" not in done.stderr
        assert "users.py:" in done.stderr and wrong[1] not in done.stderr


def test_databases_are_kept_when_prepared_again_and_a_new_password_is_taken(tracking: Any) -> None:
    before = tracking.postgres.tool("psql", "-Atc", "SELECT datname FROM pg_database ORDER BY 1", "postgres")
    assert tracking.prepare().returncode == 0
    assert tracking.postgres.tool("psql", "-Atc", "SELECT datname FROM pg_database ORDER BY 1", "postgres") == before
    old = (tracking.secrets / "database_password").read_text()
    for name in ("database_password", "pgpass"):
        (tracking.secrets / name).unlink()
    assert tracking.prepare().returncode == 0
    new = (tracking.secrets / "database_password").read_text()
    assert new != old
    login = {"PGUSER": "rcflab_mlflow", "PGPASSWORD": new}
    assert tracking.postgres.tool("psql", "-Atc", "SELECT 1", "rcflab_mlflow", **login) == "1\n"
    with pytest.raises(AssertionError, match="password authentication failed"):
        tracking.postgres.tool("psql", "-Atc", "SELECT 1", "rcflab_mlflow", **login | {"PGPASSWORD": old})
