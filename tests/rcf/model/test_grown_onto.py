"""A coarse map comes to lie over the cells that it was made from, whatever the size of the frame."""

import torch
import torch.nn.functional as functional
from hypothesis import given
from hypothesis import strategies as st

from rcf.model.tokens import grown_onto


@given(height=st.integers(1, 70), width=st.integers(1, 70), factor=st.sampled_from([2, 4]))
def test_each_cell_lies_over_its_parent(height: int, width: int, factor: int) -> None:
    rows = torch.arange(height, dtype=torch.float32)[:, None].expand(height, width)
    columns = torch.arange(width, dtype=torch.float32).expand(height, width)
    fine = torch.stack((rows, columns))[None]
    coarse = fine[..., ::factor, ::factor] // factor  # what a strided convolution makes: ceil(side / factor) cells
    assert torch.equal(grown_onto(coarse, fine, factor), fine // factor)


@given(height=st.integers(1, 12), width=st.integers(1, 12))
def test_a_map_of_half_the_size_is_enlarged_as_by_nearest_neighbours(height: int, width: int) -> None:
    coarse = torch.rand(1, 2, height, width)
    fine = torch.zeros(1, 1, 2 * height, 2 * width)
    wanted = functional.interpolate(coarse, size=fine.shape[-2:], mode="nearest")
    assert torch.equal(grown_onto(coarse, fine, 2), wanted)
