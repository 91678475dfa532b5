"""A checkpoint is whole or not there."""

import errno
import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from rcf.errors import CheckpointError
from rcflab.errors import FencedError, StorageError
from rcflab.execute.checkpoints import MANIFEST, CheckpointStore, folder_name


def owner() -> AbstractContextManager[None]:
    return nullcontext()


def orphan() -> AbstractContextManager[None]:
    raise FencedError("a newer owner holds the key")


def writing(content: bytes) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "weights.bin").write_bytes(content)
        (folder / "optimiser.bin").write_bytes(b"momentum")

    return write


def commit(store: CheckpointStore, *steps: int) -> None:
    for step in steps:
        store.commit(step, writing(bytes([step]) * 100), {"attempt": 1})


@pytest.fixture
def store(tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(tmp_path / "checkpoints", owner)


def test_the_newest_checkpoint_is_found_with_what_was_written(store: CheckpointStore) -> None:
    commit(store, 5, 10)
    newest = store.newest_valid()
    assert newest is not None
    assert (newest.step, newest.meta) == (10, {"attempt": 1})
    assert (newest.folder / "weights.bin").read_bytes() == bytes([10]) * 100


def test_two_checkpoints_are_kept(store: CheckpointStore) -> None:
    commit(store, 5, 10, 15)
    assert sorted(path.name for path in store.folder.iterdir()) == [folder_name(10), folder_name(15)]


def test_nothing_is_found_where_nothing_was_saved(store: CheckpointStore) -> None:
    assert store.newest_valid() is None


def damage_flip(folder: Path) -> None:
    path = folder / "weights.bin"
    content = bytearray(path.read_bytes())
    content[50] ^= 1
    path.write_bytes(content)


def damage_truncate(folder: Path) -> None:
    path = folder / "weights.bin"
    path.write_bytes(path.read_bytes()[:-1])


def damage_empty(folder: Path) -> None:
    (folder / "weights.bin").write_bytes(b"")


def damage_delete(folder: Path) -> None:
    (folder / "optimiser.bin").unlink()


def damage_manifest_zero(folder: Path) -> None:
    (folder / MANIFEST).write_bytes(b"\0" * 40)


def damage_manifest_gone(folder: Path) -> None:
    (folder / MANIFEST).unlink()


def damage_manifest_list(folder: Path) -> None:
    (folder / MANIFEST).write_text("[]")


DAMAGES = [
    damage_flip,
    damage_truncate,
    damage_empty,
    damage_delete,
    damage_manifest_zero,
    damage_manifest_gone,
    damage_manifest_list,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_passed_over_with_its_reason(
    store: CheckpointStore, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    commit(store, 5, 10)
    damage(store.folder / folder_name(10))
    newest = store.newest_valid()
    assert newest is not None and newest.step == 5
    assert "checkpoint rejected" in caplog.text and folder_name(10) in caplog.text


@pytest.mark.parametrize("damage", DAMAGES)
def test_all_checkpoints_damaged_is_an_error_and_no_silent_restart(
    store: CheckpointStore, damage: Callable[[Path], None]
) -> None:
    commit(store, 5, 10)
    for step in (5, 10):
        damage(store.folder / folder_name(step))
    with pytest.raises(CheckpointError, match="all 2 checkpoints are damaged"):
        store.newest_valid()


def test_a_checkpoint_that_is_not_accepted_is_not_gone_on_from(store: CheckpointStore) -> None:
    commit(store, 5)
    assert store.newest_valid(lambda meta: meta["attempt"] == 2) is None


def test_a_damaged_checkpoint_of_the_same_step_is_replaced(store: CheckpointStore) -> None:
    commit(store, 5)
    damage_flip(store.folder / folder_name(5))
    commit(store, 5)
    newest = store.newest_valid()
    assert newest is not None and newest.step == 5


def test_dropped_files_are_neither_there_nor_in_the_manifest(store: CheckpointStore) -> None:
    saved = store.commit(5, writing(b"w"), {}, drop=("optimiser.bin",))
    assert sorted(path.name for path in saved.folder.iterdir()) == [MANIFEST, "weights.bin"]
    assert list(json.loads((saved.folder / MANIFEST).read_text())["files"]) == ["weights.bin"]
    assert store.newest_valid() is not None


def test_a_fenced_writer_changes_nothing(store: CheckpointStore) -> None:
    commit(store, 5)
    half_written = store.folder / ".tmp-of-the-new-owner"
    half_written.mkdir()
    fenced = CheckpointStore(store.folder, orphan)
    with pytest.raises(FencedError):
        commit(fenced, 10)
    assert sorted(path.name for path in store.folder.iterdir()) == [half_written.name, folder_name(5)]


@pytest.mark.parametrize(
    "fault",
    [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("io error: No space left on device (os error 28)")],
)
def test_a_full_disk_leaves_the_earlier_checkpoint_intact(store: CheckpointStore, fault: Exception) -> None:
    commit(store, 5)

    def write(folder: Path) -> None:
        (folder / "weights.bin").write_bytes(b"half")
        raise fault

    with pytest.raises(StorageError, match=r"step 10 could not be written.*Earlier checkpoints are intact"):
        store.commit(10, write, {})
    newest = store.newest_valid()
    assert newest is not None and newest.step == 5
    assert [path.name for path in store.folder.iterdir()] == [folder_name(5)]


def test_a_defect_of_the_task_is_not_called_a_full_disk(store: CheckpointStore) -> None:
    def write(folder: Path) -> None:
        raise ValueError("a defect")

    with pytest.raises(ValueError, match="a defect"):
        store.commit(5, write, {})


def test_what_a_killed_process_left_is_swept_by_the_next_commit(store: CheckpointStore) -> None:
    leftover = store.folder / ".tmp-killed"
    leftover.mkdir(parents=True)
    (leftover / "weights.bin").write_bytes(b"half")
    commit(store, 5)
    assert [path.name for path in store.folder.iterdir()] == [folder_name(5)]


def test_clear_leaves_nothing(store: CheckpointStore) -> None:
    commit(store, 5, 10)
    store.clear()
    assert list(store.folder.iterdir()) == []
