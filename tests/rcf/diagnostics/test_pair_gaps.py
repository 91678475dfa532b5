"""Gaps of adjacent frames on outputs that are made by hand, and the same with slots exchanged on purpose."""

import math

import pytest
import torch
from torch import Tensor

from rcf.diagnostics.pair_gaps import MEASURES, PairGaps, Reading, pair_gaps

READING = Reading(class_threshold=0.4, usual_share=8 / 32)
SURE = 12.0


def outputs(columns: list[list[int | None]], shifts: tuple[float, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """Images, class logits and mask logits: in each frame slot i shows a bar at its column, or nothing."""
    frames, slots = len(columns), len(columns[0])
    images = torch.zeros(frames, 3, 4, 8) + torch.tensor(shifts)[:, None, None, None]
    classes = torch.full((frames, slots, 3), -SURE)
    masks = torch.full((frames, slots, 4, 8), -SURE)
    for frame, of_slots in enumerate(columns):
        for slot, column in enumerate(of_slots):
            classes[frame, slot, 2 if column is None else slot % 2] = SURE
            if column is not None:
                masks[frame, slot, :, column : column + 2] = SURE
    return images, classes, masks


def gaps_of(columns: list[list[int | None]], shifts: tuple[float, ...], references: int = 0) -> list[PairGaps]:
    return pair_gaps(*outputs(columns, shifts), references, READING)


def test_the_output_gap_is_that_of_the_stacked_probabilities() -> None:
    images, classes, masks = torch.randn(4, 3, 4, 8), torch.randn(4, 5, 3), torch.randn(4, 5, 4, 8)
    found = pair_gaps(images, classes, masks, 1, READING)
    assert [pair.frame for pair in found] == [1, 2, 3]
    stacked = torch.cat((classes.double().softmax(-1).flatten(1), masks.double().sigmoid().flatten(1)), dim=1)
    wanted = (stacked[1:] - stacked[:-1]).norm(dim=1)
    assert [pair.gaps["both"].output for pair in found] == pytest.approx(wanted.tolist())
    for pair in found:
        parts = [pair.gaps[measure].output for measure in ("classes", "masks", "both")]
        assert parts[2] == pytest.approx(math.hypot(*parts[:2]))
        for measure in MEASURES:
            gaps = pair.gaps[measure]
            assert gaps.swap is not None and gaps.own is not None
            assert gaps.swap >= gaps.output or gaps.swap > 0


def test_one_pixel_of_each_bar_that_moves_is_counted_by_hand() -> None:
    (pair,) = gaps_of([[0, 4], [1, 4]], (0.0, 0.5))
    # Slot 0 loses a column of four pixels and gains one: eight differences of one.
    assert pair.gaps["masks"].output == pytest.approx(math.sqrt(8), abs=1e-3)
    assert pair.gaps["classes"].output == pytest.approx(0.0, abs=1e-6)
    assert pair.gaps["balanced"].output == pytest.approx(1.0, abs=1e-3)
    assert pair.gaps["both_inf"].output == pytest.approx(1.0, abs=1e-3)
    assert pair.window == pytest.approx(0.5 * math.sqrt(3 * 4 * 8))
    assert pair.secant("masks") == pytest.approx(math.sqrt(8) / pair.window, abs=1e-3)
    # Exchanged, slot 0 would have moved by 4 columns and slot 1 by 3: all of both bars differs, twice; classes too.
    assert pair.gaps["masks"].swap == pytest.approx(math.sqrt(32), abs=1e-3)
    assert pair.gaps["classes"].swap == pytest.approx(2.0, abs=1e-3)
    assert (pair.margin("both") or 0.0) > 0


def test_slots_that_are_exchanged_have_a_negative_margin_in_that_pair_only() -> None:
    # Slots 0 and 2 have one class: what tells them apart is their masks.
    found = gaps_of([[0, None, 4], [0, None, 4], [4, None, 0], [4, None, 0]], (0.0, 0.1, 0.2, 0.3))
    assert [(pair.margin() or 0.0) > 0 for pair in found] == [True, False, True]
    assert found[1].gaps["both"].swap_fired == pytest.approx(0.0, abs=1e-3)


def test_silent_slots_are_alike_and_only_fired_ones_tell() -> None:
    (pair,) = gaps_of([[0, None, None, 4], [0, None, None, 4]], (0.0, 1.0))
    gaps = pair.gaps["both"]
    assert gaps.swap == pytest.approx(gaps.output, abs=1e-6)
    assert gaps.own == pytest.approx(0.0, abs=1e-6)
    assert pair.fired == 2
    assert gaps.swap_fired is not None and gaps.swap_fired > 4
    assert gaps.own_fired == pytest.approx(gaps.swap_fired, abs=1e-3)


@pytest.mark.parametrize("columns", [[[None, None], [None, None]], [[0, None], [0, None]]])
def test_fewer_than_two_fired_slots_have_no_exchange(columns: list[list[int | None]]) -> None:
    (pair,) = gaps_of(columns, (0.0, 1.0))
    gaps = pair.gaps["both"]
    assert (gaps.swap_fired, gaps.own_fired, pair.margin(), pair.swap_ratio()) == (None, None, None, None)


def test_frames_that_are_equal_have_gaps_and_no_ratio() -> None:
    (pair,) = gaps_of([[0, 4], [0, 4]], (0.5, 0.5))
    assert (pair.image, pair.window, pair.secant(), pair.swap_ratio()) == (0.0, 0.0, None, None)
    assert pair.gaps["both"].output == 0.0


def test_a_window_moves_where_its_references_do_although_the_target_stands_still() -> None:
    found = gaps_of([[0, 4], [0, 4], [0, 4]], (0.0, 1.0, 1.0), references=1)
    assert (found[1].image, found[1].window) == (0.0, pytest.approx(found[0].image))


def test_a_window_moves_where_its_sound_does_although_its_images_stand_still() -> None:
    sound = torch.randn(3, 5, 4)
    found = pair_gaps(*outputs([[0, 4]] * 3, (0.5, 0.5, 0.5)), 1, READING, sound)
    steps = [float((sound[t] - sound[t - 1]).double().square().sum()) for t in (1, 2)]
    assert [pair.image for pair in found] == [0.0, 0.0]
    assert [pair.window for pair in found] == pytest.approx([math.sqrt(steps[0]), math.sqrt(steps[0] + steps[1])])


def test_one_slot_and_one_frame_are_no_pair_to_speak_of() -> None:
    (pair,) = gaps_of([[0], [1]], (0.0, 1.0))
    assert (pair.gaps["both"].swap, pair.gaps["both"].own, pair.margin()) == (None, None, None)
    assert gaps_of([[0, 4]], (0.0,)) == []
