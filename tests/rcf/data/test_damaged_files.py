"""A damaged training file ends the training, or its clip is left out and counted; always by the same rule."""

import logging

import pytest
import torch

from rcf.config import AugmentConfig, OnCorrupt
from rcf.data.annotations import Video
from rcf.data.clip_plan import ClipPlan, plan_clips
from rcf.data.order import Pool, video_of
from rcf.data.sampling import sample_clips
from rcf.errors import InputError, Problem
from rcf.structures import ClipBatch, FrameTargets


class Damaged:
    """Videos of one frame that shows their number; the frames of some cannot be read."""

    def __init__(self, videos: int, *broken: int) -> None:
        self.videos = tuple(Video(number, 32, 32, 1, (f"{number}.jpg",)) for number in range(videos))
        self.pools = (Pool(0, videos),)
        self.broken = broken
        self.listens = False

    def frame(self, video_index: int, frame_index: int) -> torch.Tensor:
        if video_index in self.broken:
            raise InputError([Problem(f"{video_index}.jpg", "frame 0", "a damaged image", "an image")])
        return torch.full((3, 32, 32), video_index, dtype=torch.uint8)

    def targets(self, video_index: int, frame_index: int) -> FrameTargets:
        none = torch.zeros(0, dtype=torch.int64)
        return FrameTargets(none, torch.zeros(0, 32, 32, dtype=torch.bool), none)

    def audio(self, video_index: int, frame_index: int) -> torch.Tensor:
        return torch.zeros(0, 64)


def _sample(source: Damaged, places: range | None = None, step: int = 0, on_corrupt: OnCorrupt = "skip") -> ClipBatch:
    plan = ClipPlan(8, 1, 0, AugmentConfig(flip=False), on_corrupt=on_corrupt)
    return sample_clips(source, plan, 0, step, places)


def _shown(batch: ClipBatch) -> list[int]:
    return batch.frames[:, 0, 0, 0, 0].tolist()


def _planned(step: int = 0) -> list[int]:
    source = Damaged(20)
    return [clip.video_index for clip in plan_clips(source.videos, source.pools, ClipPlan(8, 1, 0), 0, step)]


def test_by_default_a_damaged_file_ends_the_training_and_is_named() -> None:
    broken = _planned()[3]
    with pytest.raises(InputError, match=rf"{broken}\.jpg: frame 0: got a damaged image"):
        _sample(Damaged(20, broken), on_corrupt="fail")


def test_a_damaged_file_that_is_not_asked_for_does_no_harm() -> None:
    unseen = next(number for number in range(20) if number not in _planned())
    batch = _sample(Damaged(20, unseen), on_corrupt="fail")
    assert (_shown(batch), batch.skipped) == (_planned(), 0)


def test_the_next_video_in_the_order_stands_in_for_a_damaged_one() -> None:
    planned = _planned()
    batch = _sample(Damaged(20, planned[3]))
    assert _shown(batch) == [*planned[:3], planned[4], *planned[4:]]
    assert batch.skipped == 1


def test_the_next_but_one_stands_in_for_two_damaged_ones_in_a_row() -> None:
    planned = _planned()
    batch = _sample(Damaged(20, planned[3], planned[4]))
    assert _shown(batch) == [*planned[:3], planned[5], planned[5], *planned[5:]]
    assert batch.skipped == 3


def test_after_the_last_video_of_an_epoch_the_next_epoch_goes_on() -> None:
    source = Damaged(8)
    last = video_of(source.pools, plan_clips(source.videos, source.pools, ClipPlan(8, 1, 0), 0, 0)[7].draw, 0)
    first = plan_clips(source.videos, source.pools, ClipPlan(8, 1, 0), 0, 1)[0].video_index
    assert last != first
    assert _shown(_sample(Damaged(8, last)))[7] == first


def test_what_stands_in_does_not_depend_on_the_worker() -> None:
    source = Damaged(20, _planned()[3], _planned()[6])
    parts = [_sample(source, range(start, start + 4)) for start in (0, 4)]
    assert _shown(parts[0]) + _shown(parts[1]) == _shown(_sample(source))
    assert sum(part.skipped for part in parts) == _sample(source).skipped == 2


def test_more_than_half_of_a_batch_damaged_is_an_error_that_names_them() -> None:
    with pytest.raises(InputError) as caught:
        _sample(Damaged(20, *_planned()[:5]))
    assert len(caught.value.problems) == 5


def test_one_damaged_file_is_replaced_in_a_part_of_one_clip_too() -> None:
    assert _sample(Damaged(20, _planned()[2]), range(2, 3)).skipped == 1


def test_a_set_that_is_all_damaged_ends(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(InputError):
        _sample(Damaged(3, 0, 1, 2))


def test_each_clip_that_is_left_out_is_logged_with_its_file(caplog: pytest.LogCaptureFixture) -> None:
    broken = _planned()[3]
    with caplog.at_level(logging.WARNING):
        _sample(Damaged(20, broken))
    (record,) = caplog.records
    assert f"{broken}.jpg" in record.getMessage()
    assert record.getMessage().startswith("event=clip_skipped step=0")
