"""How far windows move, against windows that are stacked by hand."""

import pytest
import torch

from rcf.diagnostics.window_gaps import window_gaps


@pytest.mark.parametrize("references", [0, 1, 3])
def test_window_gaps_equal_the_norm_between_stacked_windows(references: int) -> None:
    images = torch.randn(6, 3, 4, 5)
    stacked = [torch.stack([images[max(t - k, 0)] for k in range(references, -1, -1)]) for t in range(6)]
    expected = [(stacked[t].double() - stacked[t - 1].double()).norm().item() for t in range(1, 6)]
    assert window_gaps(images, references).tolist() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("references", [0, 2])
def test_a_video_of_one_frame_has_no_pairs(references: int) -> None:
    assert window_gaps(torch.rand(1, 3, 4, 4), references).tolist() == []
