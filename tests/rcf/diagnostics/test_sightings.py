"""Sightings of objects that are moved, hidden and exchanged on purpose: every event at exactly its frames."""

from collections.abc import Iterable

import pytest
import torch

from rcf.diagnostics.sightings import Sighting, overrides, sightings, slot_classes, steps
from rcf.structures import FramePrediction, FrameTargets

Shown = dict[int, int]
"""Track -> column of its bar, of 4 x 2 pixels in a frame of 4 x 12."""


def bars(columns: list[int]) -> torch.Tensor:
    masks = torch.zeros(len(columns), 4, 12, dtype=torch.bool)
    for mask, column in zip(masks, columns, strict=True):
        mask[:, column : column + 2] = True
    return masks


def whole(numbers: Iterable[int]) -> torch.Tensor:
    return torch.tensor(list(numbers), dtype=torch.int64)


def frame(
    number: int, true: Shown, slot_of: dict[int, int], identity_of: dict[int, int] | None = None,
    overridden: tuple[int, ...] = (), labels: dict[int, int] | None = None,
) -> list[Sighting]:  # fmt: skip
    """Sightings where each track of `slot_of` is shown exactly by that slot, with the identity of the track."""
    found, identities = list(slot_of), identity_of or {}
    masks = bars([true[track] for track in found])
    prediction = FramePrediction(
        slots=whole(slot_of[track] for track in found),
        identities=whole(identities.get(track, track) for track in found),
        class_probabilities=torch.ones(len(found), 3) / 3,
        masks=masks,
        overridden=torch.tensor([track in overridden for track in found], dtype=torch.bool),
    )
    kinds = whole((labels or {}).get(track, 0) for track in true)
    return sightings(number, prediction, masks, FrameTargets(kinds, bars(list(true.values())), whole(true)))


def test_slots_that_are_exchanged_half_way_are_changes_in_exactly_that_frame() -> None:
    seen = [
        each
        for number in range(6)
        for each in frame(number, {7: 0, 9: 6}, {7: 3, 9: 1} if number < 3 else {7: 1, 9: 3})
    ]
    changes = [step for step in steps(seen) if not step.kept_slot]
    assert [(step.before.frame, step.after.frame, step.after.track) for step in changes] == [(2, 3, 7), (2, 3, 9)]
    assert [(step.before.slot, step.after.slot) for step in changes] == [(3, 1), (1, 3)]
    assert sum(step.kept_slot for step in steps(seen)) == 8
    assert all(step.kept_identity for step in steps(seen)), "identities were not exchanged"


def test_an_object_that_was_hidden_returns_in_a_step_that_is_not_adjacent() -> None:
    seen = [*frame(0, {7: 0}, {7: 2}), *frame(1, {9: 6}, {9: 0}), *frame(2, {7: 0, 9: 6}, {7: 2, 9: 0})]
    back, stayed = steps(seen)
    assert (back.after.track, back.is_adjacent, back.kept_slot) == (7, False, True)
    assert (stayed.after.track, stayed.is_adjacent) == (9, True)


def test_an_object_that_no_slot_shows_well_enough_is_not_sighted() -> None:
    prediction = FramePrediction(
        torch.tensor([0]), torch.tensor([1]), torch.ones(1, 3) / 3, bars([1]), torch.tensor([False])
    )
    truth = FrameTargets(torch.tensor([0]), bars([0]), torch.tensor([7]))
    assert sightings(0, prediction, prediction.masks, truth) == []


def test_motion_is_in_sizes_of_the_object_and_area_in_frames() -> None:
    (step,) = steps([*frame(0, {7: 0}, {7: 0}), *frame(1, {7: 3}, {7: 0})])
    assert step.before.area == pytest.approx(8 / 48)
    assert step.before.centre == pytest.approx((0.5, 1 / 12))
    assert step.motion == pytest.approx((3 / 12) / (8 / 48) ** 0.5)


def test_objects_of_one_category_are_twins() -> None:
    seen = frame(0, {7: 0, 8: 4, 9: 8}, {7: 0, 8: 1, 9: 2}, labels={7: 0, 8: 0, 9: 1})
    assert [each.has_twin for each in seen] == [True, True, False]


def test_an_override_is_right_where_the_identity_was_the_objects_own() -> None:
    seen = [
        *frame(0, {7: 0, 9: 6}, {7: 0, 9: 1}),
        *frame(1, {7: 0, 9: 6}, {7: 1, 9: 0}, overridden=(7, 9)),
        *frame(2, {7: 0, 9: 6}, {7: 0, 9: 1}, identity_of={7: 9, 9: 7}, overridden=(7, 9)),
        *frame(3, {7: 0, 9: 6}, {7: 0, 9: 1}, identity_of={7: 55, 9: 7}, overridden=(7,)),
    ]
    judged = [(each.frame, each.track, right) for each, right in overrides(seen)]
    assert judged == [(1, 7, True), (1, 9, True), (2, 7, False), (2, 9, False)]
    assert [step.after.frame for step in steps(seen) if not step.kept_identity] == [2, 2, 3]


def test_frames_without_objects_or_without_fired_slots_have_no_sightings() -> None:
    assert frame(0, {}, {}) == frame(0, {7: 0}, {}) == steps([]) == list(overrides([])) == []


def test_slots_and_categories_are_counted() -> None:
    seen = frame(0, {7: 0, 9: 6}, {7: 2, 9: 0}, labels={9: 1}) + frame(1, {7: 0}, {7: 2})
    assert slot_classes(seen, 3, 2).tolist() == [[0, 1], [0, 0], [2, 0]]
