"""The timeline of a clip, colours of identities, and truth beside prediction."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rcf.comparison_picture import MADE_UP, MISSED, RIGHT, SWAPPED, comparison_strip, errors, paired
from rcf.overlay import free_place, identity_colour, labelled, painted
from rcf.timeline import Run, Timeline


def square(top: int, left: int, side: int = 4) -> np.ndarray:
    mask = np.zeros((12, 16), np.bool_)
    mask[top : top + side, left : left + side] = True
    return mask


def test_a_run_ends_with_silence_another_identity_or_another_category() -> None:
    timeline = Timeline()
    said = [[(0, 1, "cat")], [(0, 1, "cat")], [], [(0, 1, "cat")], [(0, 2, "cat")], [(0, 2, "dog"), (3, 4, "owl")]]
    for frame, fired in enumerate(said):
        timeline.add(frame, fired)
    assert timeline.runs == [
        Run(0, 1, "cat", 0, 1),
        Run(0, 1, "cat", 3, 3),
        Run(0, 2, "cat", 4, 4),
        Run(0, 2, "dog", 5, 5),
        Run(3, 4, "owl", 5, 5),
    ]


def test_a_long_run_takes_no_more_memory_than_a_short_one() -> None:
    timeline = Timeline()
    for frame in range(3000):
        timeline.add(frame, [(0, 1, "cat")])
    assert timeline.runs == [Run(0, 1, "cat", 0, 2999)]


def test_a_bar_has_the_colour_of_its_identity() -> None:
    timeline = Timeline()
    for frame in range(30):
        timeline.add(frame, [(0, 3, "cat")])
    pixels = np.asarray(timeline.draw())
    assert tuple(pixels[35, 600]) == identity_colour(3)


@pytest.mark.parametrize("frames", [1, 3, 50, 5000])
def test_a_timeline_fits_on_a_screen(frames: int) -> None:
    timeline = Timeline()
    for frame in range(frames):
        timeline.add(frame, [(0, frame // 7, "cat")] if frame % 3 else [])
    assert 480 <= timeline.draw().width <= 1500


def test_the_first_21_identities_have_colours_of_their_own() -> None:
    assert len({identity_colour(identity) for identity in range(21)}) == 21


def test_what_lies_outside_the_box_of_a_mask_is_not_painted() -> None:
    frame = np.full((12, 16, 3), 90, np.uint8)
    pixels = painted(frame, square(2, 3)[None], [1])
    assert (pixels[square(2, 3)] != 90).any(axis=1).all()
    assert (pixels[~square(2, 3)] == 90).all()


def test_a_label_stands_on_the_colour_of_its_identity_above_its_mask() -> None:
    mask = np.zeros((60, 120), np.bool_)
    mask[40:50, 50:70] = True
    pixels = np.asarray(labelled(Image.new("RGB", (120, 60)), mask[None], [2], ["2 cat"]))
    rows, columns = (pixels == identity_colour(2)).all(axis=2).nonzero()
    assert rows.min() > 20 and rows.max() < 40 and columns.min() < 60 < columns.max()


def test_each_pixel_is_right_missed_made_up_or_swapped() -> None:
    kinds = errors({1: square(0, 0), 2: square(0, 8)}, {1: square(0, 2), 5: square(0, 8)}, (12, 16))
    assert (kinds == RIGHT).sum() == 8
    assert (kinds == MISSED).sum() == 8
    assert (kinds == MADE_UP).sum() == 8
    assert (kinds == SWAPPED).sum() == 16
    assert (kinds == -1).sum() == 12 * 16 - 40


def test_identities_are_paired_over_the_whole_clip_and_not_frame_by_frame() -> None:
    truth = [{1: square(0, 0), 2: square(0, 8)}] * 3
    found = [{7: square(0, 0), 9: square(0, 8)}, {7: square(0, 0), 9: square(0, 8)}, {9: square(0, 0)}]
    assert paired(truth, found) == {7: 1, 9: 2}


def test_nothing_found_is_all_missed() -> None:
    frames = [np.full((12, 16, 3), 90, np.uint8)] * 2
    picture = comparison_strip(frames, [{1: square(0, 0)}] * 2, [{}, {}])
    assert paired([{1: square(0, 0)}], [{}]) == {}
    assert picture.height > 3 * 180


@given(st.lists(st.tuples(st.floats(-50, 250), st.floats(-50, 150)), max_size=7))
def test_labels_hide_no_other_and_lie_in_the_picture(corners: list[tuple[float, float]]) -> None:
    placed: list[tuple[float, float, float, float]] = []
    for left, top in corners:
        box = free_place((left, top, left + 60, top + 12), placed, (200, 100))
        assert box[0] >= -1e-9 and box[2] <= 200 + 1e-9 and box[1] >= -1e-9 and box[3] <= 100 + 1e-9
        assert not any(
            each[0] < box[2] - 1e-9 and box[0] < each[2] - 1e-9 and each[1] < box[3] - 1e-9 and box[1] < each[3] - 1e-9
            for each in placed
        )
        placed.append(box)
