"""The wheel is whole: built, installed into an empty folder and imported far from the checkout."""

import json
import subprocess
import sys
import zipfile
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest


def _run(command: list[str], folder: Path) -> str:
    process = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert process.returncode == 0, f"{command}\n{process.stdout}\n{process.stderr}"
    return process.stdout


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(repository)]
    _run(build, folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    options = ["--no-deps", "--no-index", "--no-compile", "--target", str(target)]
    _run([sys.executable, "-m", "pip", "install", "--quiet", *options, str(wheel)], target)
    return target


def _distribution(folder: Path) -> Distribution:
    (found,) = distributions(path=[str(folder)])
    return found


def test_the_wheel_holds_the_two_packages_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"rcf", "rcflab"}


def test_every_source_file_is_in_the_wheel(wheel: Path, repository: Path) -> None:
    sources = {
        str(path.relative_to(root))
        for root, package in ((repository, "rcf"), (repository / "platform", "rcflab"))
        for path in (root / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert sources - set(zipfile.ZipFile(wheel).namelist()) == set()


def test_both_packages_are_marked_as_typed(wheel: Path) -> None:
    assert {"rcf/py.typed", "rcflab/py.typed"} <= set(zipfile.ZipFile(wheel).namelist())


def test_the_installed_packages_are_imported_and_not_the_checkout(installed: Path, repository: Path) -> None:
    checkout = [str(repository), str(repository / "platform"), ""]
    code = (
        "import json, sys\n"
        f"sys.path = [{str(installed)!r}] + [path for path in sys.path if path not in {checkout!r}]\n"
        "import rcf.config, rcflab.cli, rcflab.schema\n"
        "print(json.dumps([rcf.config.__file__, rcflab.cli.__file__, rcflab.schema.__file__]))\n"
    )
    files = json.loads(_run([sys.executable, "-c", code], installed))
    assert [Path(file).relative_to(installed).parts[0] for file in files] == ["rcf", "rcflab", "rcflab"]


def test_the_console_script_is_declared(installed: Path) -> None:
    scripts = _distribution(installed).entry_points.select(group="console_scripts")
    assert [(script.name, script.value) for script in scripts] == [("rcflab", "rcflab.cli:main")]


def test_the_licence_travels_with_the_wheel(installed: Path) -> None:
    files = _distribution(installed).files or []
    assert [file.name for file in files if file.name == "LICENSE"] == ["LICENSE"]
