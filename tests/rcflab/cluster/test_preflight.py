"""What a cluster lacks is said at once, for all nodes, before a job is made."""

import json
from base64 import b64decode
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from rcflab.cluster.preflight import Wanted, preflight_problems
from rcflab.cluster.ray_probe import Examined, Probed, Question, examined
from rcflab.execute.batch import Resources
from rcflab.provenance import code_digest
from rcflab.storage.remote import Remote

from .conftest import Quiet, served

CELL = Resources(True, 1, 2, 1, None, True, 50)
WANTED = Wanted({"python": "3.11.9", "torch": "2.14.1"}, "a" * 64, CELL)


def node(name: str = "10.0.0.1", **changed: object) -> Examined:
    there = Examined(node=name, versions={"python": "3.11.2", "torch": "2.14.1+cu130"}, code_digest="a" * 64, faults={})
    there.update(changed)  # pyright: ignore[reportCallIssue, reportArgumentType]
    return there


def said(*nodes: Examined, gpus: float = 4.0, wanted: Wanted = WANTED) -> list[str]:
    there = [{"CPU": 8.0, "GPU": gpus} for _ in nodes]
    return [str(each) for each in preflight_problems(Probed(nodes=list(nodes), resources=there), wanted)]


def test_a_cluster_like_this_machine_fits_with_another_patch_of_python_and_build_of_torch() -> None:
    assert said(node(), node("10.0.0.2")) == []


def test_everything_that_is_wrong_is_said_at_once() -> None:
    bad = node("10.0.0.2", versions={"python": "3.12.1"}, code_digest=None, faults={"/data": "no such folder"})
    found = said(node(), bad, gpus=0.0)
    for words in ("python: got 3.12.1", "torch: got nothing", "code of rcf and rcflab: got none", "/data: got no such"):
        assert sum(words in each for each in found) == 1, found
    assert any("one worker of a cell: got 2 CPUs, 1 GPU, expected what one node has: 8 CPUs" in each for each in found)
    assert len(found) == 5


def test_what_is_left_on_many_nodes_holds_no_worker() -> None:
    wide = replace(WANTED, resources=replace(CELL, threads=12))
    (only,) = said(node(), node("10.0.0.2"), wanted=wide)
    assert "one worker of a cell: got 12 CPUs, 1 GPU, expected what one node has: 8 CPUs, 4 GPUs" in only


def test_a_cluster_that_grows_may_have_no_room_yet() -> None:
    growing = replace(WANTED, resources=replace(CELL, threads=12, grows=True, max_concurrent=4))
    assert said(node(), wanted=growing) == []


def test_a_fault_of_many_nodes_is_one_line() -> None:
    (only,) = said(*(node(f"10.0.0.{number}", code_digest="b" * 64) for number in range(50)))
    assert "50 nodes" in only and "--ship-code" in only and "bbbbbbbbbbbb," in only


def test_a_cluster_without_nodes_fits_nothing() -> None:
    assert len(said()) == 1


@contextmanager
def tracking(code: int, login: str = "") -> Generator[str]:
    """Answers every question to MLflow with `code`; with `login`, to whoever shows it, and with 401 to others."""

    class Handler(Quiet):
        def do_POST(self) -> None:
            wanted = json.loads(self.rfile.read(int(self.headers["Content-Length"]))) == {"max_results": 1}
            shown = self.headers.get("Authorization", "").removeprefix("Basic ")
            right = not login or b64decode(shown).decode() == login
            found = wanted and self.path == "/api/2.0/mlflow/experiments/search"
            self.send_response(401 if not right else code if found else 404)
            self.end_headers()
            self.wfile.write(b"Invalid Host header" if code == 403 else b"{}")

    with served(Handler) as address:
        yield address


def question(folder: Path, tracking: str | None = None, data: str | None = None) -> Question:
    return Question(packages=["torch", "no-such"], storage=str(folder / "runs"), tracking=tracking,
                    data=[str(folder) if data is None else data])  # fmt: skip


def test_this_machine_is_examined_and_left_as_it_was(tmp_path: Path) -> None:
    with tracking(200) as address:
        found = examined(question(tmp_path, address), "me")
    assert (found["node"], found["faults"], found["code_digest"]) == ("me", {}, code_digest())
    assert set(found["versions"]) == {"python", "torch"}
    assert list((tmp_path / "runs").iterdir()) == []


def test_what_cannot_be_used_is_told_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file where a folder should be")
    with tracking(403) as address:
        faults = examined(question(tmp_path, address, str(tmp_path / "none")))["faults"]
    assert faults[address] == "answers 403: Invalid Host header"
    assert faults[str(tmp_path / "none")] == "no such folder"
    assert faults[str(tmp_path / "runs")]


def test_a_node_logs_in_as_mlflow_would_by_the_environment_or_by_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with tracking(200, "ana:of the file") as address:
        assert "answers 401" in examined(question(tmp_path, address))["faults"][address]
        (tmp_path / ".mlflow").mkdir()
        (tmp_path / ".mlflow" / "credentials").write_text(
            "[mlflow]\nmlflow_tracking_username = ana\nmlflow_tracking_password = of the file\n"
        )
        assert examined(question(tmp_path, address))["faults"] == {}
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "of the environment")
        assert "answers 401" in examined(question(tmp_path, address))["faults"][address]


def test_a_server_that_is_gone_does_not_answer(tmp_path: Path) -> None:
    with tracking(200) as address:
        pass
    assert "does not answer" in examined(question(tmp_path, address))["faults"][address]


@pytest.mark.parametrize("version", ["2.13.0", "2.14.1.post1"])
def test_another_version_of_torch_is_another_number_in_the_table(version: str) -> None:
    (only,) = said(node(versions={"python": "3.11.9", "torch": version}))
    assert f"torch: got {version}" in only


def asked(storage: str, data: str) -> Question:
    return Question(packages=[], storage=storage, tracking=None, data=[data])


def test_a_store_of_objects_is_tried_from_the_node_and_left_clean(store: str) -> None:
    remote = Remote(store)
    remote.write("avis/train.json", b"{}")
    assert examined(asked(store, f"{store}/avis"))["faults"] == {}
    assert set(remote.marks("")) == {"avis/train.json"}


def test_a_store_that_refuses_the_node_is_a_fault_of_it(store: str) -> None:
    storage, data = "s3://no-such-bucket-here/runs", f"{store}/none"
    faults = examined(asked(storage, data))["faults"]
    assert "bucket does not exist" in faults[storage] and faults[data] == "nothing is there"
