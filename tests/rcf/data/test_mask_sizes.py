"""Masks at another size are torch's area averages, cut at a half."""

import numpy as np
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch.nn import functional

from rcf.data.mask_size import resize_masks

SIDES = st.integers(1, 24)
MASKS = st.tuples(st.integers(1, 3), SIDES, SIDES).flatmap(lambda shape: arrays.arrays(bool, shape))


@given(MASKS, SIDES, SIDES)
@example(np.ones((1, 24, 24), dtype=bool), 1, 1)  # 576 pixels do not fit into a byte
def test_a_pixel_is_set_where_more_than_half_of_its_area_is(masks: np.ndarray, height: int, width: int) -> None:
    given_masks = torch.as_tensor(masks)
    areas = functional.interpolate(given_masks[None].double(), size=(height, width), mode="area")[0]
    assert torch.equal(resize_masks(given_masks, height, width), areas > 0.5)


def test_masks_that_do_not_overlap_do_not_overlap_after_resizing() -> None:
    left = torch.zeros(1, 9, 14, dtype=torch.bool)
    left[..., :7] = True
    assert not (resize_masks(left, 4, 5) & resize_masks(~left, 4, 5)).any()


def test_no_masks_stay_no_masks() -> None:
    assert resize_masks(torch.zeros(0, 9, 14, dtype=torch.bool), 4, 5).shape == (0, 4, 5)


def test_masks_of_the_wanted_size_are_not_copied() -> None:
    masks = torch.ones(1, 4, 5, dtype=torch.bool)
    assert resize_masks(masks, 4, 5) is masks
