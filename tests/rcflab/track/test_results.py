"""Results as tags of a run and back: every bit of every number, whatever its length."""

from hypothesis import given
from hypothesis import strategies as st

from rcflab.ledger.events import AttemptStarted, CheckpointSaved, Evaluated, StateChanged
from rcflab.ledger.fold import KeyFold, fold
from rcflab.track.results import PART, joined, key_state, parts, result_tags

finite = st.floats(allow_nan=False, allow_infinity=False)
values = st.dictionaries(st.sampled_from([f"val/metric{i}" for i in range(300)]), finite, max_size=200)


def state_of(found, code="c" * 64):
    return fold(
        [
            AttemptStarted(1, 1, 0, {"code_digest": code}, 1),
            CheckpointSaved(2, 20, "cells/x/checkpoints/step-00000020", "ab" * 32),
            Evaluated(3, 10, "trial", False, {"val/metric0": 99.0}, "vd", "cells/x/eval/trial/s/records.npz", (), code),
            Evaluated(4, 20, "trial", True, found, "vd", "cells/x/eval/trial/s/records.npz", (), code),
            StateChanged(5, 20, "finished"),
        ]
    )


@given(values)
def test_numbers_come_back_bit_for_bit_also_where_they_need_several_tags(found):
    tags = result_tags(state_of(found), "trial")
    assert all(len(text) <= PART for text in tags.values())
    final = key_state({"trial": tags}).final("trial")
    assert {key: value.hex() for key, value in final.values.items()} == {k: v.hex() for k, v in found.items()}


@given(st.text(max_size=3 * PART), st.text(max_size=3 * PART))
def test_a_shorter_text_over_a_longer_one_is_still_its_beginning(first, second):
    tags = parts("name", first) | parts("name", second)
    assert joined("name", tags).startswith(second)
    assert joined("name", parts("name", second)) == second


def test_only_final_evaluations_of_the_trial_are_results():
    tags = result_tags(state_of({"val/metric0": 1.5}), "trial")
    assert result_tags(state_of({"val/metric0": 1.5}), "another") == {"rcflab.state": "finished"}
    assert [e.values for e in key_state({"trial": tags}).evaluations] == [{"val/metric0": 1.5}]


def test_a_training_of_which_the_store_has_nothing_is_empty():
    assert key_state({}) == KeyFold().state()


def test_a_failure_comes_back_with_its_reason():
    tags = {"rcflab.state": "failed", "rcflab.reason": "RuntimeError: boom", "rcflab.failure": "error"}
    state = key_state({"trial": tags})
    assert (state.state, state.reason, state.failure) == ("failed", "RuntimeError: boom", "error")


def test_the_run_that_was_brought_up_to_date_last_speaks_for_the_training():
    old = {"rcflab.state": "interrupted", "rcflab.attempts": "1"}
    new = {"rcflab.state": "finished", "rcflab.attempts": "2"}
    assert key_state({"a": new, "b": old}).state == key_state({"a": old, "b": new}).state == "finished"


def test_that_a_gpu_trained_it_comes_back():
    assert float(key_state({"trial": {"rcflab.gpus": "2.0"}}).provenance["gpus"]) == 2.0
