"""Every file that somebody might apply or run opens with what it is and by which command it comes to life."""

import re
from pathlib import Path

import pytest

CLUSTER = Path(__file__).resolve().parents[3] / "cluster"
FILES = sorted(
    path
    for folder in ("kuberay", "docker")
    for path in (CLUSTER / folder).rglob("*")
    if path.suffix in (".yaml", ".sh") or path.name in ("Dockerfile", "images.lock")
    if "local" not in path.parts
)
_COMMAND = re.compile(r"kubectl (apply|-n)|python cluster/docker/|cluster/kuberay/secrets\.sh|kustomization\.yaml")


def opening(path: Path) -> str:
    """The comment at the head of a file."""
    lines = path.read_text().splitlines()
    first = next(number for number, line in enumerate(lines) if not line.startswith("#!"))
    end = next(number for number, line in enumerate(lines[first:], start=first) if not line.startswith("#"))
    return "\n".join(lines[first:end])


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CLUSTER)))
def test_a_file_says_at_its_head_by_which_command_it_comes_to_life(path: Path) -> None:
    assert _COMMAND.search(opening(path))


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if path.name == "kustomization.yaml"],
    ids=lambda path: str(path.relative_to(CLUSTER)),
)
def test_what_can_be_applied_says_its_size_or_cost_and_what_it_leaves_running(path: Path) -> None:
    text = opening(path).lower()
    assert ("size" in text or "cost" in text) and ("leaves" in text or "run until" in text or "costs nothing" in text)


def test_the_files_were_found() -> None:
    assert {"secrets.sh", "Dockerfile", "ray-cluster.yaml", "images.lock"} <= {path.name for path in FILES}
