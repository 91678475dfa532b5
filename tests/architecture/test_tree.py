"""Where files may lie: `platform` stays a plain folder, tests stay apart, names stay unique, links lead somewhere."""

import platform
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest


def repeated_names(files: list[Path]) -> list[str]:
    """Names of test files that occur more than once: with two of one name, pytest's reports cannot tell them apart."""
    counts = Counter(path.name for path in files if path.name.startswith("test_"))
    return sorted(name for name, count in counts.items() if count > 1)


def dead_links(page: Path) -> list[str]:
    """Relative links of a Markdown page that lead to no file."""
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    return [target for target in targets if "://" not in target and not (page.parent / target).exists()]


def test_platform_is_no_package(repository: Path) -> None:
    assert not (repository / "platform" / "__init__.py").exists(), "it would hide the standard library's `platform`"


def test_the_standard_library_wins_the_name_platform() -> None:
    assert platform.python_version().startswith("3.")


def test_no_test_lies_inside_the_packages(repository: Path) -> None:
    inside = [path for folder in ("platform", "rcf") for path in (repository / folder).rglob("*.py")]
    assert [path for path in inside if path.name == "conftest.py" or path.name.startswith("test_")] == []


def test_no_folder_below_tests_is_called_platform(repository: Path) -> None:
    assert [path for path in (repository / "tests").rglob("platform") if path.is_dir()] == []


def test_tests_are_no_package(repository: Path) -> None:
    assert list((repository / "tests").rglob("__init__.py")) == []


def test_test_files_have_unique_names(files_below: Callable[..., list[Path]]) -> None:
    assert repeated_names(files_below("tests")) == []


def test_a_repeated_name_is_reported() -> None:
    assert repeated_names([Path("a/test_x.py"), Path("b/test_x.py"), Path("b/test_y.py")]) == ["test_x.py"]


_PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "experiments/README.md"]
_PAGES += ["cluster/kuberay/README.md", "cluster/docker/README.md", "docs/data.md"]


@pytest.mark.parametrize("page", _PAGES)
def test_links_of_a_page_lead_to_files(repository: Path, page: str) -> None:
    assert dead_links(repository / page) == []


def test_a_dead_link_is_reported(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("[gone](no/such.py) [here](page.md#top) [far](https://example.org)")
    assert dead_links(tmp_path / "page.md") == ["no/such.py"]
