"""What Ray's own packaging takes of a checkout that is named as a job's working folder."""

import zipfile
from pathlib import Path

import pytest
from ray._private.runtime_env.packaging import create_package

_STAYS = [
    ".git/objects/ab", ".venv/lib/python/torch.so", "runs/cells/0123/checkpoint.bin", "data/train/JPEGImages/0.jpg",
    "mlruns/0/meta.yaml", "runs.db", "experiments/weights.safetensors", "best.pt", ".env", "cluster/key.pem",
    "auth_token", "secrets", "tests/test_x.py", "docs/report.png", "rcf/__pycache__/axes.pyc", ".pytest_cache/v",
]  # fmt: skip
_GOES = [
    "experiments/my.yaml", "experiments/base/synth.yaml", "rcf/axes.py", "rcf/data/annotations.py",
    "platform/rcflab/cli.py", "pyproject.toml",
]  # fmt: skip
_MOST_MIB = 5


def uploaded(folder: Path, target: Path, gitignore: bool = False) -> set[str]:
    """The files of the package that Ray would send."""
    create_package(str(folder), target, include_gitignore=gitignore)
    with zipfile.ZipFile(target) as package:
        return {name for name in package.namelist() if not name.endswith("/")}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """All kinds of files that lie in one."""
    folder = tmp_path / "checkout"
    for name in _STAYS + _GOES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    return folder


def test_data_runs_history_environments_and_secrets_stay(checkout: Path, repository: Path, tmp_path: Path) -> None:
    (checkout / ".rayignore").write_text((repository / ".rayignore").read_text())
    assert uploaded(checkout, tmp_path / "package.zip") == {".rayignore", *_GOES}


def test_without_the_file_all_of_it_would_go(checkout: Path, tmp_path: Path) -> None:
    assert uploaded(checkout, tmp_path / "package.zip") == {*_STAYS, *_GOES}


def test_this_checkout_fits_into_an_upload(repository: Path, tmp_path: Path) -> None:
    names = uploaded(repository, tmp_path / "package.zip", gitignore=True)
    assert {"experiments/quickstart.yaml", "rcf/axes.py", "platform/rcflab/cli.py"} <= names
    assert [name for name in names if name.startswith((".git/", ".venv/", "runs/", "tests/"))] == []
    assert (tmp_path / "package.zip").stat().st_size < _MOST_MIB * 2**20
