"""What starts the server refuses secrets that others can read, open names and images without a digest; unit and compose
file shut in what they start."""

import configparser
import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

SHIPPED = Path(__file__).resolve().parents[3] / "cluster" / "mlflow"
SCRIPTS = sorted(SHIPPED.glob("*.sh"))
DIGEST = f"@sha256:{'a' * 64}"
_MOST_EXPOSED = 2.0
"""Of 10; a unit without any of it has 9.6."""


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """A folder of secrets, without databases."""
    environment = {**os.environ, "RCFLAB_MLFLOW_SECRETS": str(tmp_path / "secrets"), "DATABASES": "no"}
    subprocess.run([str(SHIPPED / "prepare.sh")], env=environment, check=True, capture_output=True)
    return tmp_path / "secrets"


def serve(secrets: Path, **changed: str) -> "subprocess.CompletedProcess[str]":
    """Where it would start a server it starts `true` instead."""
    environment = {"PATH": os.environ["PATH"], "RCFLAB_MLFLOW_SECRETS": str(secrets), "RCFLAB_MLFLOW_PYTHON": "true"}
    environment |= {"RCFLAB_MLFLOW_ARTIFACTS": "s3://bucket", **changed}
    return subprocess.run([str(SHIPPED / "serve.sh")], env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_plain_shell_and_can_be_run(script: Path) -> None:
    assert os.access(script, os.X_OK)
    assert script.read_text().splitlines()[0] == "#!/bin/sh"
    assert subprocess.run(["sh", "-n", str(script)], capture_output=True).returncode == 0


def test_secrets_are_random_and_only_their_owner_reads_them(prepared: Path) -> None:
    assert stat.S_IMODE(prepared.stat().st_mode) == 0o700
    names = {"flask_secret_key", "admin_password", "database_password", "pgpass", "aws_credentials"}
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in prepared.iterdir()} == dict.fromkeys(names, 0o600)
    drawn = [(prepared / name).read_text() for name in ("flask_secret_key", "admin_password", "database_password")]
    assert len(set(drawn)) == 3 and all(re.fullmatch(r"[0-9a-f]{48}", each) for each in drawn)


def test_prepared_again_nothing_changes(prepared: Path) -> None:
    before = {path: path.read_text() for path in prepared.iterdir()}
    environment = {**os.environ, "RCFLAB_MLFLOW_SECRETS": str(prepared), "DATABASES": "no"}
    subprocess.run([str(SHIPPED / "prepare.sh")], env=environment, check=True, capture_output=True)
    assert {path: path.read_text() for path in prepared.iterdir()} == before


def test_a_secret_that_others_can_read_starts_no_server(prepared: Path) -> None:
    assert serve(prepared).returncode == 0
    for mode in (0o640, 0o604):
        (prepared / "pgpass").chmod(mode)
        refused = serve(prepared)
        assert refused.returncode == 2 and "pgpass can be read by others; chmod 600 it" in refused.stderr


@pytest.mark.parametrize("name", ["flask_secret_key", "pgpass", "aws_credentials"])
def test_a_missing_secret_starts_no_server(prepared: Path, name: str) -> None:
    (prepared / name).unlink()
    refused = serve(prepared)
    assert refused.returncode == 2 and name in refused.stderr and "prepare.sh" in refused.stderr


def test_after_the_first_start_the_admins_password_may_go(prepared: Path) -> None:
    (prepared / "admin_password").unlink()
    assert serve(prepared).returncode == 0


@pytest.mark.parametrize("hosts", ["*", "tracking.example,*", "*.example:5000"])
def test_names_that_are_patterns_start_no_server(prepared: Path, hosts: str) -> None:
    refused = serve(prepared, RCFLAB_MLFLOW_ALLOWED_HOSTS=hosts)
    assert refused.returncode == 2 and "list the names" in refused.stderr


def test_nobody_may_see_anything_by_default_and_no_password_is_in_the_file() -> None:
    file = configparser.ConfigParser()
    file.read(SHIPPED / "basic_auth.ini")
    assert file["mlflow"]["default_permission"] == "NO_PERMISSIONS"
    assert file["mlflow"]["database_uri"] == "postgresql+psycopg2:///rcflab_mlflow_auth"
    assert "admin_password" not in file["mlflow"]


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, with what it starts where it is here."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze (Debian: apt-get install systemd)")
    text = (SHIPPED / "rcflab-mlflow.service").read_text()
    (tmp_path / "rcflab-mlflow.service").write_text(text.replace("/opt/rcflab-mlflow/serve.sh", f"{SHIPPED}/serve.sh"))
    return tmp_path / "rcflab-mlflow.service"


def test_systemd_understands_the_unit(unit: Path) -> None:
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True)
    assert [line for line in done.stderr.splitlines() if unit.name in line] == []
    unit.write_text(unit.read_text().replace("NoNewPrivileges=yes", "NoNewPrivileges=perhaps"))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True)
    assert "Failed to parse boolean value, ignoring: perhaps" in done.stderr


