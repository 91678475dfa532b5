"""Overlays show who is who."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rcf.pictures import overlay_strip, save_png
from rcf.structures import FramePrediction


def _prediction(identity: int) -> FramePrediction:
    masks = torch.zeros(1, 30, 40, dtype=torch.bool)
    masks[0, 5:25, 5:35] = True
    return FramePrediction(
        slots=torch.tensor([0]),
        identities=torch.tensor([identity]),
        class_probabilities=torch.tensor([[0.9, 0.1]]),
        masks=masks,
        overridden=torch.tensor([False]),
    )


def _pixels(identities: list[int]) -> np.ndarray:
    frames = [np.full((30, 40, 3), 100, dtype=np.uint8)] * len(identities)
    return np.asarray(overlay_strip(frames, [_prediction(each) for each in identities], ("disc",)))


def test_the_same_identity_has_the_same_colour_in_every_frame_and_another_has_another() -> None:
    strip = _pixels([1, 1, 2])
    corner = [tuple(strip[40, left + 40]) for left in (0, 244, 488)]
    assert corner[0] == corner[1] != corner[2]


def test_pixels_outside_all_masks_keep_their_grey() -> None:
    assert tuple(_pixels([1])[5, 5]) == (100, 100, 100)


def test_a_long_video_is_shown_by_eight_frames_from_first_to_last() -> None:
    assert _pixels([1] * 30).shape == (180, 8 * 240 + 7 * 4, 3)


def test_a_picture_that_cannot_be_written_leaves_no_file_of_its_name(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="HSV"):
        save_png(Image.new("HSV", (2, 2)), tmp_path / "a.png")
    save_png(Image.new("RGB", (2, 2)), tmp_path / "b.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.png"]
