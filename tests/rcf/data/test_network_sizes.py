"""The size at which the network sees a video, and the size at which its frames are kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcf.config import AugmentConfig, FrameSizeConfig
from rcf.data.sizes import base_size, network_size, scaled_box

BOX = FrameSizeConfig(height=360, width=640)
KEPT = FrameSizeConfig(height=360, width=640, keep_ratio=True)
sides = st.integers(120, 2000)


def test_without_keep_ratio_every_video_is_stretched_to_the_box() -> None:
    assert network_size(720, 1280, BOX) == network_size(999, 333, BOX) == (360, 640)


@pytest.mark.parametrize(
    ("video", "seen"),
    [((720, 1280), (360, 640)), ((480, 640), (360, 480)), ((300, 1200), (160, 640)), ((640, 480), (480, 360)),
     ((1280, 720), (640, 360)), ((500, 500), (360, 360)), ((90, 160), (360, 640))],
)  # fmt: skip
def test_with_keep_ratio_a_video_is_as_large_as_fits_turned_where_it_is_upright(
    video: tuple[int, int], seen: tuple[int, int]
) -> None:
    assert network_size(*video, KEPT) == seen


@given(sides, sides)
def test_the_ratio_is_kept_to_half_a_pixel(height: int, width: int) -> None:
    short, long = sorted(network_size(height, width, KEPT))
    assert long == 640 or short == 360
    exact = min(360, 640 * min(height, width) / max(height, width))
    assert abs(short - exact) <= 0.5 or short == 32


@given(sides, sides)
def test_an_upright_video_is_seen_like_the_lying_one_turned(height: int, width: int) -> None:
    assert network_size(height, width, KEPT) == network_size(width, height, KEPT)[::-1]


def test_a_scaled_box_keeps_its_ratio() -> None:
    box = scaled_box(BOX, 288)
    assert (box.height, box.width, box.keep_ratio) == (288, 512, False)


@pytest.mark.parametrize("box", [BOX, KEPT])
@given(sides, sides)
def test_without_scales_and_crops_frames_are_kept_as_the_network_sees_them(
    box: FrameSizeConfig, height: int, width: int
) -> None:
    assert base_size(height, width, box, AugmentConfig()) == network_size(height, width, box)


@given(sides, sides, st.lists(st.integers(32, 800), max_size=3), st.sampled_from([0.0, 0.5]), st.booleans())
def test_kept_frames_serve_every_scale_or_have_all_that_the_file_has(
    height: int, width: int, short_sides: list[int], crop: float, still: bool
) -> None:
    augment = AugmentConfig(short_sides=tuple(short_sides), crop=crop, crop_smallest=0.5)
    kept = base_size(height, width, KEPT, augment, still=still)
    for short_side in short_sides:
        seen = network_size(height, width, scaled_box(KEPT, short_side))
        assert all(k >= min(s, own) for k, s, own in zip(kept, seen, (height, width), strict=True))


def test_a_crop_of_half_the_frame_is_cut_from_a_frame_of_twice_the_size() -> None:
    assert base_size(2000, 4000, BOX, AugmentConfig(crop=0.1, crop_smallest=0.5)) == (720, 1280)


def test_frames_are_not_kept_larger_than_the_file() -> None:
    assert base_size(400, 600, BOX, AugmentConfig(crop=0.1, crop_smallest=0.5)) == (400, 600)


def test_still_images_are_kept_larger_because_a_window_moves_over_them() -> None:
    assert base_size(2000, 4000, BOX, AugmentConfig(), still=True) == (720, 1280)
