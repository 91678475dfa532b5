"""Run lengths equal pycocotools', and no text whatever crashes the reader."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco

from rcf.data.runs import format_counts, mask_of_runs, parse_counts, runs_of_mask

MASKS = arrays.arrays(bool, arrays.array_shapes(min_dims=2, max_dims=2, max_side=40))


@given(MASKS)
def test_the_text_equals_that_of_pycocotools(mask: np.ndarray) -> None:
    theirs = coco.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"]
    assert format_counts(runs_of_mask(mask)).encode() == theirs


@given(MASKS)
def test_a_mask_survives_the_round_trip(mask: np.ndarray) -> None:
    text = format_counts(runs_of_mask(mask))
    assert np.array_equal(mask_of_runs(parse_counts(text), *mask.shape), mask)


@given(st.lists(st.integers(0, 2**30), max_size=30))
def test_any_runs_survive_the_round_trip(runs: list[int]) -> None:
    assert parse_counts(format_counts(np.array(runs, dtype=np.int64))).tolist() == runs


@given(st.text(max_size=60))
def test_any_text_is_runs_or_a_value_error(text: str) -> None:
    try:
        runs = parse_counts(text)
    except ValueError:
        return
    assert (runs >= 0).all()


@pytest.mark.parametrize("text", ["o", "~", "/", "ooooooooooooo0", "L"])
def test_text_that_no_encoder_writes_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="run"):
        parse_counts(text)
