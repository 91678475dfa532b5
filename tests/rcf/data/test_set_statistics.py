"""What is counted of a split, against plain counting; quantiles against sorting."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcf.data.set_statistics import SplitStatistics, quantiles
from rcf.data.videos import Category, Track, Video

RLE: Any = {"size": [10, 20], "counts": "x"}


def _counted(*seen: str, crowd: bool = False, area: float = 50.0) -> dict[str, Any]:
    """The numbers of one video with tracks such as "x..x": a letter where the object is visible."""
    statistics = SplitStatistics()
    statistics.add(Category(1, "dog"))
    statistics.add(Category(2, "cat"))
    statistics.add(Video(7, 20, 10, max(map(len, seen), default=4), ("a.jpg",)))
    for number, frames in enumerate(seen):
        masks = tuple(RLE if letter == "x" else None for letter in frames)
        areas = tuple(area if letter == "x" else None for letter in frames)
        statistics.add(Track(number, 7, 1, crowd, masks, areas))
    return statistics.as_json()


def test_a_gap_lies_between_two_sightings() -> None:
    found = _counted("x..x.x", "..xx..", "xxxxxx")
    assert (found["tracks_with_gaps"], found["gaps"], found["gap_frames"]) == (1, 2, 3)


def test_visible_frames_are_counted() -> None:
    assert _counted("x..x.x", "..xx..")["visible_frames"] == {
        "least": 2, "quarter": 2, "median": 2, "three_quarters": 3, "most": 3,
    }  # fmt: skip


def test_a_category_without_an_object_counts_zero() -> None:
    assert _counted("xx")["tracks_by_category"] == {"dog": 1, "cat": 0}


def test_crowds_are_counted_apart() -> None:
    found = _counted("xx", crowd=True)
    assert (found["tracks"], found["crowds"]) == (0, 1)


def test_a_video_without_objects_counts_among_the_objects_of_a_video() -> None:
    assert _counted()["objects_in_video"]["most"] == 0


@pytest.mark.parametrize(("area", "size"), [(128.0**2, "small"), (128.0**2 + 1, "medium"), (256.0**2 + 1, "large")])
def test_sizes_are_those_of_the_evaluator(area: float, size: str) -> None:
    found = _counted("x", area=area)["size_ranges"]
    assert found == {name: int(name == size) for name in ("small", "medium", "large")}


def test_areas_are_given_as_a_share_of_the_frame_too() -> None:
    assert _counted("x", area=50.0)["area_share"]["median"] == 0.25


def test_sound_covers_the_frames_that_begin_before_its_end() -> None:
    statistics = SplitStatistics()
    video = Video(1, 20, 10, 4, ("a.jpg",), fps=2.0)
    statistics.add(video)
    statistics.add_sound(video, 1.2)
    found = statistics.as_json()["sound"]
    assert (found["frames_heard"], found["frames_timed"], found["seconds"]) == (3, 4, 1.2)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60))
def test_quantiles_are_those_of_the_sorted_values(values: list[int]) -> None:
    ordered = sorted(values)
    found: Any = quantiles(Counter(values))
    for name, share in (("quarter", 0.25), ("median", 0.5), ("three_quarters", 0.75)):
        expected = next(each for place, each in enumerate(ordered, start=1) if place >= share * len(ordered))
        assert found[name] == expected
    assert (found["least"], found["most"]) == (ordered[0], ordered[-1])
