"""Videos with other steps between their frames: names, masks and hard frames stay together."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rcf.data.annotations import Annotations, Category, Track, Video
from rcf.diagnostics.other_orders import every_nth, shuffled
from rcf.structures import Rle

Make = Callable[..., Annotations]


def mask(frame: int) -> Rle:
    return {"size": [4, 4], "counts": f"frame {frame}"}


def videos_of(lengths: dict[int, int], seen: tuple[int, ...] | None = None) -> Annotations:
    """An object in the frames `seen` of each video (all by default)."""
    videos = tuple(
        Video(number, 4, 4, length, tuple(f"{number}/{frame}.jpg" for frame in range(length)), hard_frames=(1, 3))
        for number, length in lengths.items()
    )
    tracks = tuple(
        Track(
            number, number, 1, False,
            tuple(mask(frame) if seen is None or frame in seen else None for frame in range(length)),
            tuple(float(frame) if seen is None or frame in seen else None for frame in range(length)),
        )
        for number, length in lengths.items()
    )  # fmt: skip
    return Annotations(Path("instances.json"), videos, (Category(1, "a"),), tracks)


def test_every_third_frame_keeps_its_name_its_mask_and_whether_it_is_hard() -> None:
    found = every_nth(videos_of({7: 8}), 3)
    (video,), (track,) = found.videos, found.tracks
    assert (video.length, video.file_names) == (3, ("7/0.jpg", "7/3.jpg", "7/6.jpg"))
    assert track.segmentations == (mask(0), mask(3), mask(6))
    assert track.areas == (0.0, 3.0, 6.0)
    assert video.hard_frames == (1,)


def test_a_step_of_one_changes_nothing_and_a_longer_one_than_the_video_leaves_a_frame() -> None:
    whole = videos_of({7: 8, 9: 4})
    assert every_nth(whole, 1) == whole
    assert [video.length for video in every_nth(whole, 100).videos] == [1, 1]
    with pytest.raises(ValueError, match="step: got 0, expected at least 1"):
        every_nth(whole, 0)


def test_an_object_of_skipped_frames_alone_is_gone() -> None:
    assert every_nth(videos_of({7: 8}, seen=(1, 5)), 2).tracks == ()
    listed = replace(videos_of({7: 8}).videos[0], hard_frames=None)
    assert every_nth(replace(videos_of({7: 8}), videos=(listed,)), 2).videos[0].hard_frames is None


def test_shuffled_frames_are_all_there_in_an_order_of_the_seed_and_the_video() -> None:
    whole = videos_of({7: 8, 9: 8})
    first, second = shuffled(whole, 0), shuffled(whole, 1)
    assert first == shuffled(whole, 0) != second
    orders = [[name.partition("/")[2] for name in video.file_names] for video in first.videos]
    assert sorted(orders[0]) == sorted(orders[1]) == sorted(f"{frame}.jpg" for frame in range(8))
    assert orders[0] != orders[1]
    for video, track in zip(first.videos, first.tracks, strict=True):
        assert [f"{video.id}/{each and each['counts'].split()[1]}.jpg" for each in track.segmentations] == list(
            video.file_names
        )
