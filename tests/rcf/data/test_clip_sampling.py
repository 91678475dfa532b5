"""Clips are a pure function of seed and step, windows are clamped, a flip turns a whole clip."""

from collections import Counter
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rcf.config import AugmentConfig
from rcf.data.annotations import Video
from rcf.data.clip_plan import Clip, ClipPlan, clip_frames, plan_clips, window
from rcf.data.order import Pool
from rcf.data.sampling import sample_clips
from rcf.data.ytvis import VideoDataset
from rcf.structures import ClipBatch, FrameTargets


class Numbered:
    """Frames that say where they come from: channel 0 is the video, channel 1 the frame, channel 2 the column."""

    def __init__(self, *lengths: int) -> None:
        self.videos = tuple(Video(i, 4, 2, length, ("x",) * length) for i, length in enumerate(lengths))
        self.pools = (Pool(0, len(lengths)),)

    listens = True

    def audio(self, video_index: int, frame_index: int) -> torch.Tensor:
        return torch.full((16, 64), 1000.0 * video_index + frame_index)

    def frame(self, video_index: int, frame_index: int) -> torch.Tensor:
        columns = torch.arange(4, dtype=torch.uint8).expand(2, 4)
        return torch.stack([torch.full_like(columns, video_index), torch.full_like(columns, frame_index), columns])

    def targets(self, video_index: int, frame_index: int) -> FrameTargets:
        masks = torch.zeros(1, 2, 4, dtype=torch.bool)
        masks[..., 0] = True
        return FrameTargets(torch.tensor([0]), masks, torch.tensor([1000 * video_index + frame_index]))


def _sample(source: Any, **changes: Any) -> ClipBatch:
    options: dict[str, Any] = {"clips": 4, "targets": 2, "references": 1, "flip": True, "seed": 3, "step": 5} | changes
    seed, step = options.pop("seed"), options.pop("step")
    return sample_clips(source, _plan(**options), seed, step)


def _plan(flip: bool, clips: int, targets: int, references: int = 0) -> ClipPlan:
    return ClipPlan(clips, targets, references, AugmentConfig(flip=flip))


def _planned(lengths: tuple[int, ...], clips: int, targets: int, flip: bool, seed: int, step: int) -> list[Clip]:
    source = Numbered(*lengths)
    return plan_clips(source.videos, source.pools, _plan(flip, clips, targets), seed, step)


def _tracks(batch: ClipBatch) -> list[list[int]]:
    return [[int(target.tracks[0]) for target in clip] for clip in batch.targets]


@given(st.integers(0, 200), st.integers(0, 5))
def test_a_window_holds_the_frames_before_the_target(t: int, references: int) -> None:
    frames = window(t, references)
    assert len(frames) == references
    assert all(frame == max(t - references + place, 0) for place, frame in enumerate(frames))


def test_at_the_start_the_oldest_frame_is_repeated() -> None:
    assert (window(0, 3), window(2, 3)) == ([0, 0, 0], [0, 0, 1])


@given(st.integers(1, 40), st.integers(1, 8), st.integers(0, 5), st.data())
def test_each_target_of_a_clip_has_the_window_of_online_inference(
    length: int, targets: int, references: int, data: st.DataObject
) -> None:
    first = data.draw(st.integers(0, max(length - targets, 0)))
    frames = clip_frames(length, first, targets, references)
    for place in range(min(targets, length)):
        assert frames[references + place] == first + place
        assert frames[place : place + references] == window(first + place, references)


def test_a_short_video_repeats_its_last_frame() -> None:
    assert clip_frames(2, 0, 4, 1) == [0, 0, 1, 1, 1]


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.integers(1, 6), st.integers(0, 99))
def test_no_clip_passes_the_end_of_its_video(lengths: list[int], targets: int, step: int) -> None:
    for clip in _planned(tuple(lengths), clips=3, targets=targets, flip=True, seed=0, step=step):
        assert 0 <= clip.first <= max(lengths[clip.video_index] - targets, 0)


def test_every_first_target_is_drawn() -> None:
    drawn = Counter(_planned((5,), clips=400, targets=2, flip=False, seed=0, step=0))
    assert [sum(n for clip, n in drawn.items() if clip.first == first) > 60 for first in range(4)] == [True] * 4


