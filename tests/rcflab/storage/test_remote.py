"""What every store must do for us, asked of S3 as moto serves it."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rcflab.errors import StorageError
from rcflab.storage.remote import Remote, bytes_in


def test_objects_are_listed_with_marks_that_follow_their_content(remote):
    remote.write("a/x", b"one")
    remote.write("a/deep/y", b"two")
    remote.write("ab/z", b"three")
    first = remote.marks("a")
    assert set(first) == {"a/x", "a/deep/y"} and bytes_in(first["a/x"]) == 3
    remote.write("a/x", b"six")
    assert remote.marks("a")["a/x"] != first["a/x"] and remote.marks("a")["a/deep/y"] == first["a/deep/y"]
    assert set(remote.marks("")) == {"a/x", "a/deep/y", "ab/z"} and remote.marks("nothing") == {}


def test_an_object_is_read_fetched_sent_and_deleted(remote, tmp_path: Path):
    (tmp_path / "in").write_bytes(b"content")
    remote.send(tmp_path / "in", "a/file")
    assert remote.read("a/file") == b"content"
    assert remote.fetch("a/file", tmp_path / "out") and (tmp_path / "out").read_bytes() == b"content"
    remote.delete(["a/file", "a/never-there"])
    assert remote.read("a/file") is None and not remote.fetch("a/file", tmp_path / "gone")
    remote.delete([])


def test_of_many_that_create_one_object_one_is_told_so(remote):
    told: list[bool] = []
    barrier = threading.Barrier(8)

    def create(number: int) -> None:
        barrier.wait()
        told.append(remote.create("claim", str(number).encode()))

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == [False] * 7 + [True]
    assert not remote.create("claim", b"late") and remote.read("claim") != b"late"


def test_the_store_says_when_an_object_was_written(remote):
    remote.write("a", b"")
    written = remote.written("a")
    assert written is not None and abs((datetime.now(UTC) - written).total_seconds()) < 60
    assert remote.written("nothing") is None


@pytest.mark.parametrize("act", ["marks", "read", "write", "create", "delete"])
def test_a_store_that_refuses_is_named_with_what_to_do(store, act):
    missing = Remote("s3://no-such-bucket-here/runs")
    calls = {
        "marks": lambda: missing.marks(""),
        "write": lambda: missing.write("a", b""),
        "create": lambda: missing.create("a", b""),
    }
    if act not in calls:  # nothing is there, nothing is removed: no fault of the store
        assert missing.read("a") is None
        missing.delete(["a"])
        return
    with pytest.raises(StorageError, match=r"s3://no-such-bucket-here/runs: could not .*run the same command again"):
        calls[act]()


def test_a_store_that_does_not_answer_is_a_fault_of_the_storage(store, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(StorageError, match="s3://bucket-of-nobody/runs"):
        Remote("s3://bucket-of-nobody/runs").write("a", b"")


def test_a_store_whose_library_is_missing_says_what_to_install():
    with pytest.raises(StorageError, match=r"pip install 'rcflab\[s3\]'"):
        Remote("nosuch://bucket/runs").marks("")
