"""The file that `ray submit` copies to a head: what it packs comes out again, and what it runs is `rcflab submit`."""

import base64
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

_SUBMITTED = """
import json, os, pathlib, sys, time
told = pathlib.Path(os.environ["TOLD"])
files = {str(path): path.read_text() for path in pathlib.Path(sys.argv[2]).parent.rglob("*.yaml")}
told.write_text(json.dumps({"argv": sys.argv[1:], "files": files, "token": os.environ.get("RAY_AUTH_TOKEN_PATH")}))
try:
    time.sleep(float(os.environ.get("LASTS", "0")))
except KeyboardInterrupt:
    print("detached")
sys.exit(int(os.environ.get("ENDS", "0")))
"""


@pytest.fixture
def script(repository: Path) -> Path:
    return repository / "cluster" / "launch.py"


@pytest.fixture
def launch(script: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("launch", script)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def head(tmp_path: Path, script: Path) -> Any:
    """The script alone in a home, beside an rcflab that writes down how it was called."""
    home = tmp_path / "home"
    (home / "there" / "rcflab").mkdir(parents=True)
    (home / "there" / "rcflab" / "__init__.py").touch()
    (home / "there" / "rcflab" / "cli.py").write_text(_SUBMITTED)
    (home / "launch.py").write_bytes(script.read_bytes())
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "TOLD": str(home / "told")}
    environment["PYTHONPATH"] = str(home / "there")

    def run(*arguments: str, **more: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "launch.py", *arguments], cwd=home, env=environment | more, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    return run


def experiment(folder: Path) -> Path:
    """One that extends a file of another folder, for another base beside it."""
    base = folder / "base"
    base.mkdir(parents=True)
    (base / "large.yaml").write_text("task: toy\ntraining: {steps: 30}\n")
    (base / "small.yaml").write_text("task: toy\ntraining: {steps: 3}\n")
    (folder / "secret.yaml").write_text("nobody: names this\n")
    path = folder / "my.yaml"
    path.write_text("name: mine\nextends: base/large.yaml\nbaseline: one\narms: {one: {}, two: {model.offset: 1.0}}\n")
    return path


def told(home: Path) -> dict[str, Any]:
    return json.loads((home / "told").read_text())


def test_what_is_packed_comes_out_as_the_files_of_the_experiment(launch: ModuleType, tmp_path: Path) -> None:
    path = experiment(tmp_path / "here")
    found, base = launch.unpack(launch.pack(path), tmp_path / "there")
    assert (found, base) == (tmp_path / "there" / "my.yaml", None)
    files = {str(each.relative_to(tmp_path / "there")) for each in (tmp_path / "there").rglob("*") if each.is_file()}
    assert files == {"my.yaml", "base/large.yaml"}
    assert found.read_text() == path.read_text()


def test_another_base_goes_along(launch: ModuleType, tmp_path: Path) -> None:
    found, base = launch.unpack(launch.pack(experiment(tmp_path / "here"), "small"), tmp_path / "there")
    assert base == found.parent / "base" / "small.yaml" and base.is_file()


def test_the_same_files_are_the_same_word_and_a_word_that_shells_leave_alone(
    launch: ModuleType, tmp_path: Path
) -> None:
    words = [launch.pack(experiment(tmp_path / name)) for name in ("one", "other")]
    assert words[0] == words[1]
    assert set(words[0]) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=")