def _visited(videos: int, clips: int, steps: int) -> list[int]:
    lengths = (3,) * videos
    planned = [_planned(lengths, clips=clips, targets=1, flip=True, seed=1, step=step) for step in range(steps)]
    return [clip.video_index for batch in planned for clip in batch]


def test_each_epoch_takes_each_video_once() -> None:
    visited = _visited(videos=8, clips=4, steps=6)
    orders = [visited[start : start + 8] for start in (0, 8, 16)]
    assert all(sorted(order) == list(range(8)) for order in orders)
    assert orders[0] != orders[1]


def test_an_epoch_may_end_inside_a_batch() -> None:
    assert _visited(videos=5, clips=5, steps=3) == _visited(videos=5, clips=3, steps=5)


def test_the_same_step_gives_the_same_batch() -> None:
    one, two = _sample(Numbered(9, 7, 8)), _sample(Numbered(9, 7, 8))
    assert torch.equal(one.frames, two.frames)
    assert all(torch.equal(a.masks, b.masks) for x, y in zip(one.targets, two.targets, strict=True)
               for a, b in zip(x, y, strict=True))  # fmt: skip


@pytest.mark.parametrize("change", [{"seed": 4}, {"step": 6}])
def test_another_seed_or_step_gives_another_batch(change: dict[str, int]) -> None:
    source = Numbered(*range(20, 40))
    assert _tracks(_sample(source)) != _tracks(_sample(source, **change))


@pytest.mark.parametrize("references", [0, 1, 5])
def test_reference_frames_do_not_change_the_targets(references: int) -> None:
    source = Numbered(9, 7, 8)
    batch = _sample(source, references=references)
    assert _tracks(batch) == _tracks(_sample(source, references=2))
    assert batch.frames.shape == (4, references + 2, 3, 2, 4)


def test_switching_flips_off_does_not_change_the_targets() -> None:
    source = Numbered(9, 7, 8)
    assert _tracks(_sample(source, flip=False)) == _tracks(_sample(source))


def test_frames_and_targets_tell_of_the_same_place() -> None:
    batch = _sample(Numbered(9, 7, 8), clips=8, references=2)
    for clip, tracks in zip(batch.frames, _tracks(batch), strict=True):
        video, numbers = int(clip[0, 0, 0, 0]), clip[:, 1, 0, 0].tolist()
        assert tracks == [1000 * video + number for number in numbers[2:]]
        assert numbers[:2] == window(numbers[2], 2)


@given(st.integers(0, 50))
def test_a_flip_turns_all_frames_and_masks_of_a_clip(step: int) -> None:
    batch = _sample(Numbered(9, 7, 8), clips=6, step=step)
    for clip, targets in zip(batch.frames, batch.targets, strict=True):
        flipped = int(clip[0, 2, 0, 0]) == 3
        columns = [3, 2, 1, 0] if flipped else [0, 1, 2, 3]
        assert (clip[:, 2] == torch.tensor(columns, dtype=torch.uint8)).all()
        assert all(bool(target.masks[0, 0, 3 if flipped else 0]) and target.masks.sum() == 2 for target in targets)


def test_plans_are_pinned_so_that_finished_work_stays_comparable() -> None:
    """Another plan for the same seed is another training: mark it [numbers] in the changelog."""
    lengths = (9, 7, 8, 12, 5)
    planned = [
        (clip.video_index, clip.first, clip.flipped)
        for step in range(2)
        for clip in _planned(lengths, clips=4, targets=2, flip=True, seed=3, step=step)
    ]
    assert planned == [
        (1, 3, False), (4, 1, True), (2, 0, True), (0, 3, True),
        (3, 7, False), (1, 5, True), (4, 0, False), (2, 2, True),
    ]  # fmt: skip


def test_about_half_of_the_clips_are_flipped() -> None:
    flipped = sum(clip.flipped for clip in _planned((3,) * 4, clips=400, targets=1, flip=True, seed=0, step=0))
    assert 150 < flipped < 250


def test_no_clip_is_flipped_when_flips_are_off() -> None:
    assert not any(clip.flipped for clip in _planned((3,) * 4, clips=50, targets=1, flip=False, seed=0, step=0))


def test_sampling_leaves_the_frames_of_the_data_set_as_they_were(small_set: Any) -> None:
    dataset = VideoDataset(small_set.load(), small_set.frames, 6, 8)
    before = dataset.frame(0, 0).clone()
    _sample(dataset, clips=8).frames.zero_()
    assert torch.equal(dataset.frame(0, 0), before)
