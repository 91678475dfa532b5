"""Help, configuration and plans answer at once: they load no network, no orchestration."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"torch", "torchvision", "timm", "ray", "mlflow", "optuna", "pandas"}
_HELP = """
sys.argv = ["rcflab", "--help"]
from rcflab.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""


def modules_loaded_by(code: str, repository: Path) -> set[str]:
    """Top-level names in `sys.modules` after `code` has run in a fresh interpreter, away from the root."""
    report = "import atexit, json, sys\natexit.register(lambda: print('\\nMODULES', json.dumps(sorted(sys.modules))))\n"
    paths = [str(repository), str(repository / "platform")]
    process = subprocess.run(
        [sys.executable, "-c", report + code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        cwd=repository / "tests",
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    last = process.stdout.splitlines()[-1].removeprefix("MODULES ")
    return {name.split(".")[0] for name in json.loads(last)}


@pytest.mark.parametrize("code", ["import rcf.config", "import rcflab.schema", "import rcflab.plan", _HELP])
def test_what_answers_at_once_loads_nothing_heavy(code: str, repository: Path) -> None:
    loaded = modules_loaded_by(code, repository)
    assert loaded & HEAVY == set()


def test_help_was_really_asked_for(repository: Path) -> None:
    assert {"rcflab", "typer"} <= modules_loaded_by(_HELP, repository)


def test_the_evaluator_loads_torch_which_the_check_sees_and_no_matplotlib(repository: Path) -> None:
    loaded = modules_loaded_by("import rcf.evaluation.compat, rcf.evaluation.assessment", repository)
    assert "torch" in loaded and "matplotlib" not in loaded