def test_packing_is_one_command(script: Path, tmp_path: Path) -> None:
    path = experiment(tmp_path / "here")
    command = [sys.executable, str(script), "--pack", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 1
    again = subprocess.run([*command, "--seeds", "3"], capture_output=True, text=True, check=False)
    assert again.returncode == 2 and "--seeds" in again.stderr


def test_an_experiment_with_faults_is_not_packed(script: Path, tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("name: wrong\ntask: toy\nbaseline: none\narms: {one: {}}\n")
    command = [sys.executable, str(script), "--pack", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stderr.startswith("error: ") and "baseline" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_experiment_too_large_for_an_argument_is_refused_with_the_other_way(
    launch: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = experiment(tmp_path / "here")
    noise = base64.b64encode(os.urandom(launch._MOST_SIGNS)).decode()
    path.write_text(path.read_text() + "".join(f"# {noise[at : at + 100]}\n" for at in range(0, len(noise), 100)))
    with pytest.raises(SystemExit) as ended:
        launch.pack(path)
    assert ended.value.code == 2 and "rsync-up" in capsys.readouterr().err


def _word(value: object) -> str:
    return base64.urlsafe_b64encode(zlib.compress(json.dumps(value).encode())).decode()


@pytest.mark.parametrize(
    "word",
    [
        "no-base64!", base64.urlsafe_b64encode(b"not packed").decode(), _word([]), _word({"files": {}}),
        _word({"experiment": "a.yaml", "base": None, "files": {}}),
        _word({"experiment": "../a.yaml", "base": None, "files": {"../a.yaml": "x"}}),
        _word({"experiment": "/a.yaml", "base": None, "files": {"/a.yaml": "x"}}),
        _word({"experiment": "a.yaml", "base": "b.yaml", "files": {"a.yaml": "x"}}),
        _word({"experiment": "a.yaml", "base": None, "files": {"a.yaml": "x" * 17 * 2**20}}),
        _word({"experiment": "a.yaml", "base": None, "files": {"a.yaml": "x"}})[:-8],
    ],
)  # fmt: skip
def test_a_word_that_was_not_packed_writes_nothing(
    launch: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], word: str
) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    with pytest.raises(SystemExit) as ended:
        launch.unpack(word, folder)
    assert ended.value.code == 2 and capsys.readouterr().err.startswith("error: --inline")
    assert list(tmp_path.rglob("*")) == [folder]


def test_on_the_head_it_needs_nothing_of_ours_but_the_command(head: Any, launch: ModuleType, tmp_path: Path) -> None:
    path = experiment(tmp_path / "here")
    process = head("--inline", launch.pack(path, "small"), "--set", "training.lr=0.1", "--detach")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    called = told(tmp_path / "home")
    assert called["argv"][0] == "submit" and called["argv"][2:] == [
        "--set", "training.lr=0.1", "--detach", "--address", "http://127.0.0.1:8265",
        "--base", str(Path(called["argv"][1]).parent / "base" / "small.yaml"),
    ]  # fmt: skip
    assert called["files"][called["argv"][1]] == path.read_text()
    assert not Path(called["argv"][1]).exists()  # only as long as it is being sent
    assert called["token"] == str(tmp_path / "home" / ".ray" / "auth_token")


def test_a_file_of_the_head_is_submitted_where_it_lies(head: Any, tmp_path: Path) -> None:
    path = experiment(tmp_path / "here")
    process = head("--experiment", str(path), "--base", "small", "--address", "http://127.0.0.1:9", ENDS="3")
    process.communicate(timeout=60)
    assert process.returncode == 3
    wanted = ["submit", str(path), "--address", "http://127.0.0.1:9", "--base", "small"]
    assert told(tmp_path / "home")["argv"] == wanted


def test_ctrl_c_reaches_the_command_and_its_exit_code_comes_back(head: Any, tmp_path: Path) -> None:
    process = head("--experiment", str(experiment(tmp_path / "here")), LASTS="60", ENDS="0")
    while not (tmp_path / "home" / "told").exists():
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0 and out == "detached\n"


def test_a_head_without_any_package_is_told_what_to_do(script: Path) -> None:
    command = [sys.executable, "-I", "-S", str(script), "--experiment", "my.yaml"]  # the standard library alone
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 69
    assert done.stderr.startswith("error: ") and "setup_commands" in done.stderr and "Traceback" not in done.stderr
