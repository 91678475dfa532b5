"""The rule that knows the truth: identities are tracks, and what shows nothing true stays apart from them."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from rcf.diagnostics.oracle_identity import OracleIdentity, shown_tracks
from rcf.diagnostics.sightings import sightings
from rcf.identity import Assignment, IdentityRule
from rcf.structures import FramePrediction, FrameTargets

_CODES = torch.zeros(6, 2)


def assign(rule: IdentityRule, *slots: int) -> Assignment:
    masks = torch.zeros(len(slots), 2, 2, dtype=torch.bool)
    return rule.assign(torch.tensor(slots, dtype=torch.int64), masks, _CODES)


def test_a_slot_is_called_what_it_shows_whichever_slot_showed_it_before() -> None:
    rule = OracleIdentity([{0: 7, 3: 9}, {0: 9, 3: 7}, {}, {5: 7}])
    found = [assign(rule, *slots) for slots in ([0, 3], [0, 3], [], [5])]
    assert [each.identities.tolist() for each in found] == [[7, 9], [9, 7], [], [7]]
    assert [each.overridden.tolist() for each in found] == [[False, False], [True, True], [], [True]]


def test_what_shows_nothing_true_keeps_the_number_of_its_slot_and_never_that_of_a_track() -> None:
    rule = OracleIdentity([{1: 2}, {2: 2}, {2: 1}])
    first, second, third = assign(rule, 1, 2), assign(rule, 1, 2), assign(rule, 1, 2)
    assert first.identities.tolist() == [2, 4]
    assert second.identities.tolist() == [3, 2]
    assert third.identities.tolist() == [3, 1]
    assert second.overridden.tolist() == [False, True]


def test_in_a_video_without_objects_it_is_the_slot_rule() -> None:
    rule = OracleIdentity([{}] * 3)
    assert [assign(rule, *slots).identities.tolist() for slots in ([4], [1, 4], [1])] == [[1], [2, 1], [2]]


def bars(*columns: range) -> torch.Tensor:
    masks = torch.zeros(len(columns), 4, 24, dtype=torch.bool)
    for mask, column in zip(masks, columns, strict=True):
        mask[:, list(column)] = True
    return masks


def prediction(slots: list[int], masks: torch.Tensor) -> FramePrediction:
    numbers = torch.tensor(slots, dtype=torch.int64)
    return FramePrediction(numbers, numbers + 1, torch.ones(len(slots), 3) / 3, masks, torch.zeros(len(slots)) > 0)


def test_a_slot_shows_the_object_that_it_fits_best_even_if_badly() -> None:
    """Slot 4 on track 7 alone: 2 of 8 columns, an IoU of 0.25. Slot 2 would fit it too, and fits track 9 better."""
    truth = FrameTargets(torch.tensor([0, 0]), bars(range(8), range(8, 16)), torch.tensor([7, 9]))
    masks = bars(range(6, 14), range(2), range(20, 24))
    seen = prediction([2, 4, 5], masks)
    assert shown_tracks(seen, masks, truth) == {2: 9, 4: 7}
    assert [each.track for each in sightings(0, seen, masks, truth)] == [9], "for a sighting slot 4 fits too badly"


def test_what_hardly_touches_an_object_does_not_show_it() -> None:
    """One column of 24 in all: an IoU below 0.05."""
    truth = FrameTargets(torch.tensor([0]), bars(range(12)), torch.tensor([7]))
    masks = bars(range(11, 24))
    assert shown_tracks(prediction([0], masks), masks, truth) == {}


@given(st.lists(st.dictionaries(st.integers(0, 5), st.integers(-3, 4), max_size=4), max_size=5), st.data())
def test_identities_of_tracks_are_theirs_and_none_is_used_twice(
    shown: list[dict[int, int]], data: st.DataObject
) -> None:
    once = [dict(zip(frame, dict.fromkeys(frame.values()), strict=False)) for frame in shown]
    rule = OracleIdentity(once)
    tracks = {track for frame in once for track in frame.values()}
    for frame in once:
        slots = data.draw(st.permutations(range(6)))
        identities = dict(zip(slots, assign(rule, *slots).identities.tolist(), strict=True))
        assert len(set(identities.values())) == 6
        assert {slot: identities[slot] for slot in frame} == frame
        assert not tracks & {identities[slot] for slot in slots if slot not in frame}
