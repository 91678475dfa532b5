"""Clips of unlike size share a batch: padded right and below, the padding told."""

import torch

from rcf.data.collate import PADDING, ShownClip, collate
from rcf.structures import FrameTargets


def _clip(height: int, width: int, objects: int = 1) -> ShownClip:
    frames = torch.full((2, 3, height, width), 7, dtype=torch.uint8)
    numbers = torch.arange(objects)
    masks = torch.ones(objects, height, width, dtype=torch.bool)
    return ShownClip(list(frames), (FrameTargets(numbers, masks, numbers),))


def test_clips_of_one_size_are_stacked_and_nothing_is_told() -> None:
    batch = collate([_clip(4, 6), _clip(4, 6)], (4, 6))
    assert (batch.frames.shape, batch.sizes, batch.audio) == ((2, 2, 3, 4, 6), None, None)


def test_a_smaller_clip_is_padded_right_and_below_with_the_mean_of_imagenet() -> None:
    batch = collate([_clip(4, 6), _clip(3, 5)], (4, 6))
    assert (batch.frames[1, :, :, :3, :5] == 7).all()
    mean = torch.tensor(PADDING, dtype=torch.uint8)[:, None]
    assert torch.equal(batch.frames[1, 0, :, 3, :], mean.expand(3, 6))
    assert torch.equal(batch.frames[1, 0, :, :, 5], mean.expand(3, 4))


def test_sizes_are_those_before_padding() -> None:
    batch = collate([_clip(4, 6), _clip(3, 5)], (4, 6))
    assert batch.sizes is not None
    assert batch.sizes.tolist() == [[4, 6], [3, 5]]


def test_no_mask_reaches_into_the_padding() -> None:
    batch = collate([_clip(3, 5)], (4, 6))
    mask = batch.targets[0][0].masks[0]
    assert (mask.shape, int(mask.sum()), bool(mask[:3, :5].all())) == ((4, 6), 15, True)


def test_a_frame_without_objects_is_padded_too() -> None:
    assert collate([_clip(3, 5, objects=0)], (4, 6)).targets[0][0].masks.shape == (0, 4, 6)


def test_a_part_of_a_step_has_the_size_of_the_whole_step() -> None:
    batch = collate([_clip(3, 5)], (4, 6))
    assert batch.frames.shape[-2:] == (4, 6)
    assert batch.sizes is not None


def test_a_clip_that_is_larger_than_planned_is_not_cut() -> None:
    assert collate([_clip(9, 5)], (4, 6)).frames.shape[-2:] == (9, 6)
