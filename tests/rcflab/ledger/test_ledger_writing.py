"""What an acknowledged append promises, and what the reader makes of crashes and damage."""

import errno
import os
import signal

import pytest

from rcflab.errors import FencedError, StorageError
from rcflab.faults import FAULT_VARIABLE, InjectedFault, reset_faults
from rcflab.ledger.lease import acquire, this_process
from rcflab.ledger.reader import Tail, ledger_bytes, read_events
from rcflab.ledger.writer import LedgerWriter

KEY = "0123456789abcdef"


@pytest.fixture
def three(tmp_path, lease, make):
    """A ledger of three events in one unsealed segment, and the path of the segment."""
    events = (make.attempt(), make.metrics(1, 0.5), make.metrics(2, 0.25))
    writer = LedgerWriter(tmp_path, KEY, lease)
    writer.append_many(events)
    return events, lease.folder / "00000001-0000.jsonl"


def test_every_kind_of_event_comes_back_as_it_was_written(tmp_path, lease, make):
    events = (
        make.attempt(),
        make.metrics(1, 0.1 + 0.2, **{"time/step_ms": 12.0}),
        make.checkpoint(1),
        make.evaluation(1, 33.3),
        make.state("failed", 1, "ValueError: ünïcode\nline", "error"),
    )
    with LedgerWriter(tmp_path, KEY, lease) as writer:
        for event in events:
            writer.append(event)
    assert read_events(tmp_path, KEY) == events


def test_a_key_without_ledger_has_no_events(tmp_path):
    assert read_events(tmp_path, KEY) == ()
    assert not (tmp_path / "ledger").exists()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_metric_that_is_not_finite_is_refused(tmp_path, lease, make, value):
    with LedgerWriter(tmp_path, KEY, lease) as writer:
        with pytest.raises(ValueError, match=r"step 3.*train/loss"):
            writer.append(make.metrics(3, value))
        with pytest.raises(ValueError, match="toy/score"):
            writer.append(make.evaluation(3, value))
        writer.append(make.metrics(4, 1.0))
    assert read_events(tmp_path, KEY) == (make.metrics(4, 1.0),)


def test_segments_rotate_at_their_size_and_lose_nothing(tmp_path, lease, make):
    events = tuple(make.metrics(step, step / 7) for step in range(100))
    with LedgerWriter(tmp_path, KEY, lease, max_bytes=1000) as writer:
        for event in events:
            writer.append(event)
    segments = sorted(lease.folder.glob("*.jsonl"))
    assert len(segments) > 5
    assert max(path.stat().st_size for path in segments) < 1500
    assert read_events(tmp_path, KEY) == events


def test_a_second_writer_of_one_lease_opens_a_segment_of_its_own(tmp_path, lease, make):
    for step in (1, 2):
        with LedgerWriter(tmp_path, KEY, lease) as writer:
            writer.append(make.metrics(step, 1.0))
    assert [event.step for event in read_events(tmp_path, KEY)] == [1, 2]


def test_tokens_are_ordered_as_numbers(tmp_path, make):
    for number in (1, 2, 3):
        with LedgerWriter(tmp_path, KEY, acquire(tmp_path, KEY, this_process())) as writer:
            writer.append(make.attempt(number))
    folder = tmp_path / "ledger" / KEY
    (folder / "00000003-0000.jsonl").rename(folder / "100000000-0000.jsonl")
    (folder / "00000002-0000.jsonl").rename(folder / "99999999-0000.jsonl")
    assert [event.attempt for event in read_events(tmp_path, KEY)] == [1, 2, 3]


def test_an_old_owner_cannot_append_after_a_takeover(tmp_path, lease, make):
    with LedgerWriter(tmp_path, KEY, lease) as old:
        old.append(make.metrics(1, 1.0))
        with LedgerWriter(tmp_path, KEY, acquire(tmp_path, KEY, this_process())) as new:
            new.append(make.metrics(2, 1.0))
            with pytest.raises(FencedError):
                old.append(make.metrics(9, 1.0))
    assert [event.step for event in read_events(tmp_path, KEY)] == [1, 2]


def test_a_line_cut_at_any_byte_is_dropped_and_the_lines_before_it_stay(tmp_path, three):
    events, path = three
    whole = path.read_bytes()
    last = whole.rindex(b"\n", 0, len(whole) - 1) + 1
    for length in range(last, len(whole)):
        path.write_bytes(whole[:length])
        assert read_events(tmp_path, KEY) == events[:2], f"cut after {length - last} bytes"


def test_a_flipped_bit_anywhere_is_an_error_that_names_file_and_line(tmp_path, three):
    _, path = three
    whole = path.read_bytes()
    second = whole.index(b"\n") + 1
    end = whole.index(b"\n", second)
    for place in range(second, end):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(StorageError, match=r"00000001-0000\.jsonl: line 2: "):
            read_events(tmp_path, KEY)


