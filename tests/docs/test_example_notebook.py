"""The example notebook: every cell runs, in a real kernel, and shows what its text says."""

import tempfile
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = "docs/notebook.ipynb"


@pytest.fixture(scope="module")
def stored(repository: Path) -> Any:
    """The notebook as it lies in the repository."""
    return nbformat.read(repository / NOTEBOOK, as_version=4)


@pytest.fixture(scope="module")
def executed(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each code cell has shown, by its source; the first cell that raises ends the test."""
    notebook = nbformat.read(repository / NOTEBOOK, as_version=4)
    folder = tmp_path_factory.mktemp("notebook")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_TMPDIR", tempfile.gettempdir())  # a socket's path has at most 107 bytes
        patch.setenv("TMPDIR", str(folder))
        paths = {"metadata": {"path": str(folder)}}
        NotebookClient(notebook, timeout=240, kernel_name="python3", resources=paths).execute()
    return {cell.source: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}


def shown(outputs: Any, kind: str) -> str:
    """What a cell shows of one kind: text, HTML, a picture."""
    return "".join(output.data.get(kind, "") for output in outputs if "data" in output)


def test_it_is_kept_without_outputs_so_that_none_is_out_of_date(stored: Any) -> None:
    nbformat.validate(stored)
    code = [cell for cell in stored.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)


def test_the_run_prints_its_progress_as_plain_lines_on_stdout(executed: dict[str, Any]) -> None:
    outputs = executed["table = experiment.run()"]
    lines = "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout")
    assert "9 trainings to do; starting Ray" in lines
    assert "fast/2: finished" in lines
    assert [output for output in outputs if output.output_type == "error"] == []


def test_the_table_is_shown_as_html_and_the_figure_as_a_picture(executed: dict[str, Any]) -> None:
    assert "default (baseline)" in shown(executed["table"], "text/html")
    assert len(shown(executed['experiment.figure("forest")'], "image/png")) > 1000


def test_a_fault_is_told_and_not_raised_through(executed: dict[str, Any]) -> None:
    (outputs,) = [found for source, found in executed.items() if "InputError" in source]
    text = "".join(output.text for output in outputs)
    assert "did you mean 'default'?" in text
    assert "training.lr" in text


def test_one_more_seed_trains_only_what_is_new(executed: dict[str, Any]) -> None:
    counts = shown(
        executed['more = rcflab.open("lesson.yaml", seeds=4)\nmore.plan()["state"].value_counts()'], "text/plain"
    )
    assert "done       9" in counts
    assert "missing    3" in counts
    assert "3 trainings to do" in "".join(output.get("text", "") for output in executed["more.run()"])
