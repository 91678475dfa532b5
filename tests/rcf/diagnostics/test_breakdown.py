"""Every step falls into one group of each kind, and objects are counted from when they come into view."""

from dataclasses import replace

import pytest

from rcf.data.ytvis import VideoDataset
from rcf.diagnostics.breakdown import breakdown, first_fires
from rcf.diagnostics.result import OrderResult, VideoOrder
from rcf.diagnostics.sightings import Sighting

BASE = Sighting(0, 7, 0, 0, 7, False, 0.1, (0.5, 0.5), False)


def video(*seen: Sighting, number: int = 0) -> VideoOrder:
    return VideoOrder(number, seen, (), 0, 0)


def test_groups_of_each_kind_hold_every_step_once() -> None:
    seen = [replace(BASE, frame=t, area=0.01 * (t + 1), centre=(0.1 * t, 0.5), slot=int(t > 5)) for t in range(9)]
    found = breakdown(OrderResult([video(*seen)]), {0: 9})
    kinds = {group.what: [each for each in found if each.what == group.what] for group in found}
    assert set(kinds) == {
        "area of the object, share of the frame", "motion, in sides of the object", "category", "place in the clip"
    }  # fmt: skip
    for groups in kinds.values():
        assert sum(group.steps for group in groups) == 8
        assert sum(group.kept_slot for group in groups) == 7
        assert sum(group.kept_identity for group in groups) == 8
    assert [(group.name, group.steps) for group in kinds["place in the clip"]] == [
        ("first third", 2), ("second third", 3), ("last third", 3),
    ]  # fmt: skip
    areas = kinds["area of the object, share of the frame"]
    assert [group.steps for group in areas] == [2, 2, 2, 2]
    assert areas[0].name == "0.01 to 0.0275", "quarters of the areas before the steps, in order"


def test_an_object_with_company_of_its_category_is_a_group_of_its_own() -> None:
    twin = [replace(BASE, frame=t, has_twin=True) for t in range(2)]
    alone = [replace(BASE, frame=t) for t in range(2)]
    found = breakdown(OrderResult([video(*twin), video(*alone, number=1)]), {0: 2, 1: 2})
    assert [group.name for group in found if group.what == "category"] == [
        "another of its category is in the frame", "the only one of its category",
    ]  # fmt: skip


def test_equal_values_are_one_group_and_no_steps_are_none() -> None:
    still = [replace(BASE, frame=t) for t in range(4)]
    found = breakdown(OrderResult([video(*still)]), {0: 4})
    assert [(g.name, g.steps) for g in found if g.what.startswith("motion")] == [("0 to 0", 3)]
    assert breakdown(OrderResult([]), {}) == []


def test_objects_are_found_at_once_later_or_never(clips: VideoDataset) -> None:
    tracks = [track for track in clips.annotations.tracks if any(track.segmentations) and not track.iscrowd]
    places = {each.id: index for index, each in enumerate(clips.videos)}
    first = {track.id: next(t for t, mask in enumerate(track.segmentations) if mask) for track in tracks}
    found = [
        video(replace(BASE, track=track.id, frame=first[track.id] + late), number=places[track.video_id])
        for late, track in enumerate(tracks[:2])
    ]
    fires = first_fires(OrderResult(found), clips.annotations)
    counts = dict(fires.delays)
    assert fires.objects == len(tracks) > 2
    assert (counts["at once"], counts["1 frame later"], counts["never"]) == (1, 1, len(tracks) - 2)


@pytest.mark.parametrize("late", [2, 3, 4])
def test_a_few_frames_are_a_class_of_their_own(clips: VideoDataset, late: int) -> None:
    track = next(each for each in clips.annotations.tracks if each.segmentations[0])
    place = next(index for index, each in enumerate(clips.videos) if each.id == track.video_id)
    seen = video(replace(BASE, track=track.id, frame=late), number=place)
    assert dict(first_fires(OrderResult([seen]), clips.annotations).delays)["2 to 4 frames later"] == 1