def test_a_line_after_the_seal_is_an_error(tmp_path, three):
    _, path = three
    with LedgerWriter(tmp_path, KEY, acquire(tmp_path, KEY, this_process())) as writer:
        writer.append(three[0][0])
    sealed = path.with_name("00000002-0000.jsonl")
    sealed.write_bytes(sealed.read_bytes() + path.read_bytes().splitlines(keepends=True)[0])
    with pytest.raises(StorageError, match="after the seal"):
        read_events(tmp_path, KEY)


def test_sigkill_inside_an_append_keeps_every_acknowledged_event(tmp_path, spawn, monkeypatch):
    monkeypatch.setenv(FAULT_VARIABLE, "ledger.append:kill:5")
    child = spawn("""
from rcflab.ledger.events import Metrics
from rcflab.ledger.lease import acquire, this_process
from rcflab.ledger.writer import LedgerWriter
with LedgerWriter(storage, key, acquire(storage, key, this_process())) as writer:
    for step in range(1, 20):
        writer.append(Metrics(step, step, {"train/loss": 1.0 / step}))
        print(step, flush=True)
""")
    output, _ = child.communicate()
    acknowledged = [int(line) for line in output.split()]
    steps = [event.step for event in read_events(tmp_path, KEY)]
    assert child.returncode == -signal.SIGKILL
    assert acknowledged == [1, 2, 3, 4]
    assert steps[:4] == acknowledged and len(steps) <= 5


def test_a_full_disk_is_a_storage_error_and_the_next_append_loses_nothing(tmp_path, lease, make, monkeypatch):
    write = os.write

    def half_then_full(file, data):
        write(file, bytes(data)[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    with LedgerWriter(tmp_path, KEY, lease) as writer:
        writer.append(make.metrics(1, 1.0))
        monkeypatch.setattr(os, "write", half_then_full)
        with pytest.raises(StorageError, match=r"00000001-0000\.jsonl.*No space left"):
            writer.append(make.metrics(2, 1.0))
        monkeypatch.setattr(os, "write", write)
        writer.append(make.metrics(2, 1.0))
    assert [event.step for event in read_events(tmp_path, KEY)] == [1, 2]


def test_any_other_fault_inside_an_append_leaves_a_readable_ledger(tmp_path, lease, make, monkeypatch):
    reset_faults()
    monkeypatch.setenv(FAULT_VARIABLE, "ledger.append:raise:2")
    with LedgerWriter(tmp_path, KEY, lease) as writer:
        writer.append(make.metrics(1, 1.0))
        with pytest.raises(InjectedFault):
            writer.append(make.metrics(2, 1.0))
        writer.append(make.metrics(3, 1.0))
    assert [event.step for event in read_events(tmp_path, KEY)][-1] == 3


def test_a_storage_root_that_cannot_be_made_is_a_storage_error(tmp_path):
    (tmp_path / "ledger").write_text("a file where the folder should be")
    with pytest.raises(StorageError, match="ledger"):
        acquire(tmp_path, KEY, this_process())


def test_a_tail_gives_each_event_once_also_over_torn_lines_and_new_segments(tmp_path, make):
    tail = Tail(tmp_path, KEY)
    assert tail.poll() == ()
    writer = LedgerWriter(tmp_path, KEY, acquire(tmp_path, KEY, this_process()))
    writer.append(make.metrics(1, 1.0))
    assert [event.step for event in tail.poll()] == [1]
    path = next((tmp_path / "ledger" / KEY).glob("*.jsonl"))
    with path.open("ab") as stream:
        stream.write(b'{"kind":"metr')
    assert tail.poll() == ()
    with LedgerWriter(tmp_path, KEY, acquire(tmp_path, KEY, this_process())) as newer:
        newer.append(make.metrics(2, 1.0))
        assert [event.step for event in tail.poll()] == [2]
        newer.append(make.metrics(3, 1.0))
    assert [event.step for event in tail.poll()] == [3]
    assert tail.poll() == ()


def test_the_offset_of_a_tail_meets_the_size_of_the_ledger_when_all_is_read(tmp_path, lease, make):
    tail = Tail(tmp_path, KEY)
    with LedgerWriter(tmp_path, KEY, lease) as writer:
        writer.append(make.metrics(1, 1.0))
        tail.poll()
        assert tail.offset == ledger_bytes(tmp_path, KEY)
        writer.append(make.metrics(2, 1.0))
        assert tail.offset < ledger_bytes(tmp_path, KEY)
    tail.poll()
    assert tail.offset == ledger_bytes(tmp_path, KEY)
