"""Objects of another clip lie in front of a clip's own, in pixels and masks alike, the same ones in all its frames."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rcf.config import AugmentConfig, OnCorrupt
from rcf.data.annotations import Video
from rcf.data.augment import FEWEST_PIXELS
from rcf.data.clip_plan import Clip, ClipPlan, donor_of
from rcf.data.collate import ShownClip
from rcf.data.order import Draw, Pool
from rcf.data.paste import chosen, draw_kept, paste
from rcf.data.sampling import sample_clips
from rcf.errors import InputError, Problem
from rcf.structures import ClipBatch, FrameTargets

seeds = st.integers(0, 10_000)


def _targets(*boxes: tuple[int, int, int, int], first_track: int = 1, size: tuple[int, int] = (12, 20)) -> FrameTargets:
    """Objects with tracks first_track, first_track + 1, ...; each a rectangle (top, left, height, width)."""
    masks = torch.zeros(len(boxes), *size, dtype=torch.bool)
    for mask, (top, left, height, width) in zip(masks, boxes, strict=True):
        mask[top : top + height, left : left + width] = True
    numbers = torch.arange(len(boxes))
    return FrameTargets(numbers, masks, numbers + first_track)


def _frames(value: int, count: int, size: tuple[int, int] = (12, 20)) -> list[torch.Tensor]:
    return list(torch.full((count, 3, *size), value, dtype=torch.uint8))


HOST = ShownClip(_frames(10, 2), (_targets((0, 0, 6, 6), (6, 10, 6, 6)),))
"""A reference frame and a target."""


def test_pixels_and_masks_of_pasted_objects_lie_in_front_in_references_and_targets() -> None:
    objects = (_targets((2, 2, 6, 6), first_track=7), _targets((3, 3, 6, 6), first_track=7))
    clip = paste(HOST, _frames(200, 2), objects)
    (seen,) = clip.targets
    for frame, target in zip(clip.frames, objects, strict=True):
        assert torch.equal(frame[0] == 200, target.masks[0])
    assert seen.tracks.tolist() == [1, 2, 7]
    assert seen.labels.tolist() == [0, 1, 0]
    assert torch.equal(seen.masks[2], objects[1].masks[0])
    assert not (seen.masks[0] & seen.masks[2]).any()
    assert torch.equal(seen.masks[0] | (seen.masks[2] & HOST.targets[0].masks[0]), HOST.targets[0].masks[0])
    assert torch.equal(seen.masks[1], HOST.targets[0].masks[1])


def test_only_the_chosen_tracks_are_pasted() -> None:
    objects = (_targets((0, 0, 4, 4), (8, 14, 4, 4), first_track=7),) * 2
    clip = paste(HOST, _frames(200, 2), [chosen(frame, {8}) for frame in objects])
    assert clip.targets[0].tracks.tolist() == [1, 2, 8]
    assert all((frame[0, :4, :4] == 10).all() for frame in clip.frames)


def test_an_object_that_is_covered_but_for_a_few_pixels_drops_out() -> None:
    covering = _targets((0, 0, 6, 5), first_track=7)
    almost = _targets((0, 0, 5, 6), first_track=7)
    assert paste(HOST, _frames(200, 2), (covering,) * 2).targets[0].tracks.tolist() == [1, 2, 7]
    assert int(paste(HOST, _frames(200, 2), (covering,) * 2).targets[0].masks[0].sum()) == FEWEST_PIXELS
    whole = _targets((0, 0, 6, 6), first_track=7)
    assert paste(HOST, _frames(200, 2), (whole,) * 2).targets[0].tracks.tolist() == [2, 7]
    assert paste(HOST, _frames(200, 2), (almost,) * 2).targets[0].tracks.tolist() == [1, 2, 7]


def test_a_small_object_that_nothing_covers_stays() -> None:
    host = ShownClip(_frames(10, 1), (_targets((0, 0, 1, 1)),))
    clip = paste(host, _frames(200, 1), (_targets((6, 6, 4, 4), first_track=7),))
    assert clip.targets[0].tracks.tolist() == [1, 7]


@pytest.mark.parametrize("size", [(8, 30), (30, 8), (12, 20)])
def test_a_clip_of_another_size_meets_the_host_in_the_corner(size: tuple[int, int]) -> None:
    objects = (_targets((1, 1, 29, 29), first_track=7, size=size),) * 2
    clip = paste(HOST, _frames(200, 2, size), objects)
    assert clip.size == HOST.size
    white = torch.zeros(12, 20, dtype=torch.bool)
    white[1 : size[0], 1 : size[1]] = True
    assert torch.equal(clip.frames[0][0] == 200, white)
    assert torch.equal(clip.targets[0].masks[-1], white)


def test_a_clip_without_objects_changes_nothing() -> None:
    nothing = (_targets(),) * 2
    assert draw_kept(np.random.default_rng(0), nothing) == set()
    clip = paste(HOST, _frames(200, 2), nothing)
    assert all(torch.equal(*pair) for pair in zip(clip.frames, HOST.frames, strict=True))
    assert torch.equal(clip.targets[0].masks, HOST.targets[0].masks)


@given(seeds, st.integers(1, 5))
def test_at_least_one_object_is_chosen_and_each_may_be(seed: int, count: int) -> None:
    objects = (_targets(*[(0, 0, 1, 1)] * count),)
    kept = draw_kept(np.random.default_rng(seed), objects)
    assert kept
    assert kept <= set(range(1, count + 1))


def _donor(seed: int, pools: tuple[Pool, ...], video: int, share: float, flip: bool = True) -> Clip | None:
    videos = [Video(number, 4, 2, 5, ("x",) * 5) for number in range(10)]
    plan = ClipPlan(2, 2, 1, AugmentConfig(paste=share, flip=flip))
    pool = next(index for index, each in enumerate(pools) if each.first <= video < each.first + each.count)
    clip = Clip(Draw(pool, 3), video, 0, 0.0, flipped=False)
    return donor_of(clip, videos, pools, plan, np.random.default_rng(seed))


@given(seeds, st.integers(0, 9), st.booleans())
def test_objects_come_from_another_video_of_the_same_pool(seed: int, video: int, flip: bool) -> None:
    pools = (Pool(0, 6, share=0.5), Pool(6, 4, share=0.5, still=True))
    donor = _donor(seed, pools, video, share=1.0, flip=flip)
    assert donor is not None
    assert donor.video_index != video
    assert (donor.video_index < 6) == (video < 6)
    assert 0 <= donor.first <= 3
    assert flip or not donor.flipped


def test_every_other_video_is_drawn_and_as_many_clips_as_are_told() -> None:
    pools = (Pool(0, 10),)
    donors = [_donor(seed, pools, 4, share=0.3) for seed in range(1000)]
    found = [donor.video_index for donor in donors if donor is not None]
    assert 240 < len(found) < 360
    assert set(found) == set(range(10)) - {4}


def test_a_pool_of_one_video_has_nothing_to_paste() -> None:
    assert _donor(0, (Pool(0, 1), Pool(1, 9)), 0, share=1.0) is None


class Painted:
    """Videos of one frame, of one colour each, with one object in the middle; they listen to nothing."""

    listens = False

    def __init__(self, count: int) -> None:
        self.videos = tuple(Video(number, 20, 12, 1, ("x",)) for number in range(count))
        self.pools = (Pool(0, count),)

    def audio(self, video_index: int, frame_index: int) -> torch.Tensor:
        raise AssertionError("nobody listens")

    def frame(self, video_index: int, frame_index: int) -> torch.Tensor:
        return _frames(20 * (video_index + 1), 1)[0]

    def targets(self, video_index: int, frame_index: int) -> FrameTargets:
        return _targets((4, 4, 6, 10), first_track=video_index + 1)


def _batch(paste_share: float, step: int = 0, places: range | None = None) -> ClipBatch:
    augment = AugmentConfig(paste=paste_share, flip=False)
    return sample_clips(Painted(8), ClipPlan(4, 1, 1, augment), 0, step, places)


def test_the_pasted_object_has_the_colour_of_its_own_video() -> None:
    batch = _batch(1.0)
    for frames, (seen,) in zip(batch.frames, batch.targets, strict=True):
        assert seen.tracks.shape == (1,), "the pasted object covers the host's own"
        assert (frames[-1, 0][seen.masks[0]] == 20 * int(seen.tracks[0])).all()
        assert (frames[-1, 0][~seen.masks[0]] != 20 * int(seen.tracks[0])).all()
        assert torch.equal(frames[0], frames[1])


def test_pasting_shifts_no_other_draw() -> None:
    plain, some = _batch(0.0, step=3), _batch(0.5, step=3)
    background = [frames[0, 0, 0, 0].item() for frames in plain.frames]
    assert background == [frames[0, 0, 0, 0].item() for frames in some.frames]


def test_a_place_has_the_same_clip_whoever_makes_it() -> None:
    whole, part = _batch(0.7, step=2), _batch(0.7, step=2, places=range(2, 4))
    assert torch.equal(whole.frames[2:], part.frames)


class Broken(Painted):
    """The frames of video 2 cannot be read."""

    def frame(self, video_index: int, frame_index: int) -> torch.Tensor:
        if video_index == 2:
            raise InputError([Problem("2.jpg", "frame 0", "a damaged image", "an image")])
        return super().frame(video_index, frame_index)


def _steps(share: float, on_corrupt: OnCorrupt) -> list[ClipBatch]:
    plan = ClipPlan(4, 1, 1, AugmentConfig(paste=share, flip=False), on_corrupt=on_corrupt)
    return [sample_clips(Broken(8), plan, 0, step) for step in range(12)]


def test_a_clip_stays_as_it_is_where_what_would_be_pasted_is_damaged(caplog: pytest.LogCaptureFixture) -> None:
    plain, pasted = _steps(0.0, "skip"), _steps(1.0, "skip")
    assert [batch.skipped for batch in plain] == [batch.skipped for batch in pasted]
    unpasted = 0
    for one, other in zip(plain, pasted, strict=True):
        for (own,), (seen,) in zip(one.targets, other.targets, strict=True):
            unpasted += own.tracks.tolist() == seen.tracks.tolist()
    told = [record.getMessage() for record in caplog.records if "paste_skipped" in record.getMessage()]
    assert unpasted == len(told) > 0
    assert all("video=2 reason=2.jpg" in line for line in told)


def test_by_default_what_would_be_pasted_and_is_damaged_ends_the_training() -> None:
    with pytest.raises(InputError, match=r"2\.jpg: frame 0: got a damaged image"):
        _steps(1.0, "fail")
