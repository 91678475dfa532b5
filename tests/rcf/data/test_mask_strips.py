"""Masks kept as strips are drawn as they were, whatever their shape."""

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco

from rcf.data.strips import Strips, strips_of_counts, strips_of_masks
from rcf.evaluation.rle import encode

MASKS = st.tuples(st.integers(0, 4), st.integers(1, 20), st.integers(1, 20)).flatmap(lambda s: arrays.arrays(bool, s))


def _counts(masks: np.ndarray) -> list[str]:
    return [rle["counts"] for rle in encode(masks)]


def _parts(strips: Strips) -> list[list[int]]:
    return [strips.columns.tolist(), strips.tops.tolist(), strips.bottoms.tolist()]


@given(MASKS)
@example(np.ones((2, 3, 16), dtype=bool))
@example(np.ones((3, 1, 1), dtype=bool))
def test_texts_of_coco_are_drawn_as_the_masks_that_they_were(masks: np.ndarray) -> None:
    drawn = strips_of_counts(_counts(masks), masks.shape[1:]).draw()
    assert drawn.dtype == torch.bool
    assert drawn.is_contiguous()
    assert np.array_equal(drawn.numpy(), masks)


@given(MASKS)
@example(np.ones((2, 3, 16), dtype=bool))
def test_drawn_masks_are_cut_into_the_same_strips(masks: np.ndarray) -> None:
    found = strips_of_masks(torch.as_tensor(masks))
    assert _parts(found) == _parts(strips_of_counts(_counts(masks), masks.shape[1:]))
    assert (found.count, found.size) == (masks.shape[0], masks.shape[1:])


@given(MASKS)
def test_masks_without_a_pixel_are_left_out_and_the_others_named(masks: np.ndarray) -> None:
    left, numbers = strips_of_masks(torch.as_tensor(masks)).without_empty()
    assert numbers == [number for number, mask in enumerate(masks) if mask.any()]
    assert np.array_equal(left.draw().numpy(), masks[numbers])


def test_a_strip_may_end_where_the_next_one_begins() -> None:
    """Runs of no pixels between two of an object, as some tools write them: 1 off, 2 on, 0 off, 3 on."""
    text = "1201"
    assert coco.decode({"size": [6, 1], "counts": text}).ravel().tolist() == [0, 1, 1, 1, 1, 1]
    assert strips_of_counts([text], (6, 1)).draw().ravel().tolist() == [False, True, True, True, True, True]


def test_strips_take_a_small_part_of_the_memory_of_their_masks() -> None:
    masks = torch.zeros(1, 360, 640, dtype=torch.bool)
    masks[:, 100:200, 100:300] = True
    assert strips_of_masks(masks).nbytes == 200 * 3 * 4


@pytest.mark.parametrize("text", ["o", "0", "12", "16"])
def test_a_text_that_is_no_mask_of_the_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"one of 2 texts .* 6x1 pixels"):
        strips_of_counts(["1201", text], (6, 1))
