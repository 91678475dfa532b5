"""build.py with a client of containers that notes what it is asked: no image without its digest, built or run."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import build
import lock
import pytest
import yaml

DIGEST = "sha256:" + "7" * 64
PYTHON = "sha256:" + "1" * 64
_DOCKER = """\
#!/bin/sh
echo "$*" >> "$FAKE/calls"
case "$1 $2" in
    "image inspect") repository=${5%:*}; echo "[\\"elsewhere/x@sha256:0\\",\\"$repository@$DIGEST\\"]" ;;
    build*) [ ! -e "$FAKE/fails" ] ;;
esac
"""
LOCK = f"""\
python          docker.io/library/python:3.11-slim    {PYTHON}
postgres        docker.io/library/postgres:17         sha256:{"2" * 64}
object-store    docker.io/chrislusf/seaweedfs:4.48    sha256:{"3" * 64}
"""


@dataclass(frozen=True)
class Checkout:
    """As much of a checkout as building needs, and a client that builds nothing."""

    folder: Path

    def run(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
        environment = {**kept, "DOCKER": str(self.folder / "client"), "FAKE": str(self.folder), "DIGEST": DIGEST}
        command = [sys.executable, str(self.folder / "cluster" / "docker" / "build.py"), *arguments]
        return subprocess.run(command, env=environment | variables, text=True, capture_output=True, timeout=60)

    @property
    def calls(self) -> list[str]:
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def local(self) -> Path:
        return self.folder / "cluster" / "kuberay" / "local" / "kustomization.yaml"

    def images(self) -> dict[str, str]:
        """What kustomize is told, name -> repository@digest or repository:tag."""
        found = yaml.safe_load(self.local.read_text())["images"]
        contents = [f"@{each['digest']}" if "digest" in each else f":{each['newTag']}" for each in found]
        return {each["name"]: each["newName"] + content for each, content in zip(found, contents, strict=True)}


@pytest.fixture
def checkout(repository: Path, tmp_path: Path) -> Checkout:
    (tmp_path / "cluster" / "kuberay").mkdir(parents=True)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(repository / "cluster" / "docker", tmp_path / "cluster" / "docker", ignore=ignored)
    shutil.copy(repository / "pyproject.toml", tmp_path)
    (tmp_path / "cluster" / "docker" / "images.lock").write_text(LOCK)
    (tmp_path / "client").write_text(_DOCKER)
    (tmp_path / "client").chmod(0o700)
    return Checkout(tmp_path)


def test_all_images_are_built_on_the_pinned_base_and_pushed(checkout: Checkout) -> None:
    assert checkout.run("r.example:5000/lab").returncode == 0
    builds = [call for call in checkout.calls if call.startswith("build")]
    assert [call.split("--target ")[1].split()[0] for call in builds] == ["ray", "ray", "mlflow"]
    assert [f"TORCH_BUILD={build}" in call for call, build in zip(builds, ("cpu", "cuda", ""), strict=True)] == [
        True,
        True,
        False,
    ]
    assert {f"PYTHON_IMAGE=docker.io/library/python@{PYTHON}" in call for call in builds} == {True}
    assert [call.split()[1] for call in checkout.calls if call.startswith("push")] == [
        f"r.example:5000/lab/rcflab-{target}:0.1.0" for target in ("cpu", "cuda", "mlflow")
    ]


def test_kustomize_is_told_the_content_of_every_image(checkout: Checkout) -> None:
    checkout.run("r.example/lab")
    ours = {f"rcflab-{target}": f"r.example/lab/rcflab-{target}@{DIGEST}" for target in ("cpu", "cuda", "mlflow")}
    assert checkout.images() == ours | {
        "postgres": f"docker.io/library/postgres@sha256:{'2' * 64}",
        "object-store": f"docker.io/chrislusf/seaweedfs@sha256:{'3' * 64}",
    }


def test_an_image_that_is_not_built_yet_leads_nowhere(checkout: Checkout) -> None:
    done = checkout.run("r.example/lab", "mlflow")
    assert checkout.images()["rcflab-cuda"].startswith("not-built.invalid/")
    assert "still to be built: cpu, cuda" in done.stdout


def test_one_image_built_anew_leaves_the_others_as_they_are(checkout: Checkout) -> None:
    checkout.run("r.example/lab")
    checkout.run("r.example/lab", "cuda", DIGEST="sha256:" + "8" * 64)
    images = checkout.images()
    assert (images["rcflab-cpu"][-1], images["rcflab-cuda"][-1]) == ("7", "8")


@pytest.mark.parametrize("name", ["python", "postgres", "object-store"])
def test_without_a_digest_nothing_is_built(checkout: Checkout, name: str) -> None:
    lines = [line.rpartition("sha256")[0] + "-" if line.startswith(name) else line for line in LOCK.splitlines()]
    (checkout.folder / "cluster" / "docker" / "images.lock").write_text("\n".join(lines) + "\n")
    done = checkout.run("r.example/lab")
    assert (done.returncode, checkout.calls, checkout.local.exists()) == (2, [], False)
    assert done.stderr.startswith(f"error: {name} ")
    assert "run: python cluster/docker/pin.py" in done.stderr


@pytest.mark.parametrize("arguments", [[], ["https://r.example/lab"], ["r.example/LAB"], ["r.example/lab", "gpu"]])
def test_what_makes_no_sense_is_refused_before_anything_is_built(checkout: Checkout, arguments: list[str]) -> None:
    done = checkout.run(*arguments)
    assert (done.returncode, checkout.calls, "wanted" in done.stderr) == (2, [], True)


def test_a_build_that_fails_is_one_line_and_nothing_is_pushed(checkout: Checkout) -> None:
    (checkout.folder / "fails").touch()
    done = checkout.run("r.example/lab")
    assert (done.returncode, len(checkout.calls), "Traceback" in done.stderr) == (2, 1, False)
    assert not checkout.local.exists()


def test_a_client_that_is_not_there_is_one_line(checkout: Checkout) -> None:
    done = checkout.run("r.example/lab", DOCKER="/nowhere/docker")
    assert (done.returncode, "name one in DOCKER" in done.stderr) == (2, True)


def test_the_index_of_cpu_builds_is_for_the_cpu_image_alone(checkout: Checkout) -> None:
    checkout.run("r.example/lab", RCFLAB_TORCH_CPU_INDEX="https://index.example/cpu")
    builds = [call for call in checkout.calls if call.startswith("build")]
    assert ["PIP_EXTRA_INDEX_URL=https://index.example/cpu" in call for call in builds] == [True, False, False]


def test_a_password_in_an_address_never_enters_an_image(checkout: Checkout) -> None:
    done = checkout.run("r.example/lab", PIP_INDEX_URL="https://me:hunter2@index.example/simple")
    assert (done.returncode, checkout.calls, "hunter2" in done.stdout + done.stderr) == (2, [], False)


def test_a_push_without_a_digest_of_ours_is_refused() -> None:
    with pytest.raises(lock.RefusedError, match="wanted a digest of this repository"):
        build.pushed_digest("r.example/lab/rcflab-cpu", '["elsewhere/rcflab-cpu@sha256:0"]')
