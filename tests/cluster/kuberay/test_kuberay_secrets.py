"""cluster/kuberay/secrets.sh with a kubectl that keeps what it is given: makes what is missing, shows nothing."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import kubernetes_validate
import pytest
from manifests import Content, parse

_KUBECTL = """\
#!/bin/sh
# Notes its arguments; says which secrets there are; keeps what comes by standard input.
echo "$*" >> "$FAKE/calls"
case "$1 $2" in
    "get secret") [ ! -e "$FAKE/there/$3" ] || echo "secret/$3" ;;
    "create --filename" | "replace --filename") cat >> "$FAKE/given"; echo "---" >> "$FAKE/given" ;;
esac
"""
NAMES = ["ray-token", "postgres", "object-store", "mlflow-admin", "mlflow-ray", "mlflow-session"]


@dataclass(frozen=True)
class Fake:
    """A cluster that is a folder."""

    folder: Path
    script: Path

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        variables = {**os.environ, "KUBECTL": str(self.folder / "kubectl"), "FAKE": str(self.folder)}
        command = [str(self.script), *arguments]
        return subprocess.run(command, env=variables, text=True, capture_output=True, timeout=60)

    @property
    def given(self) -> list[Content]:
        """The secrets that it has been handed."""
        path = self.folder / "given"
        return parse(path.read_text()) if path.exists() else []

    @property
    def calls(self) -> str:
        return (self.folder / "calls").read_text()


@pytest.fixture
def cluster(kuberay: Path, tmp_path: Path) -> Fake:
    (tmp_path / "there").mkdir()
    (tmp_path / "kubectl").write_text(_KUBECTL)
    (tmp_path / "kubectl").chmod(0o700)
    return Fake(tmp_path, kuberay / "secrets.sh")


def _values(secrets: list[Content]) -> list[str]:
    return [value for secret in secrets for value in secret["stringData"].values()]


def test_all_secrets_are_made_once(cluster: Fake) -> None:
    cluster.run()
    assert [secret["metadata"]["name"] for secret in cluster.given] == NAMES


def test_a_secret_is_what_kubernetes_describes(cluster: Fake) -> None:
    cluster.run()
    for secret in cluster.given:
        kubernetes_validate.validate(secret, "1.37", strict=True)


def test_no_two_values_are_equal_and_all_are_32_random_bytes(cluster: Fake) -> None:
    cluster.run()
    values = _values(cluster.given)
    assert (len(values), len(set(values)), {len(bytes.fromhex(value)) for value in values}) == (8, 8, {32})


def test_another_cluster_gets_other_values(cluster: Fake) -> None:
    cluster.run()
    cluster.run()
    assert len(set(_values(cluster.given))) == 16


def test_no_value_is_printed_or_handed_over_as_an_argument(cluster: Fake) -> None:
    done = cluster.run()
    shown = done.stdout + done.stderr + cluster.calls
    assert [value for value in _values(cluster.given) if value in shown] == []


def test_a_secret_that_is_there_is_left_as_it_is(cluster: Fake) -> None:
    (cluster.folder / "there" / "postgres").touch()
    cluster.run()
    assert [secret["metadata"]["name"] for secret in cluster.given] == [name for name in NAMES if name != "postgres"]


@pytest.mark.parametrize("name", ["ray-token", "object-store", "mlflow-ray", "mlflow-session"])
def test_rotating_replaces_one_secret(cluster: Fake, name: str) -> None:
    done = cluster.run("rotate", name)
    assert (done.returncode, [secret["metadata"]["name"] for secret in cluster.given]) == (0, [name])
    assert "replace --filename" in cluster.calls


@pytest.mark.parametrize("arguments", [["rotate", "postgres"], ["rotate", "mlflow-admin"], ["rotate"], ["remove"]])
def test_what_cannot_be_done_so_is_refused_before_anything_is_asked(cluster: Fake, arguments: list[str]) -> None:
    done = cluster.run(*arguments)
    assert (done.returncode, "wanted" in done.stderr, (cluster.folder / "calls").exists()) == (2, True, False)


def test_a_cluster_that_does_not_answer_ends_it(cluster: Fake) -> None:
    (cluster.folder / "kubectl").write_text("#!/bin/sh\necho 'no cluster' >&2\nexit 1\n")
    done = cluster.run()
    assert (done.returncode, cluster.given) == (1, [])
