"""Windows lie in the frame; those of a still image move from frame to frame as far as they are told, smoothly."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcf.data.windows import WHOLE, Window, draw_crop, draw_path

seeds = st.integers(0, 10_000)
strengths = st.floats(0.0, 0.5)


def _rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def _inside(window: Window) -> bool:
    return min(window.top, window.left) >= -1e-9 and max(
        window.top + window.height, window.left + window.width) <= 1 + 1e-9  # fmt: skip


@given(seeds, st.floats(0.05, 1.0))
def test_a_crop_lies_in_the_frame_and_has_its_shape(seed: int, smallest: float) -> None:
    crop = draw_crop(_rng(seed), smallest)
    assert _inside(crop)
    assert crop.height == crop.width >= smallest


@given(seeds, st.integers(1, 9), strengths)
def test_every_window_of_a_path_lies_in_the_image(seed: int, frames: int, strength: float) -> None:
    path = draw_path(_rng(seed), frames, strength)
    assert len(path) == frames
    assert all(_inside(window) for window in path)


@given(seeds, st.integers(2, 9), strengths)
def test_a_window_moves_and_grows_no_more_than_it_may(seed: int, frames: int, strength: float) -> None:
    path = draw_path(_rng(seed), frames, strength)
    for before, after in itertools.pairwise(path):
        for start, end, first, last in (
            (before.top, after.top, before.height, after.height), (before.left, after.left, before.width, after.width),
        ):  # fmt: skip
            assert abs((end + last / 2) - (start + first / 2)) <= strength * (first + last) / 2 + 1e-9
            assert 1 / (1 + strength) - 1e-9 <= last / first <= 1 + strength + 1e-9


@given(seeds, st.integers(3, 9), strengths)
def test_a_path_goes_on_in_one_direction(seed: int, frames: int, strength: float) -> None:
    path = draw_path(_rng(seed), frames, strength)
    centres = np.array([(window.top + window.height / 2, window.left + window.width / 2) for window in path])
    steps = np.diff(centres, axis=0)
    assert (steps[1:] * steps[:-1] >= -1e-12).all()


@given(seeds, st.integers(1, 9), strengths)
def test_a_path_uses_the_image_up_to_two_opposite_edges(seed: int, frames: int, strength: float) -> None:
    path = draw_path(_rng(seed), frames, strength)
    height = max(window.top + window.height for window in path) - min(window.top for window in path)
    width = max(window.left + window.width for window in path) - min(window.left for window in path)
    assert max(height, width) == pytest.approx(1.0)


def test_without_strength_every_window_is_the_whole_image() -> None:
    assert draw_path(_rng(3), 4, 0.0) == (WHOLE,) * 4


def test_windows_of_a_path_differ() -> None:
    assert len(set(draw_path(_rng(3), 4, 0.1))) == 4


def test_a_window_within_another_is_a_part_of_that_part() -> None:
    assert Window(0.5, 0.0, 0.5, 0.5).within(Window(0.2, 0.4, 0.6, 0.4)) == Window(0.5, 0.4, 0.3, 0.2)


@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 300), st.integers(1, 300))
def test_pixels_of_a_window_are_whole_and_in_the_frame(start: float, length: float, height: int, width: int) -> None:
    window = Window(start * (1 - length), start * (1 - length), length, length)
    for part, side in zip(window.pixels(height, width), (height, width), strict=True):
        assert 0 <= part.start < part.stop <= side


def test_the_whole_frame_has_all_pixels() -> None:
    assert WHOLE.pixels(7, 9) == (slice(0, 7), slice(0, 9))
