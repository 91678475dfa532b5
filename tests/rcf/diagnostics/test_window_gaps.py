"""How far windows move, against windows that are stacked by hand."""

import pytest
import torch
from torch import Tensor

from rcf.diagnostics.window_gaps import over_windows, squared_steps


def stacked(frames: Tensor, references: int) -> list[Tensor]:
    return [torch.stack([frames[max(t - k, 0)] for k in range(references, -1, -1)]).double() for t in range(6)]


@pytest.mark.parametrize("references", [0, 1, 3])
def test_gaps_equal_the_norm_between_stacked_windows(references: int) -> None:
    images = torch.randn(6, 3, 4, 5)
    windows = stacked(images, references)
    expected = [float((windows[t] - windows[t - 1]).norm()) for t in range(1, 6)]
    assert over_windows(squared_steps(images), references).tolist() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("references", [0, 2])
def test_a_video_of_one_frame_has_no_pairs(references: int) -> None:
    assert over_windows(squared_steps(torch.rand(1, 3, 4, 4)), references).tolist() == []
