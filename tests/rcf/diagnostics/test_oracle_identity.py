"""The rule that knows the truth: identities are tracks, and what shows nothing true stays apart from them."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from rcf.diagnostics.oracle_identity import OracleIdentity, shown_tracks
from rcf.diagnostics.sightings import Sighting
from rcf.identity import Assignment, IdentityRule

_CODES = torch.zeros(6, 2)


def assign(rule: IdentityRule, *slots: int) -> Assignment:
    masks = torch.zeros(len(slots), 2, 2, dtype=torch.bool)
    return rule.assign(torch.tensor(slots, dtype=torch.int64), masks, _CODES)


def sighting(frame: int, track: int, slot: int) -> Sighting:
    return Sighting(frame, track, 0, slot, slot, False, 0.1, (0.5, 0.5), False)


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


def test_what_slots_show_is_taken_from_the_sightings_of_each_frame() -> None:
    seen = [sighting(0, 7, 3), sighting(2, 7, 1), sighting(2, 9, 3)]
    assert shown_tracks(seen, 4) == [{3: 7}, {}, {1: 7, 3: 9}, {}]


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
