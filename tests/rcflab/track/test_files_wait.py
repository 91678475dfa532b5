"""Where files cannot be kept all else arrives; a refused login ends the waiting, a store that takes things does not."""

import threading
import time

import pytest

from rcflab.track.cursor import read_cursor, ship_folder
from rcflab.track.shipper import Pending, Shipper
from rcflab.track.tracker import ArtifactsDownError, TrackingAccessError


@pytest.fixture
def cells(new_cell):
    return [new_cell("a"), new_cell("b")]


@pytest.fixture
def shipper(tmp_path, store, new_plan, cells, life):
    for cell in cells:
        life.whole(cell)
    return Shipper(tmp_path, new_plan(*cells), store)


@pytest.fixture
def no_bucket(store, monkeypatch):
    """Sending a file fails until this is set; counts how often that was tried."""
    there, tried = threading.Event(), []
    upload, write = store.upload, store.write_text

    def send(call):
        def sent(*arguments):
            tried.append(arguments[1])
            if not there.is_set():
                raise ArtifactsDownError("memory: no bucket")
            call(*arguments)

        return sent

    monkeypatch.setattr(store, "upload", send(upload))
    monkeypatch.setattr(store, "write_text", send(write))
    there.tried = tried
    return there


def test_without_a_bucket_every_row_tag_and_status_arrives_and_the_fault_is_told(shipper, store, cells, no_bucket):
    shipper.ship()
    for cell in cells:
        assert store.steps(cell, "train/loss") == [1, 2, 3]
        (stored,) = store.cells(cell.eval_key)
        assert (stored.status, stored.files) == ("FINISHED", {})
    assert shipper.pending() == Pending(0, "memory: no bucket")
    assert not shipper.pending().clear


def test_one_pass_tries_one_file_and_the_next_pass_tries_again(shipper, no_bucket):
    shipper.ship()
    assert len(no_bucket.tried) == 1
    shipper.ship()
    assert len(no_bucket.tried) == 2


def test_files_are_sent_once_when_the_bucket_is_back_and_no_row_again(shipper, store, cells, no_bucket):
    shipper.ship()
    rows = store.calls.count("log_rows")
    no_bucket.set()
    shipper.ship()
    assert shipper.pending() == Pending(0, None)
    for cell in cells:
        (stored,) = store.cells(cell.eval_key)
        assert set(stored.files) == {"config.json", "records.npz", "results.json", "overlays/clip.png"}
    assert store.calls.count("log_rows") == rows
    sent = store.calls.count("upload")
    shipper.ship()
    assert store.calls.count("upload") == sent


def test_another_process_sends_the_files_that_one_could_not(shipper, store, cells, no_bucket, tmp_path, new_plan):
    shipper.finish(1)
    assert read_cursor(ship_folder(tmp_path, store.uri), cells[0].eval_key).ledger_bytes == -1
    no_bucket.set()
    assert Shipper(tmp_path, new_plan(*cells), store).finish(10) == Pending(0, None)
    assert all("records.npz" in each.files for each in store.cells())


def test_a_refused_login_ends_the_waiting_at_once_and_loses_nothing(shipper, store, cells, monkeypatch):
    def refuse(*_):
        raise TrackingAccessError("memory: refuses the login of ana (401)")

    with monkeypatch.context() as patched:
        patched.setattr(store, "open_experiment", refuse)
        start = time.monotonic()
        pending = shipper.finish(60)
        assert time.monotonic() - start < 30
    assert (pending.refused, pending.events) == (True, 14)
    assert str(pending) == "14 events wait: memory: refuses the login of ana (401)"
    assert shipper.finish(10) == Pending(0, None)
    assert store.steps(cells[0], "train/loss") == [1, 2, 3]


def test_a_slow_store_is_given_time_for_all_while_it_takes_something(shipper, store, monkeypatch):
    log_rows = store.log_rows

    def slowly(*arguments):
        time.sleep(1.0)
        log_rows(*arguments)

    monkeypatch.setattr(store, "log_rows", slowly)
    assert shipper.finish(1.5, to_the_end=True) == Pending(0, None)


def test_a_pass_that_hangs_does_not_hide_the_fault_of_the_one_before(shipper, store, monkeypatch):
    store.down = True
    shipper.ship()
    hangs, goes_on = threading.Event(), threading.Event()

    def hang(*_):
        hangs.set()
        goes_on.wait(60)

    monkeypatch.setattr(store, "open_experiment", hang)
    thread = threading.Thread(target=shipper.ship)
    thread.start()
    assert hangs.wait(30)
    assert shipper.pending().fault == "memory: connection refused"
    goes_on.set()
    thread.join()
