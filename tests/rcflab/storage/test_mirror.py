from pathlib import Path

import pytest

from rcflab.errors import InputError
from rcflab.storage.mirror import ObjectMirror
from rcflab.storage.opening import mirror_of

CHECKPOINTS = "cells/k1/checkpoints"


def put(root: Path, name: str, content: str = "content") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def names(root: Path, folder: str) -> list[str]:
    found = (path.relative_to(root) for path in (root / folder).rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in found)


@pytest.fixture
def machines(machine):
    """Two machines with a mirror each, and their folders."""
    a, b = machine("a"), machine("b")
    machine("a")
    first = mirror_of(a)
    machine("b")
    return a, first, b, mirror_of(b)


def test_what_one_machine_keeps_another_one_fetches(machines):
    a, first, b, second = machines
    put(a, "experiments/e/table.md", "the table")
    put(a, "experiments/e/figures/x.png", "a picture")
    first.keep(a / "experiments/e")
    second.fetch("experiments/e")
    assert (b / "experiments/e/table.md").read_text() == "the table"
    assert names(a, "experiments") == names(b, "experiments")


def test_a_folder_that_has_not_changed_is_not_fetched_again(machines, monkeypatch):
    a, first, _, second = machines
    put(a, "experiments/e/table.md", "1")
    put(a, "experiments/e/page.html", "1")
    first.keep(a / "experiments/e")
    second.fetch("experiments/e")
    fetched: list[str] = []
    get = ObjectMirror._get
    monkeypatch.setattr(ObjectMirror, "_get", lambda self, name: fetched.append(name) or get(self, name))
    second.fetch("experiments/e")
    first.fetch("experiments/e")  # what a machine has sent itself
    assert fetched == []
    put(a, "experiments/e/table.md", "2")
    first.keep(a / "experiments/e")
    second.fetch("experiments/e")
    assert fetched == ["experiments/e/table.md"]


def test_what_is_dropped_goes_from_the_other_machines_too(machines):
    a, first, b, second = machines
    put(a, "ray/run-1/stop")
    put(b, "ray/run-1/of-this-machine")
    first.keep(a / "ray/run-1")
    second.fetch("ray/run-1")
    first.drop(a / "ray/run-1")
    second.fetch("ray/run-1")
    assert names(b, "ray") == ["ray/run-1/of-this-machine"]


def test_a_checkpoint_without_its_manifest_is_not_there(machines, remote):
    a, first, b, second = machines
    put(a, f"{CHECKPOINTS}/step-00000001/weights.npy")
    put(a, f"{CHECKPOINTS}/step-00000001/manifest.json")
    first.keep(a / f"{CHECKPOINTS}/step-00000001")
    remote.write(f"{CHECKPOINTS}/step-00000002/weights.npy", b"the machine died here")
    second.fetch(CHECKPOINTS)
    assert names(b, CHECKPOINTS) == [f"{CHECKPOINTS}/step-00000001/{name}" for name in ("manifest.json", "weights.npy")]


def test_the_owner_removes_on_both_sides_what_never_became_whole(machines, remote):
    a, first, _, _ = machines
    put(a, f"{CHECKPOINTS}/step-00000001/weights.npy")
    put(a, f"{CHECKPOINTS}/step-00000001/manifest.json")
    first.keep(a / f"{CHECKPOINTS}/step-00000001")
    remote.write(f"{CHECKPOINTS}/step-00000002/weights.npy", b"half")
    put(a, f"{CHECKPOINTS}/step-00000003/manifest.json")  # this machine died before it could send it
    put(a, "cells/k1/failure-1.log")
    first.take_over("k1")
    assert names(a, "cells") == [f"{CHECKPOINTS}/step-00000001/{name}" for name in ("manifest.json", "weights.npy")]
    assert set(remote.marks("cells")) == set(names(a, "cells"))


def test_a_new_whole_in_the_place_of_an_elder_is_never_vouched_for_by_its_manifest(machines, remote, monkeypatch):
    a, first, _, _ = machines
    folder = put(a, f"{CHECKPOINTS}/step-00000001/weights.npy", "old").parent
    put(a, f"{CHECKPOINTS}/step-00000001/manifest.json", "old")
    first.keep(folder)
    put(a, f"{CHECKPOINTS}/step-00000001/weights.npy", "new")
    seen: list[dict[str, str]] = []
    send = type(remote).send

    def watched(self, path, name):
        seen.append(self.marks(CHECKPOINTS))
        send(self, path, name)

    monkeypatch.setattr(type(remote), "send", watched)
    first.keep(folder)
    assert seen and all(f"{CHECKPOINTS}/step-00000001/manifest.json" not in marks for marks in seen)


def test_what_was_sent_while_another_looked_is_not_taken_for_gone(machines, remote, monkeypatch):
    """A driver and a worker of one machine: the list that the driver got is older than what the worker has kept."""
    a, first, _, _ = machines
    put(a, "cells/k1/eval/e/step-00000001/records.npz")
    first.keep(a / "cells/k1/eval")
    marks = type(remote).marks

    def slow(self, folder):
        found = marks(self, folder)
        monkeypatch.setattr(type(remote), "marks", marks)
        put(a, "cells/k1/eval/e/step-00000002/records.npz")
        first.keep(a / "cells/k1/eval/e/step-00000002")
        return found

    monkeypatch.setattr(type(remote), "marks", slow)
    first.fetch("cells/k1/eval")
    assert len(names(a, "cells")) == 2


def test_hidden_files_stay_on_their_machine(machines, remote):
    a, first, _, _ = machines
    put(a, "experiments/e/.tmp-1/half")
    put(a, "experiments/e/table.md")
    first.keep(a / "experiments/e")
    assert set(remote.marks("")) == {"experiments/e/table.md"}


def test_sizes_and_keys_are_told_without_fetching(machines):
    a, first, b, second = machines
    put(a, f"{CHECKPOINTS}/step-00000001/manifest.json", "12345")
    put(a, "ledger/k1/00000001-0000.jsonl")
    first.keep(a / "cells/k1", a / "ledger/k1")
    assert second.bytes_of(CHECKPOINTS) == 5 and second.keys() == ["k1"]
    assert not (b / "cells").exists()


def test_a_folder_that_all_machines_share_has_no_store(tmp_path):
    mirror = mirror_of(tmp_path)
    assert not mirror.is_remote
    mirror.write(tmp_path / "x", b"content")
    mirror.keep(tmp_path / "x")
    mirror.drop(tmp_path / "x")
    mirror.take_over("k1")
    assert (tmp_path / "x").read_bytes() == b"content"


def test_a_store_that_makes_an_object_twice_is_refused_and_left_clean(machines, remote, monkeypatch):
    _, first, _, _ = machines
    first.check()
    assert remote.marks("") == {}
    monkeypatch.setattr(type(remote), "create", lambda self, name, content: self.write(name, content) is None)
    with pytest.raises(InputError, match="two machines could train one cell"):
        first.check()
    assert remote.marks("") == {}
