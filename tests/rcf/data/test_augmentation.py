"""Frames and masks of a clip are changed alike, all frames of a clip in the same way."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rcf.config import AugmentConfig
from rcf.data.augment import (
    FEWEST_PIXELS,
    Colour,
    Look,
    draw_look,
    recolour,
    show_frames,
    show_targets,
)
from rcf.data.windows import WHOLE, Window
from rcf.structures import FrameTargets

SIZE = (36, 64)
seeds = st.integers(0, 10_000)


def _look(augment: AugmentConfig, seed: int = 0, step: int = 0, place: int = 0, **changes: Any) -> Look:
    options: dict[str, Any] = {"frames": 3, "still": False, "flipped": False, "size": SIZE} | changes
    return draw_look(augment, position=(seed, step, place), **options)


def _picture(*boxes: tuple[int, int, int, int]) -> tuple[torch.Tensor, FrameTargets]:
    """A black frame of 48 x 80 with white rectangles, and those rectangles as objects 1, 2, ..."""
    masks = torch.zeros(len(boxes), 48, 80, dtype=torch.bool)
    for mask, (top, left, height, width) in zip(masks, boxes, strict=True):
        mask[top : top + height, left : left + width] = True
    frame = masks.any(dim=0).to(torch.uint8).mul(255).expand(3, 48, 80).contiguous()
    numbers = torch.arange(len(boxes))
    return frame, FrameTargets(numbers, masks, numbers + 1)


def _show(frame: torch.Tensor, targets: FrameTargets, look: Look) -> tuple[torch.Tensor, list[FrameTargets]]:
    shown = show_frames([frame] * len(look.windows), look)
    return shown, [show_targets(targets, window, look) for window in look.windows]


@given(seeds, st.booleans(), st.booleans(), st.sampled_from([SIZE, (48, 80), (70, 100)]), st.data())
def test_masks_lie_where_the_pixels_of_their_object_are(
    seed: int, still: bool, flipped: bool, size: tuple[int, int], data: st.DataObject
) -> None:
    """The object is drawn into the frame: where the frame is white afterwards, there its mask must be."""
    top, left = data.draw(st.integers(0, 20)), data.draw(st.integers(0, 40))
    height, width = data.draw(st.integers(12, 28)), data.draw(st.integers(12, 40))
    augment = AugmentConfig(crop=1.0, crop_smallest=0.4, still_shift=0.3)
    look = _look(augment, seed, still=still, flipped=flipped, size=size)
    frames, targets = _show(*_picture((top, left, height, width)), look)
    for frame, seen in zip(frames, targets, strict=True):
        white = frame[0] > 127
        mask = seen.masks.any(dim=0)
        if white.sum() < 2 * FEWEST_PIXELS:
            continue
        # They may differ along the outline, where both are rounded.
        outline = torch.nn.functional.max_pool2d(white[None].float(), 5, 1, 2) > 0
        inside = torch.nn.functional.max_pool2d((~white)[None].float(), 5, 1, 2) == 0
        assert not (mask & ~outline[0]).any()
        assert not (inside[0] & ~mask).any()


@given(seeds)
def test_the_same_position_has_the_same_look(seed: int) -> None:
    augment = AugmentConfig(crop=0.5, colour=0.3)
    assert _look(augment, seed, 3, 2, still=True) == _look(augment, seed, 3, 2, still=True)


@pytest.mark.parametrize("position", [(1, 0, 0), (0, 1, 0), (0, 0, 1)])
def test_another_seed_step_or_place_has_another_look(position: tuple[int, int, int]) -> None:
    augment = AugmentConfig(crop=1.0, colour=0.3)
    assert _look(augment, *position) != _look(augment)


def test_by_default_a_clip_of_a_video_is_shown_as_it_is() -> None:
    frame, targets = _picture((3, 3, 9, 9))
    frames, shown = _show(frame, targets, _look(AugmentConfig(), size=None))
    assert torch.equal(frames[0], frame)
    assert torch.equal(shown[0].masks, targets.masks)


@given(seeds)
def test_a_crop_is_the_same_in_all_frames_of_a_video(seed: int) -> None:
    assert len(set(_look(AugmentConfig(crop=1.0), seed).windows)) == 1


def test_as_many_clips_are_cropped_as_are_told() -> None:
    looks = [_look(AugmentConfig(crop=0.3), place=place) for place in range(400)]
    assert 80 < sum(look.windows[0] != WHOLE for look in looks) < 160


@given(seeds)
def test_one_more_kind_of_change_does_not_shift_the_others(seed: int) -> None:
    plain, coloured = _look(AugmentConfig(crop=1.0), seed), _look(AugmentConfig(crop=1.0, colour=0.5), seed)
    assert plain.windows == coloured.windows
    still, cropped = (_look(AugmentConfig(colour=0.5, crop=crop), seed, still=True) for crop in (0.0, 1.0))
    assert still.colour == cropped.colour


def test_an_object_outside_the_window_drops_out_and_the_others_keep_their_identity() -> None:
    frame, targets = _picture((2, 2, 10, 10), (30, 60, 10, 10))
    right = Window(0.5, 0.5, 0.5, 0.5)
    _, (seen,) = _show(frame, targets, Look((right,), SIZE, False, None))
    assert (seen.labels.tolist(), seen.tracks.tolist(), seen.masks.shape[0]) == ([1], [2], 1)


@pytest.mark.parametrize(("width", "there"), [(1, 0), (3, 1)])
def test_an_object_of_which_a_window_shows_a_few_pixels_drops_out(width: int, there: int) -> None:
    """Three rows, and of the columns `width` in the left half."""
    frame, targets = _picture((20, 40 - width, 3, 20))
    left = Window(0.0, 0.0, 1.0, 0.5)
    _, (seen,) = _show(frame, targets, Look((left,), (48, 40), False, None))
    assert seen.masks.shape[0] == there


def test_without_a_window_one_pixel_is_enough() -> None:
    frame, targets = _picture((0, 0, 1, 2))
    _, (seen,) = _show(frame, targets, Look((WHOLE,), (24, 80), False, None))
    assert seen.masks.sum() == 0
    _, (seen,) = _show(frame, targets, Look((WHOLE,), (96, 160), False, None))
    assert seen.masks.shape[0] == 1


def test_a_frame_without_objects_stays_without() -> None:
    frame, targets = _picture()
    _, (seen,) = _show(frame, targets, Look((Window(0.0, 0.0, 0.5, 0.5),), SIZE, True, None))
    assert seen.masks.shape == (0, *SIZE)


@given(seeds)
def test_colours_change_by_no_more_than_they_may(seed: int) -> None:
    colour = _look(AugmentConfig(colour=0.4), seed).colour
    assert colour is not None
    assert all(0.6 <= factor <= 1.4 for factor in (colour.brightness, colour.contrast, colour.saturation))


def _clip() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(60, 180, (2, 3, 8, 8), dtype=torch.uint8, generator=generator)


def _by_steps(frames: torch.Tensor, colour: Colour) -> torch.Tensor:
    """Brightness, contrast and saturation, one after the other, in float64."""
    shares = torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64)[:, None, None]
    bright = frames.double() * colour.brightness
    middle = (bright * shares).sum(dim=1).mean()
    contrasted = middle + (bright - middle) * colour.contrast
    grey = (contrasted * shares).sum(dim=1, keepdim=True)
    return (grey + (contrasted - grey) * colour.saturation).clamp(0, 255)


@given(st.builds(Colour, st.floats(0.2, 1.8), st.floats(0.2, 1.8), st.floats(0.2, 1.8)))
def test_colours_are_changed_by_brightness_then_contrast_then_saturation(colour: Colour) -> None:
    assert (recolour(_clip(), colour).double() - _by_steps(_clip(), colour)).abs().max() <= 0.51


def test_factors_of_one_change_nothing() -> None:
    assert torch.equal(recolour(_clip(), Colour(1.0, 1.0, 1.0)), _clip())


def test_equal_pixels_of_two_frames_stay_equal() -> None:
    clip = _clip()
    clip[1, :, 0, 0] = clip[0, :, 0, 0]
    changed = recolour(clip, Colour(1.2, 0.7, 1.3))
    assert torch.equal(changed[1, :, 0, 0], changed[0, :, 0, 0])


def test_colours_do_not_touch_the_data_that_they_are_made_from() -> None:
    clip = _clip()
    recolour(clip, Colour(1.2, 0.7, 1.3))
    assert torch.equal(clip, _clip())
