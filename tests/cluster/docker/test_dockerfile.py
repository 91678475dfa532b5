"""The Dockerfile of this project: by hadolint, by rules of our own, and what of the checkout gets into an image."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from docker.utils import exclude_paths
from dockerfile_rules import faults, instructions, stages

TARGETS = ("ray", "mlflow")
HADOLINT = Path(sys.executable).with_name("hadolint")


def hadolint(file: Path) -> "subprocess.CompletedProcess[str]":
    """Everything that it has to say, hints too. Skips where it is not installed."""
    program = HADOLINT if HADOLINT.exists() else shutil.which("hadolint")
    if program is None:
        pytest.skip("no hadolint here: `make install` brings it (dependency group dev)")
    command = [str(program), "--no-color", "--failure-threshold", "style", str(file)]
    return subprocess.run(command, text=True, capture_output=True, timeout=120)


def test_hadolint_has_nothing_to_say(dockerfile: Path) -> None:
    done = hadolint(dockerfile)
    assert (done.stdout, done.returncode) == ("", 0), done.stderr


@pytest.mark.parametrize(
    ("instruction", "rule"),
    [
        ("FROM python:latest", "DL3007"),
        ("FROM python", "DL3006"),
        ("FROM python:3.11\nADD x /x", "DL3020"),
        ("FROM python:3.11\nRUN sudo true", "DL3004"),
        ("FROM python:3.11\nRUN pip install torch", "DL3013"),
        ("FROM python:3.11\nUSER root", "DL3002"),
    ],
)
def test_hadolint_can_fail(tmp_path: Path, instruction: str, rule: str) -> None:
    (tmp_path / "Dockerfile").write_text(f"{instruction}\n")
    done = hadolint(tmp_path / "Dockerfile")
    assert (rule in done.stdout, done.returncode) == (True, 1)


def test_our_own_rules_have_nothing_to_say(dockerfile: Path) -> None:
    assert faults(dockerfile.read_text(), TARGETS) == []


def test_no_rule_of_hadolint_is_switched_off(dockerfile: Path, repository: Path) -> None:
    assert "hadolint ignore" not in dockerfile.read_text()
    assert [*repository.glob(".hadolint*"), *dockerfile.parent.glob(".hadolint*")] == []


GOOD = "ARG PYTHON_IMAGE\nFROM ${PYTHON_IMAGE} AS cpu\nUSER 10001:10001\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD.replace("${PYTHON_IMAGE}", "python:3.11"), "neither a digest nor a variable"),
        (GOOD.replace("${PYTHON_IMAGE}", "python:latest"), "FROM latest"),
        (GOOD.replace("PYTHON_IMAGE\n", "PYTHON_IMAGE=python:3.11\n"), "has a default"),
        (GOOD.replace("USER 10001:10001", ""), "runs as root"),
        (GOOD.replace("10001:10001", "rcf"), "runs as rcf"),
        (GOOD.replace("10001:10001", "0:0"), "runs as 0:0"),
        (GOOD.replace("USER", "USER 10001:10001\nUSER root\n#"), "runs as root"),
        (GOOD + "ADD x /x\n", "ADD"),
        (GOOD + "RUN true \\\n  && curl -fsS x | bash\n", "fetches"),
        (GOOD + "RUN pip install git+https://example.org/x\n", "fetches"),
        (GOOD + "ENV A=1 HF_TOKEN=abc\n", "HF_TOKEN"),
        (GOOD + "ARG DB_PASSWORD\n", "DB_PASSWORD"),
        (GOOD + "ENV SECRET_KEY abc\n", "SECRET_KEY"),
        (GOOD + "RUN chmod -R 777 /opt\n", "gives rights away"),
        (GOOD + "COPY . /build\n", "everything"),
        ("# syntax=docker/dockerfile:1\n" + GOOD, "front end"),
    ],
)
def test_what_a_dockerfile_may_not_do_is_reported(text: str, said: str) -> None:
    assert [fault for fault in faults(text, ("cpu",)) if said in fault] != []


def test_a_dockerfile_that_does_nothing_of_it_is_not_reported() -> None:
    assert faults(GOOD + "ENV RAY_AUTH_MODE=token\nCOPY rcf rcf\n", ("cpu",)) == []


def test_a_base_without_a_digest_is_refused_by_the_build_itself(dockerfile: Path) -> None:
    check = next(each.arguments for each in stages(dockerfile.read_text())["python"] if each.word == "RUN")
    script = re.sub(r"\s*&& groupadd.*", "", check)
    for image, code in (("python:3.11", 1), ("python@sha256:" + "0" * 64, 0)):
        done = subprocess.run(["bash", "-c", script], env={"PYTHON_IMAGE": image}, capture_output=True, timeout=60)
        assert done.returncode == code


def test_ray_starts_from_an_image_with_a_token_or_not_at_all(dockerfile: Path) -> None:
    assert "RAY_AUTH_MODE=token" in next(
        each.arguments for each in stages(dockerfile.read_text())["ray"] if each.word == "ENV"
    )


def _copied(dockerfile: Path) -> set[str]:
    """What the file takes from the checkout."""
    sources: set[str] = set()
    for each in instructions(dockerfile.read_text()):
        if each.word == "COPY" and "--from=" not in each.arguments:
            sources |= set(each.arguments.split()[:-1])
    return sources


def _context(root: Path, repository: Path) -> set[str]:
    """What a client of Docker would send of a folder, by our .dockerignore."""
    patterns = [line for line in (repository / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    return {path for path in exclude_paths(str(root), patterns) if (root / path).is_file()}


def test_everything_that_is_copied_is_sent(dockerfile: Path, repository: Path) -> None:
    sent = _context(repository, repository)
    missing = {each for each in _copied(dockerfile) if not any(f"{path}/".startswith(f"{each}/") for path in sent)}
    assert missing == set()


def test_nothing_is_sent_that_is_not_copied(dockerfile: Path, repository: Path) -> None:
    copied = tuple(f"{each}/" for each in _copied(dockerfile))
    sent = {path for path in _context(repository, repository) if not f"{path}/".startswith(copied)}
    assert sent - {".dockerignore", "cluster/docker/Dockerfile"} == set()


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        ".venv/bin/python",
        "runs/cells/x.json",
        "data/train/instances.json",
        "tests/conftest.py",
        "cluster/kuberay/local/kustomization.yaml",
        "rcf/__pycache__/x.pyc",
        "rcf/.env",
        "platform/rcflab/old.pyc",
        "id_rsa",
        ".env",
        "mlflow.db",
    ],
)
def test_what_is_nobodys_business_is_not_sent(tmp_path: Path, repository: Path, path: str) -> None:
    for name in (path, "rcf/config.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert _context(tmp_path, repository) == {"rcf/config.py"}


def test_all_that_the_mlflow_image_asks_for_is_pinned(repository: Path) -> None:
    def names(path: Path) -> set[str]:
        lines = [line.partition("#")[0].strip() for line in path.read_text().splitlines()]
        return {re.split(r"[\[<>=]", line)[0].lower() for line in lines if line}

    asked = names(repository / "cluster" / "mlflow" / "requirements.txt")
    assert asked - names(repository / "constraints.txt") == set()
    assert "mlflow" in asked


@pytest.mark.parametrize(
    ("build", "cuda", "code"),
    [("cpu", "None", 0), ("cuda", "'13.0'", 0), ("cpu", "'13.0'", 1), ("cuda", "None", 1), ("", "None", 1)],
)
def test_torch_of_the_wrong_kind_is_refused_by_the_build_itself(
    dockerfile: Path, tmp_path: Path, build: str, cuda: str, code: int
) -> None:
    (tmp_path / "torch.py").write_text(
        f"from types import SimpleNamespace\nversion = SimpleNamespace(cuda={cuda})\n__version__ = 'x'\n"
    )
    run = next(each.arguments for each in stages(dockerfile.read_text())["ray"] if each.word == "RUN")
    check = re.search(r"python -c .*", run)
    assert check is not None
    variables = {"TORCH_BUILD": build, "PYTHONPATH": str(tmp_path), "PATH": str(Path(sys.executable).parent)}
    done = subprocess.run(["/bin/bash", "-c", check[0]], env=variables, text=True, capture_output=True, timeout=60)
    assert (done.returncode, "wanted TORCH_BUILD" in done.stderr) == (code, code == 1)
