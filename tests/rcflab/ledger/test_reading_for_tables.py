"""A ledger that is read for a table: the same state without curves, and no less watchful."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcflab.errors import StorageError
from rcflab.ledger.events import Metrics
from rcflab.ledger.lines import decode, decode_without_values, encode
from rcflab.ledger.reader import read_key
from rcflab.ledger.writer import LedgerWriter

finite = st.floats(allow_nan=False, allow_infinity=False)
keys = st.text(st.characters(codec="utf-8"), max_size=20)


@given(st.integers(0, 10**12), st.integers(0, 10**9), st.dictionaries(keys, finite, max_size=5))
def test_a_line_of_metrics_gives_its_time_and_step_whatever_its_values_are_called(ts_ms, step, values):
    event = Metrics(ts_ms, step, values)
    line = encode(event)[:-1]
    assert decode_without_values(line) == replace(event, values={})
    assert decode(line) == event


def test_every_other_event_is_read_in_full(make):
    for event in (make.attempt(), make.checkpoint(1), make.evaluation(1, 2.0), make.state("finished", 1)):
        assert decode_without_values(encode(event)[:-1]) == event


def test_the_state_is_that_of_a_full_reading_but_for_its_curves(tmp_path, lease, make):
    with LedgerWriter(tmp_path, make.key, lease) as writer:
        writer.append_many([make.attempt(), *(make.metrics(step, 1.0 / step) for step in range(1, 8))])
        writer.append_many([make.attempt(2, 0, "code-b"), make.metrics(1, 0.5, 2), make.metrics(2, 0.25, 2)])
        writer.append_many([make.checkpoint(2), make.evaluation(2, 33.0), make.state("finished", 2)])
    full, short = read_key(tmp_path, make.key), read_key(tmp_path, make.key, series=False)
    assert (full.generation, full.step) == (1, 2) and full.series
    assert short == replace(full, series={})


def test_a_flipped_bit_in_a_line_that_is_not_decoded_is_found_all_the_same(tmp_path, lease, make):
    with LedgerWriter(tmp_path, make.key, lease) as writer:
        writer.append_many([make.metrics(step, 0.5) for step in range(1, 4)])
    (path,) = lease.folder.glob("*.jsonl")
    content = bytearray(path.read_bytes())
    content[content.index(b"0.5")] ^= 1
    path.write_bytes(content)
    with pytest.raises(StorageError, match="line 1"):
        read_key(tmp_path, make.key, series=False)