def test_systemd_finds_little_that_the_unit_leaves_open(unit: Path) -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)]
    said = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}).stdout
    found = re.search(r"exposure level for .*: ([\d.]+)", said)
    assert found is not None and float(found[1]) <= _MOST_EXPOSED, said


def compose() -> dict[str, Any]:
    return YAML(typ="safe").load((SHIPPED / "compose.yaml").read_text())


def test_every_container_is_locked_in_and_named_by_a_variable() -> None:
    for name, service in compose()["services"].items():
        assert re.fullmatch(r"\$\{RCFLAB_\w+_IMAGE(:\?.+)?\}", service["image"]), name
        assert service["read_only"] is True and service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["user"].startswith("${RCFLAB_MLFLOW_USER"), name
        assert not {"privileged", "network_mode", "pid", "devices", "cap_add"} & service.keys(), name


def test_only_mlflow_is_reached_and_only_from_this_machine() -> None:
    file = compose()
    assert file["networks"]["kept"] == {"internal": True}
    assert {name: each.get("ports") for name, each in file["services"].items()} == {
        "postgres": None, "store": None, "bucket": None, "mlflow": ["127.0.0.1:5000:5000"],
    }  # fmt: skip
    assert {name for name, each in file["services"].items() if each["networks"] != ["kept"]} == {"mlflow"}


def test_secrets_of_containers_are_files_and_all_of_them_are_there() -> None:
    file = compose()
    for name, service in file["services"].items():
        for secret in service.get("secrets", []):
            assert (secret if isinstance(secret, str) else secret["source"]) in file["secrets"], name
        for variable, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|KEY|CREDENTIALS", variable):
                assert str(value).startswith("/run/secrets"), (name, variable)
    assert all(each["file"].startswith("${RCFLAB_MLFLOW_SECRETS") for each in file["secrets"].values())


@pytest.fixture
def somebody() -> Generator[tuple[Path, dict[str, Any]]]:
    """A copy of the folder that somebody who is not root can read, and how to be him."""
    folder = Path(tempfile.mkdtemp(prefix="rcflab-up-"))
    try:
        shutil.copytree(SHIPPED, folder / "mlflow")
        docker = folder / "docker-client"
        docker.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > "$HOME/asked"\n')
        docker.chmod(0o755)
        folder.chmod(0o755)
        (folder / "home").mkdir()
        user = pwd.getpwnam("nobody")
        as_him = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
        if as_him:
            os.chown(folder / "home", user.pw_uid, user.pw_gid)
        yield folder, as_him
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def up(somebody: tuple[Path, dict[str, Any]], *arguments: str, **images: str) -> "subprocess.CompletedProcess[str]":
    folder, as_him = somebody
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder / "home"), "DOCKER": str(folder / "docker-client")}
    command = [str(folder / "mlflow" / "up.sh"), *arguments]
    return subprocess.run(command, env=environment | images, capture_output=True, text=True, cwd="/", **as_him)


IMAGES = {
    f"RCFLAB_{name}_IMAGE": f"registry.example/{name.lower()}{DIGEST}" for name in ("POSTGRES", "STORE", "MLFLOW")
}


@pytest.mark.parametrize(
    "image", ["", "mlflow", "registry.example/mlflow:3.17", f"mlflow{DIGEST[:-1]}", "mlflow@sha256:x"]
)
def test_an_image_without_a_digest_starts_nothing(somebody: Any, image: str) -> None:
    refused = up(somebody, **IMAGES | {"RCFLAB_MLFLOW_IMAGE": image})
    assert refused.returncode == 2 and "wanted NAME@sha256:DIGEST" in refused.stderr
    assert not (somebody[0] / "home" / "asked").exists()


def test_with_digests_secrets_are_made_and_docker_is_asked(somebody: Any) -> None:
    done = up(somebody, **IMAGES)
    assert done.returncode == 0, done.stderr
    home = somebody[0] / "home"
    assert (home / "asked").read_text().splitlines()[-3:] == ["up", "--detach", "--wait"]
    secrets = home / ".config" / "rcflab-mlflow"
    modes = {stat.S_IMODE(path.stat().st_mode) for path in secrets.rglob("*") if path.is_file()}
    assert modes == {0o600}
    wanted = {Path(each["file"].partition("}")[2]).name for each in compose()["secrets"].values()}
    assert wanted <= {path.name for path in secrets.rglob("*")}
    keys = YAML(typ="safe").load((secrets / "compose" / "store_keys").read_text())["identities"][0]["credentials"][0]
    assert keys["secretKey"] and keys["secretKey"] in (secrets / "aws_credentials").read_text()
    password = (secrets / "database_password").read_text()
    assert f"PASSWORD '{password}'" in (secrets / "compose" / "databases.sql").read_text()


def test_stopping_needs_no_images(somebody: Any) -> None:
    assert up(somebody, "down").returncode == 0
    assert (somebody[0] / "home" / "asked").read_text().splitlines()[-1] == "down"
